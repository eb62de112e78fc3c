"""What of a photo the crop around a person shows, and where the photo ends."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec.data.synthetic.dice import Dice
from meshrec.geometry.crops import PERSON_CROP_ENLARGEMENT
from meshrec.structures import PinholeCamera


@dataclass(frozen=True)
class Framing:
    """A square crop of a photo of each person.

    Attributes:
        camera: pinhole cameras of the crops.
        weak_camera: (B, 3) s, tx, ty of the same crops, exact at the body's origin.
        photo_edges_crop: (B, 4) left, top, right, bottom edge of the photo in crop pixels; beyond it the crop is empty.
    """

    camera: PinholeCamera
    weak_camera: Tensor
    photo_edges_crop: Tensor

    def inside_photo(self) -> Tensor:
        """(B, S, S) bool: the pixel belongs to the photo rather than to the empty surroundings of the crop."""
        centres = torch.arange(self.camera.image_size[0], device=self.weak_camera.device) + 0.5
        left, top, right, bottom = self.photo_edges_crop[:, :, None].unbind(1)
        across, down = (centres > left) & (centres < right), (centres > top) & (centres < bottom)
        return across[:, None, :] & down[:, :, None]


def frame_people(
    vertices_cam: Tensor,
    offset_m: Tensor,
    size: int,
    dice: Dice,
    truncated: float = 0.35,
    loose: float = 0.15,
    enlargement: float = PERSON_CROP_ENLARGEMENT,
) -> Framing:
    """Crop photos around what is visible of each person.

    Args:
        vertices_cam: (B, V, 3) metres, camera frame.
        offset_m: (B, 3) of the bodies' origins in the camera frame.
        size: side of the crop in pixels.
        truncated: share of people whom the photo's edge cuts off.
        loose: share of crops that show the person smaller than a box around it would.
        enlargement: side of the others, before it is scaled at random, over the larger side of the box.
    """
    count = len(vertices_cam)
    points = vertices_cam[..., :2] / vertices_cam[..., 2:].clamp_min(0.3)
    edges = _photo_edges(points, truncated, dice)
    low, high = _visible_box(points, edges)
    side = enlargement * (high - low).amax(1) * torch.exp(0.12 * dice.normal(count))
    centre = 0.5 * (low + high) + 0.05 * side[:, None] * dice.normal(count, 2)
    # Without a box the whole photo is the crop: some people are small in it and off its middle.
    zoom = torch.where(dice.chance(loose, count), dice.uniform(count, low=1.0, high=2.2), 1.0)
    centre = centre + 0.5 * (side * (zoom - 1))[:, None] * dice.uniform(count, 2, low=-1.0, high=1.0)
    focal_px = size / (side * zoom)
    centre_px = 0.5 * size - focal_px[:, None] * centre
    camera = PinholeCamera(focal_px[:, None].expand(-1, 2).contiguous(), centre_px, (size, size))
    depth = offset_m[:, 2]
    scale = 2 * focal_px / (size * depth)
    shift = offset_m[:, :2] + (2 * centre_px / size - 1) / scale[:, None]
    edges_crop = edges * focal_px[:, None] + centre_px.repeat(1, 2)
    return Framing(camera, torch.cat([scale[:, None], shift], dim=1), edges_crop)


def _photo_edges(points: Tensor, truncated: float, dice: Dice) -> Tensor:
    """(B, 4) left, top, right, bottom of the photo at unit depth; some cut the person, the others lie far away."""
    count = len(points)
    low, high = points.amin(1), points.amax(1)
    box, span = torch.cat([low, high], dim=1), (high - low).repeat(1, 2)
    outward = torch.tensor([-1.0, -1.0, 1.0, 1.0], device=points.device)
    far = box + outward * dice.uniform(count, 4, low=0.02, high=1.82) * span.amax(1, keepdim=True)
    near = box - outward * dice.uniform(count, 1, low=0.08, high=0.48) * span
    side = dice.choose([0.16, 0.08, 0.16, 0.6], count)[:, None] == torch.arange(4, device=points.device)
    return torch.where(side & dice.chance(truncated, count, 1), near, far)


def _visible_box(points: Tensor, edges: Tensor) -> tuple[Tensor, Tensor]:
    """Corners (B, 2) of the box around the points inside the photo."""
    inside = ((points >= edges[:, None, :2]) & (points <= edges[:, None, 2:])).all(-1, keepdim=True)
    inside = inside | ~inside.any(1, keepdim=True)
    infinity = torch.full_like(points, torch.inf)
    return torch.where(inside, points, infinity).amin(1), torch.where(inside, points, -infinity).amax(1)
