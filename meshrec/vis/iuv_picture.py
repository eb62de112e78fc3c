"""Dense correspondence drawn over the photograph: which point of the body each pixel was taken for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from meshrec.errors import InvalidInput
from meshrec.structures import MeshPrediction
from meshrec.vis.colours import uv_colours

_PERSON_PROBABILITY = 0.5
_DIMMED = 0.45  # brightness of the photo behind the colours


def draw_iuv(image: np.ndarray, predictions: Sequence[MeshPrediction]) -> np.ndarray:
    """The dimmed, grey photo with every pixel of a person in the colour of its place on the atlas.

    Args:
        image: (H, W, 3) uint8 RGB, the photo as it was worked on.
        predictions: people of this photo, with their correspondence.
    Returns:
        (H, W, 3) uint8 RGB.
    Raises:
        InvalidInput: a prediction without correspondence.
    """
    grey = _DIMMED * image.mean(axis=-1, keepdims=True).repeat(3, axis=-1)
    drawn = (grey + 0.5).astype(np.uint8)
    for prediction in predictions:
        if prediction.iuv is None or prediction.crop_box_px is None:
            raise InvalidInput("This prediction has no dense correspondence to draw.")
        centre_x, centre_y, side = prediction.crop_box_px.tolist()
        left, top, right, bottom = _clipped(centre_x - side / 2, centre_y - side / 2, side, image.shape[:2])
        if left >= right or top >= bottom:
            continue
        across = (np.arange(left, right) + 0.5 - (centre_x - side / 2)) / side
        down = (np.arange(top, bottom) + 0.5 - (centre_y - side / 2)) / side
        mask = _read(prediction.iuv.mask[:, None], across, down, "bilinear")[0] >= _PERSON_PROBABILITY
        uv = _read(prediction.iuv.uv, across, down, "nearest")
        colours = 255.0 * uv_colours(np.moveaxis(uv, 0, -1))
        drawn[top:bottom, left:right][mask] = (colours[mask] + 0.5).astype(np.uint8)
    return drawn


def _clipped(left: float, top: float, side: float, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Whole pixels of the photo inside a square."""
    height, width = size
    return (max(0, int(np.ceil(left - 0.5))), max(0, int(np.ceil(top - 0.5))),
            min(width, int(np.ceil(left + side - 0.5))), min(height, int(np.ceil(top + side - 0.5))))


def _read(maps: Tensor, across: np.ndarray, down: np.ndarray, mode: str) -> np.ndarray:
    """(C, h, w) values of maps (1, C, H, W) at fractions (w,) and (h,) of their width and height."""
    rows, columns = np.meshgrid(2 * down - 1, 2 * across - 1, indexing="ij")
    grid = torch.from_numpy(np.stack([columns, rows], axis=-1)[None]).to(maps)
    read = torch.nn.functional.grid_sample(maps.detach(), grid, mode=mode, padding_mode="border", align_corners=False)
    return read[0].cpu().numpy()
