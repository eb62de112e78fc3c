"""Agreement of masks; one value per person, NaN where both masks are empty or a share has no pixels to be taken of.

Means over people differ from the pooled figures of the LSP protocol, which `meshrec.metrics.parts` computes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from meshrec.checks import check_shapes


def mask_iou(predicted: Tensor, target: Tensor) -> Tensor:
    """Intersection over union of boolean masks (B, H, W)."""
    both, only_predicted, only_target = _pixels(predicted, target)
    return _share(both, both + only_predicted + only_target)


def mask_accuracy(predicted: Tensor, target: Tensor) -> Tensor:
    """Share of all pixels on which two masks (B, H, W) agree, the background included."""
    check_shapes(predicted=(predicted, "B H W"), target=(target, "B H W"))
    return (predicted.bool() == target.bool()).flatten(1).float().mean(1)


def mask_precision(predicted: Tensor, target: Tensor) -> Tensor:
    """Share of the predicted mask that is right, (B,); NaN where nothing is predicted."""
    both, only_predicted, _ = _pixels(predicted, target)
    return _share(both, both + only_predicted)


def mask_recall(predicted: Tensor, target: Tensor) -> Tensor:
    """Share of the true mask that is found, (B,); NaN where there is nobody."""
    both, _, only_target = _pixels(predicted, target)
    return _share(both, both + only_target)


def mask_f1(predicted: Tensor, target: Tensor) -> Tensor:
    """Harmonic mean of precision and recall of the person's pixels, also called Dice, (B,)."""
    both, only_predicted, only_target = _pixels(predicted, target)
    return _share(2 * both, 2 * both + only_predicted + only_target)


def _pixels(predicted: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Pixels in both masks, in the prediction only, in the truth only, (B,) each."""
    check_shapes(predicted=(predicted, "B H W"), target=(target, "B H W"))
    predicted, target = predicted.bool().flatten(1), target.bool().flatten(1)
    return (predicted & target).sum(1), (predicted & ~target).sum(1), (~predicted & target).sum(1)


def _share(part: Tensor, whole: Tensor) -> Tensor:
    return torch.where(whole > 0, part / whole.clamp_min(1), torch.nan)
