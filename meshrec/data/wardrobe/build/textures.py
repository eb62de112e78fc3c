"""Pictures of garments: reading them, and making them opaque for a renderer that knows no transparency."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from scipy.ndimage import distance_transform_edt

from meshrec.errors import InvalidInput

_SIDE = 256  # texels along a layer's texture at most
_OPAQUE = 128  # alpha from which a texel's own colour is kept


def read_picture(path: str | Path) -> np.ndarray:
    """(H, W, 4) uint8 RGBA.

    Raises:
        InvalidInput: not a picture.
    """
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGBA"))
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read as a picture ({error}).") from error


def opaque_texture(rgba: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8 of at most 256 texels a side, where transparent texels take the nearest opaque colour."""
    colour = bled(rgba)
    height, width = colour.shape[:2]
    shrink = min(1.0, _SIDE / max(height, width))
    size = (max(2, round(width * shrink)), max(2, round(height * shrink)))
    return cv2.resize(colour, size, interpolation=cv2.INTER_AREA)


def bled(rgba: np.ndarray) -> np.ndarray:
    """(H, W, 3) colours, those of opaque texels spread into the transparent ones."""
    opaque = rgba[..., 3] >= _OPAQUE
    if opaque.all() or not opaque.any():
        return np.ascontiguousarray(rgba[..., :3])
    row, column = distance_transform_edt(~opaque, return_distances=False, return_indices=True)
    return np.ascontiguousarray(rgba[row, column, :3])


def texture_coordinates(obj_texcoords: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """From an OBJ's coordinates (v up, 0 and 1 at the picture's edges, repeating) to ours.

    Ours are 0 and 1 at the centres of the first and last texel, v down, as `meshrec.render.sample_texture` reads them.

    Args:
        obj_texcoords: (F, 3, 2).
        size: (height, width) of the texture.
    """
    wrapped = obj_texcoords - np.floor(obj_texcoords.mean(1, keepdims=True))  # whole faces, lest one spans a border
    height, width = size
    u = (wrapped[..., 0] * width - 0.5) / (width - 1)
    v = ((1 - wrapped[..., 1]) * height - 0.5) / (height - 1)
    return np.stack([u, v], -1).clip(0, 1)
