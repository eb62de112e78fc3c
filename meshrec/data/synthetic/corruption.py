"""Errors that a correspondence net makes, put on rendered correspondence so that lifting learns to live with them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from meshrec.structures import IuvMap


def corrupt_iuv(mask: Tensor, uv: Tensor, generator: Generator, atlas_hash: str = "") -> IuvMap:
    """Rendered masks and coordinates with smooth noise, mirrored patches, holes and ragged edges.

    Args:
        mask: (B, h, w) 0 or 1.
        uv: (B, 2, h, w) in [0, 1]; the atlas is symmetric about u = 0.5, so 1 - u is the same place on the other side.
    """
    count, height, width = mask.shape
    chance = lambda share: torch.rand(count, 1, 1, generator=generator) < share  # noqa: E731
    strength = 0.025 * torch.rand(count, 1, 1, 1, generator=generator)
    noise = _smooth(count, 2, 6, height, generator) + 0.4 * torch.randn(uv.shape, generator=generator)
    uv = (uv + strength * noise).clamp(0, 1)
    mirrored = chance(0.06) | (chance(0.2) & (_smooth(count, 1, 4, height, generator)[:, 0] > 1.0))
    uv = torch.cat([torch.where(mirrored[:, None], 1 - uv[:, :1], uv[:, :1]), uv[:, 1:]], dim=1)
    hole = chance(0.3) & _box(count, height, width, generator)
    ragged = _smooth(count, 1, 10, height, generator)[:, 0] > 2.2 - 0.8 * torch.rand(count, 1, 1, generator=generator)
    speckle = torch.rand(count, height, width, generator=generator) < 0.01
    return IuvMap(mask * ~(hole | ragged | speckle), uv, atlas_hash)


def corrupt_joints(joints_ndc: Tensor, confidence: Tensor, mirror: tuple[int, ...], generator: Generator) -> Tensor:
    """2D joints as a detector would give them: (B, J, 3) x, y and a confidence, noisy, some missing or swapped.

    Args:
        joints_ndc: (B, J, 2).
        confidence: (B, J) 0 outside the crop.
        mirror: index of each joint's mirror image.
    """
    count, joints, _ = joints_ndc.shape
    swapped = torch.rand(count, 1, 1, generator=generator) < 0.05
    points = torch.where(swapped, joints_ndc[:, list(mirror)], joints_ndc)
    spread = 0.01 + 0.12 * torch.rand(count, joints, 1, generator=generator) ** 3
    points = points + spread * torch.randn(points.shape, generator=generator)
    seen = confidence * (torch.rand(count, joints, generator=generator) > 0.1)
    seen = seen * (torch.rand(count, 1, generator=generator) > 0.15)
    certainty = seen * torch.exp(-spread[..., 0] / 0.2) * (0.7 + 0.3 * torch.rand(count, joints, generator=generator))
    return torch.cat([points, certainty[..., None]], dim=-1)


def _smooth(count: int, channels: int, cells: int, size: int, generator: Generator) -> Tensor:
    """(B, C, size, size) noise of unit deviation, roughly, that changes over a few cells per image."""
    noise = torch.randn(count, channels, cells, cells, generator=generator)
    return 1.4 * F.interpolate(noise, size=(size, size), mode="bilinear", align_corners=False)


def _box(count: int, height: int, width: int, generator: Generator) -> Tensor:
    """(B, h, w) True inside one random box each, an eighth to a half of the image wide."""
    draw = lambda: torch.rand(count, 1, 1, generator=generator)  # noqa: E731
    down, across = torch.arange(height)[:, None] + 0.5, torch.arange(width)[None] + 0.5
    half_down, half_across = height * (0.06 + 0.19 * draw()), width * (0.06 + 0.19 * draw())
    return ((down - height * draw()).abs() < half_down) & ((across - width * draw()).abs() < half_across)
