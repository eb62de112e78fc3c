"""Many pictures in one: a captioned grid, and the writer of PNG files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from meshrec.assets import write_atomically
from meshrec.errors import InvalidInput

_GAP_PX = 4
_CAPTION_HEIGHT_PX = 18
_PAPER = (255, 255, 255)
_INK = (0, 0, 0)


def contact_sheet(images: Sequence[np.ndarray], columns: int, captions: Sequence[str] | None = None) -> np.ndarray:
    """Pictures in reading order on a white sheet; every cell is as large as the largest picture.

    Args:
        images: (H, W, 3) uint8 RGB each; sizes may differ, smaller ones are centred in their cell.
        columns: pictures per row.
        captions: one line of text below each picture; what does not fit the cell is cut off.
    Returns:
        (H, W, 3) uint8 RGB.
    Raises:
        InvalidInput: no pictures, no columns, a wrong array, or another number of captions than of pictures.
    """
    _check(images, columns, captions)
    columns = min(columns, len(images))
    rows = math.ceil(len(images) / columns)
    cell_height = max(image.shape[0] for image in images)
    cell_width = max(image.shape[1] for image in images)
    row_height = cell_height + _GAP_PX + (_CAPTION_HEIGHT_PX if captions is not None else 0)
    sheet = Image.new("RGB", (_GAP_PX + columns * (cell_width + _GAP_PX), _GAP_PX + rows * row_height), _PAPER)
    font = ImageFont.load_default()
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        left, top = _GAP_PX + column * (cell_width + _GAP_PX), _GAP_PX + row * row_height
        height, width = image.shape[:2]
        sheet.paste(Image.fromarray(np.ascontiguousarray(image)),
                    (left + (cell_width - width) // 2, top + (cell_height - height) // 2))
        if captions is not None:
            label = Image.new("RGB", (cell_width, _CAPTION_HEIGHT_PX), _PAPER)
            ImageDraw.Draw(label).text((1, 2), captions[index], fill=_INK, font=font)
            sheet.paste(label, (left, top + cell_height))
    return np.asarray(sheet).copy()


def save_png(image: np.ndarray, path: str | Path) -> None:
    """Write a picture, (H, W, 3) uint8 RGB, as PNG whatever the extension of ``path`` says.

    Raises:
        InvalidInput: not such an array, or the folder does not exist or cannot be written.
    """
    _check_picture(image)
    with write_atomically(path) as temporary:
        Image.fromarray(np.ascontiguousarray(image)).save(temporary, format="PNG")


def _check(images: Sequence[np.ndarray], columns: int, captions: Sequence[str] | None) -> None:
    if len(images) == 0:
        raise InvalidInput("A contact sheet needs at least one picture.")
    if columns < 1:
        raise InvalidInput(f"A contact sheet needs at least one column, got {columns}.")
    if captions is not None and len(captions) != len(images):
        raise InvalidInput(f"A contact sheet of {len(images)} pictures needs as many captions, got {len(captions)}.")
    for image in images:
        _check_picture(image)


def _check_picture(image: np.ndarray) -> None:
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        found = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise InvalidInput(f"A picture must be a uint8 array of shape (height, width, 3), got {found}.")
