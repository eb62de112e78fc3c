"""Boxes that a user gives of people in a photo, checked before any work."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from meshrec.data.photo import Photo
from meshrec.errors import InvalidInput

_LARGEST_BOX = 10  # a person may be cut off by the photo's edge, but hardly by more


def boxes_in_photo(boxes_xywh: Sequence[Sequence[float]], photo: Photo) -> Tensor:
    """(N, 4) boxes in pixels of the photo as it is worked on.

    Args:
        boxes_xywh: left, top, width and height of each person in pixels of the photo's file.
    Raises:
        InvalidInput: a box that is empty, far too large, or outside the photo.
    """
    height, width = photo.pixels.shape[:2]
    if len(boxes_xywh) == 0:
        return torch.zeros(0, 4)
    for box in boxes_xywh:
        if not hasattr(box, "__len__") or len(box) != 4:
            raise InvalidInput(f"A box must be four numbers: left, top, width, height; got {box}.")
        values = [float(value) for value in box]
        if not all(map(math.isfinite, values)) or values[2] <= 0 or values[3] <= 0:
            raise InvalidInput(f"The box {_shown(values)} is empty; its width and height must be positive.")
        left, top, wide, high = (value * photo.scale for value in values)
        if max(wide, high) > _LARGEST_BOX * max(width, height):
            raise InvalidInput(f"The box {_shown(values)} is more than {_LARGEST_BOX} times as large as the photo.")
        if left >= width or top >= height or left + wide <= 0 or top + high <= 0:
            raise InvalidInput(f"The box {_shown(values)} lies outside the photo of {round(width / photo.scale)} x "
                               f"{round(height / photo.scale)} pixels.")
    return torch.tensor([[float(value) for value in box] for box in boxes_xywh]) * photo.scale


def _shown(box: Sequence[float]) -> str:
    return ",".join(f"{value:g}" for value in box)
