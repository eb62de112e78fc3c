"""The camera that took a photo, from what is known of it."""

from __future__ import annotations

import math

import torch

from meshrec.data.photo import Photo
from meshrec.errors import InvalidInput
from meshrec.geometry.projection import default_focal_px, focal_from_field_of_view
from meshrec.structures import PinholeCamera


def photo_camera(photo: Photo, field_of_view_deg: float | None = None,
                 focal_px: float | None = None) -> PinholeCamera:
    """The camera of a photo as it is worked on, see `reconstruct`.

    Args:
        field_of_view_deg: horizontal.
        focal_px: in pixels of the original.
    Raises:
        InvalidInput: both are given, or one that no camera has.
    """
    height, width = photo.pixels.shape[:2]
    if focal_px is not None and field_of_view_deg is not None:
        raise InvalidInput("Give the focal length or the field of view, not both.")
    if focal_px is not None:
        if not (math.isfinite(focal_px) and focal_px > 0):
            raise InvalidInput(f"The focal length must be a positive number of pixels, got {focal_px}.")
        focal = focal_px * photo.scale
    elif field_of_view_deg is not None:
        if not 1 <= field_of_view_deg <= 170:
            raise InvalidInput(f"The horizontal field of view must lie between 1 and 170 degrees, got "
                               f"{field_of_view_deg}.")
        focal = focal_from_field_of_view(math.radians(field_of_view_deg), width)
    else:
        focal = photo.focal_px or default_focal_px((height, width))
    return PinholeCamera(torch.tensor([[focal, focal]]), torch.tensor([[width / 2, height / 2]]), (height, width))
