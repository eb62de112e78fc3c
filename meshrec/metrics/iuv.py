"""Errors of dense correspondence."""

from __future__ import annotations

import torch
from torch import Tensor

from meshrec.checks import check_shapes


def uv_error(predicted: Tensor, target: Tensor, visible: Tensor) -> Tensor:
    """Mean distance in the atlas over the pixels that show the person.

    Args:
        predicted, target: (B, 2, H, W) in [0, 1].
        visible: (B, H, W) which pixels count.
    Returns:
        (B,) in atlas units (1 is the side of the chart); NaN where no pixel counts.
    """
    check_shapes(predicted=(predicted, "B 2 H W"), target=(target, "B 2 H W"), visible=(visible, "B H W"))
    visible = visible.bool()
    distance = (predicted - target).norm(dim=1) * visible
    count = visible.flatten(1).sum(1)
    return torch.where(count > 0, distance.flatten(1).sum(1) / count.clamp_min(1), torch.nan)
