"""Cuts triangles at the near plane of a perspective camera, so that what lies in front of it is still drawn."""

from __future__ import annotations

import torch
from torch import Tensor


def clipped_triangles(corners_cam: Tensor, near: float) -> tuple[Tensor, Tensor]:
    """The parts of triangles beyond the near plane, for triangles that cross it.

    One corner is alone on its side of the plane. Alone in front it leaves a smaller triangle, alone behind it leaves
    a quadrilateral, drawn as two triangles. Corner order, and so the facing, is kept. A cut is computed from the
    corner behind to the one in front, whichever triangle asks, so neighbours meet at the same point.

    Args:
        corners_cam: (N, 3, 3) corners, metres; each triangle has corners on both sides of the plane.
        near: distance of the plane along z, metres.
    Returns:
        The (M, 3, 3) corners of the parts, and for each part the (M,) long index of its triangle.
    """
    in_front = corners_cam[..., 2] >= near
    one_in_front = in_front.sum(1) == 1
    lone = torch.where(one_in_front[:, None], in_front, ~in_front).long().argmax(1)
    row = torch.arange(len(lone), device=lone.device)
    first, second, third = (corners_cam[row, (lone + turn) % 3] for turn in range(3))
    towards_second, towards_third = _cut(first, second, near), _cut(first, third, near)
    tip = torch.stack([first, towards_second, towards_third], 1)
    base = torch.stack([towards_second, second, third], 1)
    rest = torch.stack([towards_second, third, towards_third], 1)
    front, behind = one_in_front.nonzero()[:, 0], (~one_in_front).nonzero()[:, 0]
    return torch.cat([tip[front], base[behind], rest[behind]]), torch.cat([front, behind, behind])


def _cut(start: Tensor, end: Tensor, near: float) -> Tensor:
    """(N, 3) points where segments between (N, 3) points on both sides meet the plane."""
    swap = start[:, 2:] > end[:, 2:]
    behind, ahead = torch.where(swap, end, start), torch.where(swap, start, end)
    fraction = (near - behind[:, 2:]) / (ahead[:, 2:] - behind[:, 2:])
    cut = behind + fraction * (ahead - behind)
    return torch.cat([cut[:, :2], torch.full_like(fraction, near)], 1)
