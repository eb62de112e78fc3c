"""Where the camera stands: lens, distance, height, roll, and how the body turns to it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec.data.synthetic.dice import Dice
from meshrec.geometry.rotations import rotation_about_x, rotation_about_y, rotation_about_z

# Bounds of the full vertical field of view: a short tele lens to a phone's wide angle, degrees.
_FIELD_OF_VIEW_DEG = (22.0, 80.0)
_NEAREST_M, _FARTHEST_M = 1.6, 20.0
_PERSON_HEIGHT_M = 1.7
_BODY_ORIGIN_HEIGHT_M = 0.95  # of the pelvis above the ground


@dataclass(frozen=True)
class Views:
    """How B cameras see B bodies.

    Attributes:
        rotation: (B, 3, 3) body axes (y up) to camera axes (y down), heading included.
        heading_rad: (B,) 0 when the body faces the camera, positive turning towards +x.
        offset_m: (B, 3) of the body's origin in the camera frame.
    """

    rotation: Tensor
    heading_rad: Tensor
    offset_m: Tensor


def draw_views(count: int, dice: Dice) -> Views:
    """Cameras as people hold them, and some as they do not.

    The field of view and the share of the photo that the person fills give the distance; the camera's height over it
    gives the pitch. Six in ten people have any heading, the rest roughly face the camera, as in photographs that
    people take of each other. Six in a hundred lie, tumble or stand on their hands.
    """
    field = torch.exp(dice.uniform(count, low=math.log(_FIELD_OF_VIEW_DEG[0]), high=math.log(_FIELD_OF_VIEW_DEG[1])))
    half_height = torch.tan(torch.deg2rad(field) / 2)
    share = dice.uniform(count, low=0.25, high=1.1)
    distance = (_PERSON_HEIGHT_M / (2 * half_height * share)).clamp(_NEAREST_M, _FARTHEST_M)
    eye = 1.5 + 0.3 * dice.normal(count)
    unusual = dice.choose([0.8, 0.1, 0.1], count)
    eye = torch.where(unusual == 1, dice.uniform(count, low=0.2, high=0.7), eye)
    eye = torch.where(unusual == 2, dice.uniform(count, low=2.2, high=5.0), eye)
    pitch = torch.atan2(eye - _BODY_ORIGIN_HEIGHT_M, distance).clamp(-0.5, 1.1)
    roll = torch.where(
        dice.chance(0.06, count), dice.uniform(count, low=-math.pi, high=math.pi), dice.normal(count) * 0.08
    )
    anywhere = dice.uniform(count, low=-math.pi, high=math.pi)
    heading = torch.where(dice.chance(0.6, count), anywhere, 0.45 * dice.normal(count))
    # The person stands anywhere in the photo's middle two thirds; what the frame looks at is drawn with the crop.
    across, down = dice.uniform(count, low=-0.65, high=0.65), dice.uniform(count, low=-0.4, high=0.4)
    offset = torch.stack([across * half_height * distance, down * half_height * distance, distance], dim=1)
    y_up_to_y_down = torch.diag(torch.tensor([1.0, -1.0, -1.0], device=dice.device))
    rotation = y_up_to_y_down @ rotation_about_z(roll) @ rotation_about_x(pitch) @ rotation_about_y(heading)
    return Views(rotation, heading, offset)
