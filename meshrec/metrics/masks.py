"""Overlap of masks."""

from __future__ import annotations

import torch
from torch import Tensor

from meshrec.checks import check_shapes


def mask_iou(predicted: Tensor, target: Tensor) -> Tensor:
    """Intersection over union of boolean masks (B, H, W), one value each; NaN where both are empty."""
    check_shapes(predicted=(predicted, "B H W"), target=(target, "B H W"))
    predicted, target = predicted.bool(), target.bool()
    union = (predicted | target).flatten(1).sum(1)
    intersection = (predicted & target).flatten(1).sum(1)
    return torch.where(union > 0, intersection / union.clamp_min(1), torch.nan)
