"""Cameras of made-up scenes: lens, height above the ground, tilt, and how large the main person appears."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec.data.synthetic.dice import Dice
from meshrec.geometry.rotations import rotation_about_x, rotation_about_z
from meshrec.structures import PinholeCamera

# Bounds of the full field of view along the longer side of the picture, degrees: a tele lens to a phone's wide angle.
_FIELD_OF_VIEW_DEG = (20.0, 75.0)
_PERSON_HEIGHT_M = 1.7
_SHARE = (0.09, 1.7)  # of the picture's height that the main person would fill
_NEAREST_M, _FARTHEST_M = 1.0, 45.0
# Shorter side over longer side of pictures, and how often.
_ASPECTS, _ASPECT_SHARES = (1.0, 0.8, 0.75, 2 / 3, 0.5625), (0.1, 0.1, 0.35, 0.35, 0.1)


@dataclass(frozen=True)
class SceneCameras:
    """The cameras of B scenes above a flat ground.

    World axes: y up, the ground at y = 0, the camera above the origin looking along -z.

    Attributes:
        rotation: (B, 3, 3) world axes to camera axes.
        height_m: (B,) of the camera above the ground.
        main_distance_m: (B,) where the person stands whom the picture is about.
        pinhole: the cameras; their pictures lie at the top left of a common square.
        sizes_px: (B, 2) long, height and width of the pictures.
    """

    rotation: Tensor
    height_m: Tensor
    main_distance_m: Tensor
    pinhole: PinholeCamera
    sizes_px: Tensor

    def __len__(self) -> int:
        return len(self.height_m)

    def half_width(self) -> Tensor:
        """(B,) half the picture's width at unit distance."""
        return 0.5 * self.sizes_px[:, 1] / self.pinhole.focal_px[:, 0]

    def offsets_m(self, places_world: Tensor, image: Tensor) -> Tensor:
        """(P, 3) camera-frame positions of world points (P, 3), each of one image (P,)."""
        camera = torch.zeros_like(places_world)
        camera[:, 1] = self.height_m.index_select(0, image)
        return (self.rotation.index_select(0, image) @ (places_world - camera)[..., None])[..., 0]

    def inside(self) -> Tensor:
        """(B, S, S) bool, the pixels of the square that belong to the picture."""
        steps = torch.arange(self.pinhole.image_size[0], device=self.sizes_px.device)
        rows, columns = steps < self.sizes_px[:, :1], steps < self.sizes_px[:, 1:]
        return rows[:, :, None] & columns[:, None, :]

    def rays_world(self, step: int) -> Tensor:
        """(B, n, n, 3) directions of the square's pixels, every ``step``-th, in world axes; not normalised."""
        centres = torch.arange(step / 2, self.pinhole.image_size[0], step, device=self.rotation.device)
        focal, centre = self.pinhole.focal_px, self.pinhole.centre_px
        x, y = ((centres - centre[:, axis, None]) / focal[:, axis, None] for axis in (0, 1))
        x, y = x[:, None, :].expand(-1, len(centres), -1), y[:, :, None].expand(-1, -1, len(centres))
        rays_cam = torch.stack([x, y, torch.ones_like(x)], -1)
        return torch.einsum("bji,brcj->brci", self.rotation, rays_cam)


def draw_cameras(count: int, size: int, dice: Dice) -> SceneCameras:
    """Cameras as people hold them, and some as they do not, for pictures whose longer side is ``size``.

    The field of view and how much of the picture the main person fills give the distance. The camera looks at a height
    that keeps this person inside, or, if that is not possible, shows the upper body more often than the legs.
    """
    sizes = _sizes(count, size, dice)
    field = torch.exp(dice.uniform(count, low=math.log(_FIELD_OF_VIEW_DEG[0]), high=math.log(_FIELD_OF_VIEW_DEG[1])))
    focal = 0.5 * size / torch.tan(torch.deg2rad(field) / 2)
    half_height = 0.5 * sizes[:, 0] / focal
    share = torch.exp(dice.uniform(count, low=math.log(_SHARE[0]), high=math.log(_SHARE[1])))
    distance = (_PERSON_HEIGHT_M / (2 * half_height * share)).clamp(_NEAREST_M, _FARTHEST_M)
    share = _PERSON_HEIGHT_M / (2 * half_height * distance)
    eye = (1.5 + 0.25 * dice.normal(count)).clamp_min(0.5)
    unusual = dice.choose([0.78, 0.1, 0.12], count)
    eye = torch.where(unusual == 1, dice.uniform(count, low=0.25, high=0.8), eye)
    eye = torch.where(unusual == 2, dice.uniform(count, low=2.0, high=6.0), eye)
    room = 0.5 * _PERSON_HEIGHT_M * (1 / share - 1)  # of the looked-at height around the person's middle
    lean = dice.uniform(count, low=-0.8, high=0.8)
    lean = torch.where(room < 0, dice.uniform(count, low=-1.0, high=0.4), lean)  # negative room turns the sign
    aim = 0.5 * _PERSON_HEIGHT_M + lean * room
    pitch = torch.atan2(eye - aim, distance).clamp(-0.45, 1.0)
    roll = 0.04 * dice.normal(count)
    y_up_to_y_down = torch.diag(torch.tensor([1.0, -1.0, -1.0], device=dice.device))
    rotation = y_up_to_y_down @ rotation_about_z(roll) @ rotation_about_x(pitch)
    pinhole = PinholeCamera(focal[:, None].repeat(1, 2), 0.5 * sizes.flip(1).float(), (size, size))
    return SceneCameras(rotation, eye, distance, pinhole, sizes)


def _sizes(count: int, size: int, dice: Dice) -> Tensor:
    """(B, 2) long heights and widths."""
    aspects = torch.tensor(_ASPECTS, device=dice.device)[dice.choose(_ASPECT_SHARES, count)]
    shorter, longer = (aspects * size).round().long(), torch.full((count,), size, device=dice.device)
    upright = dice.chance(0.4, count)
    return torch.stack([torch.where(upright, longer, shorter), torch.where(upright, shorter, longer)], 1)
