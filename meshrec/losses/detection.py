"""Losses of a two-stage detector of people: is there somebody, and where exactly is the box.

Both stages compare sampled boxes only; their losses are divided by how many were sampled, background included, so that
the box regression weighs less where few people are (Fast R-CNN's rule, which detectron2 follows).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from meshrec.checks import check_shapes


def objectness_loss(logits: Tensor, is_person: Tensor) -> Tensor:
    """Binary cross-entropy of sampled anchors, their mean.

    Args:
        logits: (N,).
        is_person: (N,) bool; the others are background.
    """
    check_shapes(logits=(logits, "N"), is_person=(is_person, "N"))
    loss = F.binary_cross_entropy_with_logits(logits.float(), is_person.float(), reduction="sum")
    return loss / max(1, len(is_person))


def person_loss(logits: Tensor, is_person: Tensor) -> Tensor:
    """Cross-entropy of sampled proposals, their mean.

    Args:
        logits: (N, 2), the person's first and the background's last, as detectron2 has them.
        is_person: (N,) bool.
    """
    check_shapes(logits=(logits, "N 2"), is_person=(is_person, "N"))
    loss = F.cross_entropy(logits.float(), (~is_person).long(), reduction="sum")
    return loss / max(1, len(is_person))


def box_loss(deltas: Tensor, target: Tensor, is_person: Tensor, knee: float = 0.0) -> Tensor:
    """Smooth L1 of the box code, over the people among the sampled boxes, divided by all that were sampled.

    Args:
        deltas: (N, 4) predicted shift and logarithm of scale, in the stage's own weighting.
        target: (N, 4); means nothing for background.
        is_person: (N,) bool.
        knee: error below which the loss is quadratic; 0, detectron2's default, makes it L1.
    """
    check_shapes(deltas=(deltas, "N 4"), target=(target, "N 4"), is_person=(is_person, "N"))
    known = torch.where(is_person[:, None], target.to(deltas.dtype), deltas.detach())
    loss = F.smooth_l1_loss(deltas.float(), known.float(), reduction="none", beta=knee)
    return loss.sum() / max(1, len(is_person))
