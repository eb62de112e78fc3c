"""Pictures and masks that labels belong to: pixel for pixel as they were labelled, from image files and videos."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from meshrec.data.annotations import Annotations
from meshrec.errors import InvalidInput

VIDEO_EXTENSIONS = (".mp4", ".avi", ".mov", ".mkv")
_OUTLINE_BITS = 4  # outlines are filled on a grid of sixteenths of a pixel


def labelled_picture(people: Annotations, row: int, folder: Path) -> np.ndarray:
    """(H, W, 3) uint8 RGB, the image of one labelled person.

    Raises:
        InvalidInput: not there, damaged, or of another size than it was labelled at.
    """
    path = folder / str(people.image[row])
    pixels = read_picture(path, int(people.frame[row]), int(people.quarter_turns[row]))
    expected = tuple(people.image_size[row].tolist())
    if all(expected):
        _check_size(path, pixels, expected)
    return pixels


def labelled_mask(people: Annotations, row: int, folder: Path, size: tuple[int, int]) -> np.ndarray:
    """(H, W) bool, one labelled person's pixels in an image of ``size``; all False where no mask is known.

    Raises:
        InvalidInput: its file is not there, damaged, or of another size.
    """
    if people.mask_file[row]:
        path, turns = folder / str(people.mask_file[row]), int(people.quarter_turns[row])
        labels = int(people.mask_labels[row])
        mask = _read_labels(path, labels, turns) if labels else read_picture(path, quarter_turns=turns).any(-1)
        _check_size(path, mask, size)
        return mask
    points = people.outlines.rows(row)
    rings = [points["px"][points["ring"] == ring] for ring in np.unique(points["ring"])]
    return fill_outlines(rings, *size).astype(bool)


def _read_labels(path: Path, labels: int, quarter_turns: int) -> np.ndarray:
    """(H, W) bool, where a picture has one of some values, given as bits."""
    try:
        # Pillow keeps the indices of a palette, which OpenCV would turn into colours.
        with Image.open(path) as picture:
            values = np.asarray(picture)
    except (OSError, SyntaxError, ValueError) as error:
        raise InvalidInput(f"The mask {path} cannot be read ({type(error).__name__}).") from error
    if values.ndim != 2:
        raise InvalidInput(f"The mask {path} has colours; a mask with labels must have one channel.")
    wanted = [value for value in range(labels.bit_length()) if labels >> value & 1]
    return np.rot90(np.isin(values, wanted), -quarter_turns)


def _check_size(path: Path, pixels: np.ndarray, expected: tuple[int, int]) -> None:
    if pixels.shape[:2] != tuple(expected):
        raise InvalidInput(
            f"{path} has {pixels.shape[1]} x {pixels.shape[0]} pixels, but was labelled at "
            f"{expected[1]} x {expected[0]}; use the files that the labels were made for."
        )


def read_picture(path: Path, frame: int = -1, quarter_turns: int = 0) -> np.ndarray:
    """A labelled image.

    Args:
        path: image or video file.
        frame: of a video, counted from 0.
        quarter_turns: 90 degrees each, clockwise to the eye, applied to what the file shows.
    Returns:
        (H, W, 3) uint8 RGB.
    Raises:
        InvalidInput: not there, damaged, or a video without that frame.
    """
    if path.suffix.lower() in VIDEO_EXTENSIONS:
        pixels = _read_frame(path, frame)
    else:
        pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        what = f"frame {frame} of {path}" if path.suffix.lower() in VIDEO_EXTENSIONS else str(path)
        raise InvalidInput(f"{what} cannot be read as a picture; is the image folder right and the file whole?")
    return np.ascontiguousarray(np.rot90(pixels, -quarter_turns)[..., ::-1])


def _read_frame(path: Path, frame: int) -> np.ndarray | None:
    video = cv2.VideoCapture(str(path))
    try:
        video.set(cv2.CAP_PROP_POS_FRAMES, max(frame, 0))
        found, pixels = video.read()
        return pixels if found else None
    finally:
        video.release()


def fill_outlines(outlines_px: list[np.ndarray], height: int, width: int) -> np.ndarray:
    """(H, W) uint8, 1 inside any of some closed polygons (N, 2) in continuous pixels."""
    mask = np.zeros((height, width), np.uint8)
    for outline in outlines_px:
        centred = np.asarray(outline, np.float64).reshape(-1, 2) - 0.5  # OpenCV counts pixel centres as integers
        cv2.fillPoly(mask, [np.round(centred * 2**_OUTLINE_BITS).astype(np.int32)], 1, shift=_OUTLINE_BITS)
    return mask
