"""Light on people: an environment in spherical harmonics, one lamp that casts shadows, and what arrives where."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from meshrec.data.synthetic.dice import Dice

_LOBES = 3
_HARSH = 0.55  # share of people whom a lamp or the sun lights besides the surroundings


@dataclass(frozen=True)
class Lights:
    """The light around B people, camera axes.

    Attributes:
        harmonics: (B, 9, 3) coefficients of the irradiance in `_basis`, second-order spherical harmonics, per colour.
        towards: (B, 3) unit direction to the lamp.
        lamp: (B, 3) its irradiance on a surface that faces it; zero without one.
    """

    harmonics: Tensor
    towards: Tensor
    lamp: Tensor


def draw_lights(up: Tensor, brightness: Tensor, dice: Dice) -> Lights:
    """Light for B people.

    Sky from above, a dimmer bounce from the ground, a few soft lobes such as windows, and for some a lamp. All of it is
    as bright and as coloured, in part, as the place where the person stands.

    Args:
        up: (B, 3) unit, camera axes.
        brightness: (B, 3) mean colour of the background.
    """
    count = len(up)
    sky = dice.uniform(count, 1, low=0.45, high=1.15) * _tint(count, dice, 0.06)
    ground = sky * dice.uniform(count, 1, low=0.3, high=0.85) * _tint(count, dice, 0.08)
    harmonics = _hemisphere(up, sky) + _hemisphere(-up, ground)
    for _ in range(_LOBES):
        direction = F.normalize(dice.normal(count, 3), dim=1)
        strength = 0.6 * dice.uniform(count, 1) ** 2
        harmonics = harmonics + _lobe(direction, strength * _tint(count, dice, 0.1))
    towards = F.normalize(0.7 * dice.uniform(count, 1) * up + 0.6 * dice.normal(count, 3), dim=1)
    below = (towards * up).sum(1, keepdim=True) < -0.1
    towards = torch.where(below, towards - 2 * (towards * up).sum(1, keepdim=True) * up, towards)
    lamp = dice.uniform(count, 1, low=0.25, high=0.95) * _tint(count, dice, 0.08) * dice.chance(_HARSH, count, 1)
    # A quarter of the scene's own colour and half of its brightness: photographs are exposed for their people.
    scene = (brightness / 0.45).clamp(0.4, 1.6)
    exposure = 0.5 + 0.5 * scene.mean(1, keepdim=True)
    cast = 0.75 + 0.25 * scene / scene.mean(1, keepdim=True)
    return Lights(harmonics * (exposure * cast)[:, None], towards, lamp * exposure)


def shade(albedo: Tensor, normals: Tensor, occlusion: Tensor, lit: Tensor, lights: Lights, counts: list[int]) -> Tensor:
    """Lambertian shading.

    Args:
        albedo, normals: (N, 3) of the visible points of B people, one person after the other.
        occlusion: (N,) share of the surroundings' light that arrives; lit: (N,) share of the lamp's.
        lights: of the people; counts: points of each.
    Returns:
        (N, 3) colours in [0, 1].
    """
    basis = _basis(normals)
    around, facing = torch.empty_like(albedo), torch.empty_like(occlusion)
    first = 0
    for person, count in enumerate(counts):
        own = slice(first, first + count)
        torch.mm(basis[own], lights.harmonics[person], out=around[own])
        torch.mv(normals[own], lights.towards[person], out=facing[own])
        first += count
    person = torch.arange(len(counts), device=albedo.device).repeat_interleave(
        torch.tensor(counts, device=albedo.device), output_size=first
    )
    lamp = lights.lamp.index_select(0, person) * (facing.clamp_min_(0) * lit)[:, None]
    return around.mul_(occlusion[:, None]).add_(lamp).mul_(albedo).clamp_(0, 1)


def _hemisphere(direction: Tensor, colour: Tensor) -> Tensor:
    """(B, 9, 3) harmonics of an evenly bright half of the sphere: exactly (1 + c) / 2."""
    constant = torch.tensor([0.5, 0.5, 0.5, 0.0, 0.0, 0.0], device=direction.device).expand(len(direction), 6)
    return torch.cat([0.5 * direction, constant], dim=1)[..., None] * colour[:, None]


def _lobe(direction: Tensor, colour: Tensor) -> Tensor:
    """(B, 9, 3) harmonics of the clamped cosine around a direction: max(c, 0) is about 1/4 + c/2 + 5/32 (3 c^2 - 1).

    Ramamoorthi and Hanrahan, "An Efficient Representation for Irradiance Environment Maps", SIGGRAPH 2001: two orders
    carry 99 % of it.
    """
    x, y, z = direction.unbind(1)
    quadratic = torch.stack([x * x, y * y, z * z, 2 * x * y, 2 * y * z, 2 * x * z], dim=1) * (15 / 32)
    linear = 0.5 * direction
    # x^2 + y^2 + z^2 = 1 carries the constant: 1/4 - 5/32.
    quadratic[:, :3] += 1 / 4 - 5 / 32
    return torch.cat([linear, quadratic], dim=1)[..., None] * colour[:, None]


def _basis(normals: Tensor) -> Tensor:
    """(N, 9) of unit normals (N, 3)."""
    x, y, z = normals.unbind(1)
    return torch.stack([x, y, z, x * x, y * y, z * z, x * y, y * z, x * z], dim=1)


def _tint(count: int, dice: Dice, spread: float) -> Tensor:
    """(B, 3) factors around one."""
    return (1 + spread * dice.normal(count, 3)).clamp(0.6, 1.4)
