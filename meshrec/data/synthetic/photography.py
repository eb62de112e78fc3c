"""From rendered people to something like photographs: light, neighbours, obstacles, and what a camera does to them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Generator, Tensor


def draw_lights(count: int, generator: Generator) -> Tensor:
    """Ambient and two directional lights per person: (B, 3, 6) direction towards the light (camera axes) and colour."""
    direction = torch.randn(count, 3, 3, generator=generator)
    direction[..., 1] = -direction[..., 1].abs() - 0.1  # lights hang above: y points down in the camera frame
    colour = 1 + 0.15 * torch.randn(count, 3, 3, generator=generator)
    strength = torch.stack(
        [
            0.35 + 0.5 * torch.rand(count, generator=generator),
            0.9 * torch.rand(count, generator=generator),
            0.4 * torch.rand(count, generator=generator),
        ],
        dim=1,
    )
    return torch.cat([F.normalize(direction, dim=-1), colour * strength[..., None]], dim=-1)


def shade(albedo: Tensor, normals: Tensor, person: Tensor, lights: Tensor) -> Tensor:
    """Lambert shading of points (N, 3) with unit normals (N, 3) in camera axes, by the lights of their person."""
    ambient, *directional = lights.unbind(1)
    # A little more light from above than from below, as under any sky or ceiling.
    total = ambient[person, 3:] * (1 - 0.25 * normals[:, 1:2])
    for light in directional:
        total = total + light[person, 3:] * (normals * light[person, :3]).sum(1, keepdim=True).clamp_min(0)
    return (albedo * total).clamp(0, 1)


def add_neighbours(
    people: Tensor, mask: Tensor, background: Tensor, generator: Generator, behind: float = 0.3, before: float = 0.08
) -> tuple[Tensor, Tensor]:
    """Composite every person over the background, some with other people of the batch behind or before them.

    Args:
        people: (B, 3, S, S) rendered people, zero elsewhere.
        mask: (B, S, S) 1 on the person.
        background: (B, 3, S, S).
    Returns:
        The pictures (B, 3, S, S) and what is left visible of each mask (B, S, S).
    """
    count, _, size, _ = people.shape
    layer = torch.cat([people, mask[:, None]], dim=1).roll(1, dims=0)
    zoom = torch.exp(0.35 * torch.randn(count, generator=generator))
    side = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    shift = torch.stack(
        [side * (0.35 + 0.6 * torch.rand(count, generator=generator)), 0.3 * torch.randn(count, generator=generator)],
        dim=1,
    )
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = 1 / zoom
    theta[:, :, 2] = shift / zoom[:, None]
    grid = F.affine_grid(theta, (count, 4, size, size), align_corners=False)
    layer = F.grid_sample(layer, grid, align_corners=False)
    lot = torch.rand(count, generator=generator)[:, None, None, None]
    alpha = layer[:, 3:]
    picture = torch.where(lot < behind, torch.lerp(background, layer[:, :3] / alpha.clamp_min(1e-3), alpha), background)
    picture = torch.where(mask[:, None] > 0, people, picture)
    in_front = (lot > 1 - before) & (alpha > 0.5)
    return torch.where(in_front, layer[:, :3], picture), mask * (1 - in_front[:, 0].float())


def add_obstacles(
    picture: Tensor, mask: Tensor, texture: Tensor, generator: Generator, share: float = 0.35
) -> tuple[Tensor, Tensor]:
    """Put a box or ellipse of another picture's texture before some people; returns pictures and remaining masks."""
    count, _, size, _ = picture.shape
    steps = (torch.arange(size) + 0.5) / size * 2 - 1
    centre = 0.9 * (2 * torch.rand(count, 2, generator=generator) - 1)
    half = 0.08 + 0.3 * torch.rand(count, 2, generator=generator)
    across = (steps[None, None, :] - centre[:, 0, None, None]) / half[:, 0, None, None]
    down = (steps[None, :, None] - centre[:, 1, None, None]) / half[:, 1, None, None]
    is_box = torch.rand(count, 1, 1, generator=generator) < 0.5
    inside = torch.where(is_box, torch.maximum(across.abs(), down.abs()), (across**2 + down**2).sqrt()) < 1
    inside = inside & (torch.rand(count, 1, 1, generator=generator) < share)
    return torch.where(inside[:, None], texture, picture), mask * (~inside)


def develop(picture: Tensor, generator: Generator) -> Tensor:
    """What a camera adds: blur, exposure, contrast, colour cast, noise. (B, 3, S, S) in [0, 1] to the same."""
    count = len(picture)
    uniform = lambda low, high: low + (high - low) * torch.rand(count, 1, 1, 1, generator=generator)  # noqa: E731
    blurred = _blur(picture, 0.35 + 1.1 * torch.rand(count, generator=generator) ** 2)
    gain = uniform(0.75, 1.4) * (1 + 0.07 * torch.randn(count, 3, 1, 1, generator=generator))
    mean = blurred.mean((1, 2, 3), keepdim=True)
    toned = ((blurred - mean) * uniform(0.7, 1.3) + mean) * gain
    grey = toned.mean(1, keepdim=True)
    toned = torch.lerp(grey, toned, torch.where(uniform(0, 1) < 0.05, torch.zeros(()), uniform(0.6, 1.25)))
    noise = torch.randn(picture.shape, generator=generator) * (0.03 * uniform(0, 1) ** 2)
    return (toned.clamp(1e-4, 1) ** uniform(0.7, 1.2) + noise).clamp(0, 1)


def _blur(picture: Tensor, sigma: Tensor, radius: int = 3) -> Tensor:
    """Gaussian blur with a standard deviation of its own for each picture, (B,) pixels."""
    count, channels, height, width = picture.shape
    offsets = torch.arange(-radius, radius + 1)
    kernel = torch.exp(-0.5 * (offsets / sigma[:, None]) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(channels, 0)
    flat = F.pad(picture.reshape(1, -1, height, width), (radius,) * 4, mode="reflect")
    flat = F.conv2d(flat, kernel[:, None, None, :], groups=count * channels)
    flat = F.conv2d(flat, kernel[:, None, :, None], groups=count * channels)
    return flat.reshape(count, channels, height, width)
