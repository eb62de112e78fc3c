"""Where the camera stands and what of the person the crop shows."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from meshrec.geometry.crops import PERSON_CROP_ENLARGEMENT
from meshrec.structures import PinholeCamera


@dataclass(frozen=True)
class Framing:
    """A square crop of a photo of each person.

    Attributes:
        translation: (B, 3) of the body's origin in the camera frame, metres.
        camera: pinhole cameras of the crops.
        weak_camera: (B, 3) s, tx, ty of the same crops, exact at the body's origin.
        photo_edges_crop: (B, 4) left, top, right, bottom edge of the photo in crop pixels; beyond it the crop is empty.
    """

    translation: Tensor
    camera: PinholeCamera
    weak_camera: Tensor
    photo_edges_crop: Tensor


def frame_people(
    vertices: Tensor, size: int, generator: Generator, truncated: float = 0.35, loose: float = 0.15
) -> Framing:
    """Photograph bodies from random distances and crop them around what is visible.

    Args:
        vertices: (B, V, 3) metres, body origin, camera axes.
        size: side of the crop in pixels.
        truncated: share of people whom the photo's edge cuts off.
        loose: share of crops that show the person smaller than a box around it would.
    """
    count = len(vertices)
    uniform = lambda low, high: low + (high - low) * torch.rand(count, generator=generator)  # noqa: E731
    depth = 2.2 * (12 / 2.2) ** uniform(0, 1)
    lateral = torch.stack([0.25 * depth * uniform(-1, 1), 0.15 * depth * uniform(-1, 1)], dim=1)
    translation = torch.cat([lateral, depth[:, None]], dim=1)
    points = vertices[..., :2] + lateral[:, None]
    points = points / (vertices[..., 2:] + depth[:, None, None]).clamp_min(0.3)
    edges = _photo_edges(points, truncated, generator)
    low, high = _visible_box(points, edges)
    side = PERSON_CROP_ENLARGEMENT * (high - low).amax(1) * torch.exp(0.12 * torch.randn(count, generator=generator))
    centre = 0.5 * (low + high) + 0.05 * side[:, None] * torch.randn(count, 2, generator=generator)
    # Without a box the whole photo is the crop: some people are small in it and off its middle.
    zoom = torch.where(uniform(0, 1) < loose, uniform(1, 2.2), torch.ones(count))
    centre = centre + 0.5 * (side * (zoom - 1))[:, None] * (2 * torch.rand(count, 2, generator=generator) - 1)
    side = side * zoom
    focal_px = size / side
    centre_px = 0.5 * size - focal_px[:, None] * centre
    camera = PinholeCamera(focal_px[:, None].expand(-1, 2).contiguous(), centre_px, (size, size))
    scale = 2 * focal_px / (size * depth)
    shift = lateral + (2 * centre_px / size - 1) / scale[:, None]
    edges_crop = edges * focal_px[:, None] + centre_px.repeat(1, 2)
    return Framing(translation, camera, torch.cat([scale[:, None], shift], dim=1), edges_crop)


def _photo_edges(points: Tensor, truncated: float, generator: Generator) -> Tensor:
    """(B, 4) left, top, right, bottom of the photo at unit depth; some cut the person, the others lie far away."""
    count = len(points)
    low, high = points.amin(1), points.amax(1)
    cut = 0.08 + 0.4 * torch.rand(count, generator=generator)
    which = torch.multinomial(torch.tensor([0.16, 0.08, 0.16, 0.6]), count, replacement=True, generator=generator)
    is_cut = torch.rand(count, generator=generator) < truncated
    span = (high - low).repeat(1, 2)
    far = torch.cat([low, high], dim=1) + torch.tensor([-1.0, -1.0, 1.0, 1.0]) * (
        0.02 + 1.8 * torch.rand(count, 4, generator=generator)
    ) * span.amax(1, keepdim=True)
    near = torch.cat([low, high], dim=1) + torch.tensor([1.0, 1.0, -1.0, -1.0]) * cut[:, None] * span
    chosen = torch.nn.functional.one_hot(which, 4).bool() & is_cut[:, None]
    return torch.where(chosen, near, far)


def _visible_box(points: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
    """Corners (B, 2) of the box around the points inside the photo."""
    inside = ((points >= edges[:, None, :2]) & (points <= edges[:, None, 2:])).all(-1, keepdim=True)
    inside = inside | ~inside.any(1, keepdim=True)
    infinity = torch.full_like(points, torch.inf)
    return torch.where(inside, points, infinity).amin(1), torch.where(inside, points, -infinity).amax(1)
