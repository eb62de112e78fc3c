"""Errors that a correspondence net makes, put on rendered correspondence so that lifting learns to live with them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from meshrec.data.synthetic.dice import Dice
from meshrec.structures import IuvMap

# A light DensePose-RCNN mistakes the side of every fourth person or so, and puts half of the pixels on a wrong part.
FINDER_SEVERITY = 4.0


def corrupt_iuv(mask: Tensor, uv: Tensor, dice: Dice, atlas_hash: str = "", severity: float = 1.0) -> IuvMap:
    """Rendered masks and coordinates with smooth noise, mirrored patches, holes and ragged edges.

    Args:
        mask: (B, h, w) 0 or 1.
        uv: (B, 2, h, w) in [0, 1]; the atlas is symmetric about u = 0.5, so 1 - u is the same place on the other side.
        severity: multiplies how far coordinates are off and how often people are mirrored; 1 for the errors of a
            correspondence net, more for a net that should doubt what it is told.
    """
    count, height, width = mask.shape
    chance = lambda share: dice.chance(share, count, 1, 1)  # noqa: E731
    strength = 0.025 * severity * dice.uniform(count, 1, 1, 1)
    noise = _smooth(count, 2, 6, height, dice) + 0.4 * dice.normal(*uv.shape)
    uv = (uv + strength * noise).clamp(0, 1)
    patches = _smooth(count, 1, 4, height, dice)[:, 0] > 1.0
    mirrored = chance(0.06 * severity) | (chance(min(1.0, 0.2 * severity)) & patches)
    uv = torch.cat([torch.where(mirrored[:, None], 1 - uv[:, :1], uv[:, :1]), uv[:, 1:]], dim=1)
    hole = chance(0.3) & _box(count, height, width, dice)
    ragged = _smooth(count, 1, 10, height, dice)[:, 0] > 2.2 - 0.8 * dice.uniform(count, 1, 1)
    speckle = dice.chance(0.01, count, height, width)
    return IuvMap(mask * ~(hole | ragged | speckle), uv, atlas_hash)


def corrupt_joints(joints_ndc: Tensor, confidence: Tensor, mirror: tuple[int, ...], dice: Dice) -> Tensor:
    """2D joints as a detector would give them: (B, J, 3) x, y and a confidence, noisy, some missing or swapped.

    Args:
        joints_ndc: (B, J, 2).
        confidence: (B, J) 0 outside the crop.
        mirror: index of each joint's mirror image.
    """
    count, joints, _ = joints_ndc.shape
    swapped = dice.chance(0.05, count, 1, 1)
    points = torch.where(swapped, joints_ndc[:, list(mirror)], joints_ndc)
    spread = 0.01 + 0.12 * dice.uniform(count, joints, 1) ** 3
    points = points + spread * dice.normal(*points.shape)
    seen = confidence * (dice.uniform(count, joints) > 0.1)
    seen = seen * (dice.uniform(count, 1) > 0.15)
    certainty = seen * torch.exp(-spread[..., 0] / 0.2) * (0.7 + 0.3 * dice.uniform(count, joints))
    return torch.cat([points, certainty[..., None]], dim=-1)


def _smooth(count: int, channels: int, cells: int, size: int, dice: Dice) -> Tensor:
    """(B, C, size, size) noise of unit deviation, roughly, that changes over a few cells per image."""
    noise = dice.normal(count, channels, cells, cells)
    return 1.4 * F.interpolate(noise, size=(size, size), mode="bilinear", align_corners=False)


def _box(count: int, height: int, width: int, dice: Dice) -> Tensor:
    """(B, h, w) True inside one random box each, an eighth to a half of the image wide."""
    draw = lambda: dice.uniform(count, 1, 1)  # noqa: E731
    down, across = (torch.arange(side, device=dice.device) + 0.5 for side in (height, width))
    half_down, half_across = height * (0.06 + 0.19 * draw()), width * (0.06 + 0.19 * draw())
    return ((down[:, None] - height * draw()).abs() < half_down) & ((across - width * draw()).abs() < half_across)
