"""Averages over what is known; with nothing known they are zero with zero gradient."""

from __future__ import annotations

import torch
from torch import Tensor


def valid_mean(values: Tensor, valid: Tensor) -> Tensor:
    """Weighted mean of the entries that are known.

    Args:
        values: any shape; entries with weight 0 do not matter, as long as they are finite.
        valid: flags or weights of at least 0, with as many leading axes as it has; the rest is broadcast.
    Returns:
        Scalar: the weighted sum divided by the sum of the weights, 0 if that is 0.
    """
    weight = valid.to(values.dtype).reshape(*valid.shape, *[1] * (values.dim() - valid.dim())).expand_as(values)
    total = weight.sum()
    return (values * weight).sum() / torch.where(total > 0, total, torch.ones_like(total))


def mean_over(values: Tensor, inside: Tensor) -> Tensor:
    """Mean of each image's pixels inside a region.

    Args:
        values: (B, H, W) or (B, C, H, W).
        inside: (B, H, W) flags.
    Returns:
        (B,), 0 for an empty region.
    """
    region = inside if values.dim() == 3 else inside[:, None].expand_as(values)
    region = region.to(values.dtype)
    return (values * region).flatten(1).sum(dim=1) / region.flatten(1).sum(dim=1).clamp(min=1.0)
