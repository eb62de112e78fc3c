"""Putting people before backgrounds, beside other people and behind things."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from meshrec.data.synthetic.dice import Dice

_WAVES = 4  # of an obstacle's outline


def add_neighbours(
    picture: Tensor, mask: Tensor, person: Tensor, dice: Dice, behind: float = 0.3, before: float = 0.08
) -> tuple[Tensor, Tensor]:
    """Put other people of the batch behind or before some of them.

    Args:
        picture: (B, 3, S, S) every person before their background; changed in place.
        mask: (B, S, S) 1 on the person.
        person: (B, 3, S, S) the same people before nothing.
    Returns:
        The pictures, and what is left visible of each mask.
    """
    count, _, size, _ = picture.shape
    lot = dice.uniform(count)
    chosen = ((lot < behind) | (lot > 1 - before)).nonzero()[:, 0]
    zoom = torch.exp(0.35 * dice.normal(count))
    side = torch.where(dice.chance(0.5, count), 1.0, -1.0) * dice.uniform(count, low=0.35, high=0.95)
    shift = torch.stack([side, 0.3 * dice.normal(count)], dim=1)
    if count < 2 or not len(chosen):
        return picture, mask
    theta = torch.zeros(count, 2, 3, device=picture.device)
    theta[:, 0, 0] = theta[:, 1, 1] = 1 / zoom
    theta[:, :, 2] = shift / zoom[:, None]
    other = (chosen + 1) % count
    layer = torch.cat([person.index_select(0, other), mask.index_select(0, other)[:, None]], dim=1)
    grid = F.affine_grid(theta.index_select(0, chosen), list(layer.shape), align_corners=False)
    layer = F.grid_sample(layer, grid, align_corners=False)
    alpha, own = layer[:, 3:], mask.index_select(0, chosen)
    in_front = (lot.index_select(0, chosen) > 1 - before)[:, None, None]
    alpha = alpha * torch.where(in_front, 1.0, 1 - own)[:, None]
    # Colours are already weighted by coverage: what lies under a soft edge shows through by the rest.
    colour = layer[:, :3] / layer[:, 3:].clamp_min(1e-3)
    picture.index_copy_(0, chosen, torch.lerp(picture.index_select(0, chosen), colour, alpha))
    left = own * (1 - (in_front & (alpha[:, 0] > 0.5)).float())
    return picture, mask.index_copy(0, chosen, left)


def add_obstacles(picture: Tensor, mask: Tensor, background: Tensor, dice: Dice, share: float) -> tuple[Tensor, Tensor]:
    """Put something with the texture of another person's background before some people.

    Boxes, rounded blobs, poles, and tables or walls that hide everything below an edge.

    Args:
        picture, background: (B, 3, S, S); mask: (B, S, S).
        share: of the people with an obstacle.
    Returns:
        Pictures and remaining masks.
    """
    count, _, size, _ = picture.shape
    steps = (torch.arange(size, device=picture.device) + 0.5) / size * 2 - 1
    centre, half = dice.uniform(count, 2, low=-0.9, high=0.9), dice.uniform(count, 2, low=0.08, high=0.38)
    kind = dice.choose([0.25, 0.4, 0.15, 0.2], count)
    angle = torch.where(kind == 2, 0.25 * dice.normal(count), dice.uniform(count, low=0.0, high=math.pi))
    angle = torch.where(kind == 3, 0.12 * dice.normal(count), angle)
    half = torch.where((kind == 2)[:, None], torch.stack([0.3 * half[:, 0], torch.full_like(angle, 3.0)], 1), half)
    depth = dice.uniform(count, low=0.1, high=0.7)  # of a table's edge below the middle
    has = dice.chance(share, count)
    phases, sizes = dice.uniform(count, _WAVES, low=0.0, high=2 * math.pi), 0.12 * dice.normal(count, _WAVES)
    chosen = has.nonzero()[:, 0]
    if not len(chosen):
        return picture, mask
    centre, half, kind, angle, depth, phases, sizes = (
        values.index_select(0, chosen) for values in (centre, half, kind, angle, depth, phases, sizes)
    )
    centre = torch.where((kind == 3)[:, None], torch.stack([torch.zeros_like(depth), depth + 2.0], 1), centre)
    half = torch.where((kind == 3)[:, None], torch.tensor([4.0, 2.0], device=half.device), half)
    x, y = steps[None, None, :] - centre[:, 0, None, None], steps[None, :, None] - centre[:, 1, None, None]
    cosine, sine = torch.cos(angle)[:, None, None], torch.sin(angle)[:, None, None]
    along, across = (cosine * x + sine * y) / half[:, 0, None, None], (cosine * y - sine * x) / half[:, 1, None, None]
    round_ = (kind == 1).nonzero()[:, 0]
    inside = torch.maximum(along.abs(), across.abs()) < 1
    if len(round_):
        bent = _outline(along[round_], across[round_], phases[round_], sizes[round_])
        inside = inside.index_copy(0, round_, bent)
    texture = background.index_select(0, (chosen + 1) % count)
    covered = torch.where(inside[:, None], texture, picture.index_select(0, chosen))
    return picture.index_copy(0, chosen, covered), mask.index_copy(0, chosen, mask.index_select(0, chosen) * ~inside)


def _outline(along: Tensor, across: Tensor, phases: Tensor, sizes: Tensor) -> Tensor:
    """Which pixels lie inside ellipses whose radius waves around the centre."""
    angle = torch.atan2(across, along)
    radius = torch.ones_like(angle)
    for wave, (phase, size) in enumerate(zip(phases.unbind(1), sizes.unbind(1)), start=2):
        radius = radius + size[:, None, None] * torch.sin(wave * angle + phase[:, None, None])
    return along.square() + across.square() < radius.square()
