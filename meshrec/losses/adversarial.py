"""Least-squares adversarial losses of HMR (CVPR 2018, equations 3 and 4): one for the net, one for its discriminator.

Judgements are sums over what is judged (25 of them in `meshrec.models.BodyDiscriminator`), means over the samples. Both
losses have weight 1 in HMR, beside a reprojection loss of weight 60.
"""

from __future__ import annotations

from torch import Tensor

from meshrec.checks import check_shapes


def adversarial_loss(on_predicted: Tensor) -> Tensor:
    """What the net pays for bodies that do not look recorded.

    Args:
        on_predicted: (B, K) the discriminator's judgements of the net's bodies, with gradient.
    """
    check_shapes(on_predicted=(on_predicted, "B K"))
    return (on_predicted - 1).square().sum(dim=1).mean()


def discriminator_loss(on_recorded: Tensor, on_predicted: Tensor) -> Tensor:
    """What the discriminator pays for confusing the two; the net's bodies come detached.

    Args:
        on_recorded: (B, K) its judgements of recorded bodies.
        on_predicted: (N, K) its judgements of the net's bodies; their number may differ.
    """
    check_shapes(on_recorded=(on_recorded, "B K"), on_predicted=(on_predicted, "N K"))
    return (on_recorded - 1).square().sum(dim=1).mean() + on_predicted.square().sum(dim=1).mean()
