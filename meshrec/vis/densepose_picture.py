"""Found people drawn over the photograph as DensePose's tools do: coloured parts, or lines of equal U and V."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from meshrec.errors import InvalidInput
from meshrec.iuv.paste import paste_people
from meshrec.iuv.results import PersonIuv
from meshrec.uv.parts import PART_COUNT
from meshrec.vis.colours import person_colour

STYLES = ("parts", "contours")

_LEVELS = 10  # lines of U and of V within a part, counting the two at its ends, which are not drawn
_SHADE = 0.55  # how dark a person becomes under lines, so that they show on bright clothes
_PHOTO_SIDE_PER_LINE = 480  # pixels of the photo's shorter side for every pixel of line width


def draw_densepose(
    image: np.ndarray,
    people: Sequence[PersonIuv],
    style: str = "contours",
    *,
    opacity: float = 0.7,
    boxes: bool = True,
) -> np.ndarray:
    """The photo in grey with everybody's parts or contours in colour, and boxes with scores.

    Args:
        image: (H, W, 3) uint8 RGB.
        people: of this photo; where they overlap the better scored one is drawn.
        style: ``"parts"`` colours each of the 24 parts, ``"contours"`` draws lines at every tenth of U and V, blue at
            small and yellow at large values.
        opacity: of parts, 0 to 1; lines are opaque.
        boxes: draw each person's box and score too.
    Returns:
        (H, W, 3) uint8 RGB.
    Raises:
        InvalidInput: no such image or style.
    """
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise InvalidInput("A DensePose picture needs the photo as a uint8 array of shape (height, width, 3).")
    if style not in STYLES:
        raise InvalidInput(f"There is no style {style!r}; choose one of {', '.join(STYLES)}.")
    drawn = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    photo = paste_people(people, image.shape[:2])
    width_px = max(1.0, min(image.shape[:2]) / _PHOTO_SIDE_PER_LINE)
    rows, columns = _shown(photo.labels.cpu().numpy() > 0)
    maps = (photo.labels, photo.uv, photo.person)
    labels, uv, number = (tensor[..., rows, columns].cpu().numpy() for tensor in maps)
    if style == "parts":
        _blend(drawn[rows, columns], _colours(labels / PART_COUNT), opacity * (labels > 0))
    else:
        _blend(drawn[rows, columns], np.zeros(3), (1 - _SHADE) * (labels > 0))
        # Lines do not cross from one part of one person to another.
        piece = np.where(labels > 0, number * (PART_COUNT + 1) + labels, 0)
        for coordinate in uv:
            level, cover = _lines(coordinate, piece, width_px)
            _blend(drawn[rows, columns], _colours(level), cover)
    if boxes:
        for number, person in enumerate(people):
            _draw_box(drawn, person, person_colour(number), width_px)
    return drawn


def _shown(mask: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns that hold everything that is set."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _colours(value: np.ndarray) -> np.ndarray:
    """(H, W, 3) RGB, 0 to 255, of values from 0 to 1: dark blue over green to yellow, as in DensePose's pictures."""
    table = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_PARULA)[:, 0, ::-1]
    return table[np.rint(255 * np.clip(value, 0, 1)).astype(np.uint8)]


def _blend(drawn: np.ndarray, colours: np.ndarray, cover: np.ndarray) -> None:
    """Paint colours over part of a picture as far as they cover it, 0 to 1."""
    cover = cover[..., None].astype(np.float32)
    drawn[:] = (drawn * (1 - cover) + colours * cover + 0.5).astype(np.uint8)


def _lines(coordinate: np.ndarray, piece: np.ndarray, width_px: float) -> tuple[np.ndarray, np.ndarray]:
    """The level nearest to each pixel's value, and how far its line covers the pixel, smooth at the edges."""
    level = np.rint(coordinate * _LEVELS).clip(1, _LEVELS - 1) / _LEVELS
    slope = np.hypot(_slope(coordinate, piece, 0), _slope(coordinate, piece, 1))
    away_px = np.abs(coordinate - level) / np.maximum(slope, 1e-6)
    return level, np.clip(0.5 * width_px + 0.5 - away_px, 0, 1) * (piece > 0)


def _slope(coordinate: np.ndarray, piece: np.ndarray, axis: int) -> np.ndarray:
    """(H, W) change per pixel along an axis, from the neighbours in the same piece; 0 where there is none."""
    step, same = np.diff(coordinate, axis=axis), np.diff(piece, axis=axis) == 0
    step, same = step * same, same.astype(step.dtype)
    before, after = [(0, 0), (0, 0)], [(0, 0), (0, 0)]
    before[axis], after[axis] = (1, 0), (0, 1)
    count = np.pad(same, before) + np.pad(same, after)
    return (np.pad(step, before) + np.pad(step, after)) / np.maximum(count, 1)


def _draw_box(drawn: np.ndarray, person: PersonIuv, colour: np.ndarray, width_px: float) -> None:
    paint = [int(channel) for channel in 255 * colour]
    thickness = max(1, round(width_px))
    left, top, right, bottom = (round(value) for value in person.box_xyxy_px.tolist())
    cv2.rectangle(drawn, (left, top), (right - 1, bottom - 1), paint, thickness)
    text, font, scale = f"{person.score:.2f}", cv2.FONT_HERSHEY_SIMPLEX, 0.45 * width_px
    (text_width, text_height), _ = cv2.getTextSize(text, font, scale, thickness)
    x, y = max(left, 0), max(top, text_height + 4)
    cv2.rectangle(drawn, (x, y - text_height - 4), (x + text_width + 2, y), paint, cv2.FILLED)
    cv2.putText(drawn, text, (x + 1, y - 2), font, scale, (0, 0, 0), thickness, cv2.LINE_AA)
