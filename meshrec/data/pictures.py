"""Pictures and masks that labels belong to: pixel for pixel as they were labelled, from image files and videos."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from meshrec.errors import InvalidInput

VIDEO_EXTENSIONS = (".mp4", ".avi", ".mov", ".mkv")
_OUTLINE_BITS = 4  # outlines are filled on a grid of sixteenths of a pixel


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
