"""Which pixels of a photograph show whom, from the kinds of masks that data sets come with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from meshrec.data.converters.run_lengths import decode_counts, mask_of_counts
from meshrec.data.pictures import fill_outlines
from meshrec.errors import InvalidInput
from meshrec.structures.scene_batch import UNKNOWN_PERSON


class SceneMasks(Protocol):
    """Masks of the people of one photograph.

    Attributes:
        known: of each person, whether there is a mask.
    """

    @property
    def known(self) -> tuple[bool, ...]: ...

    def read(self, height: int, width: int) -> list[np.ndarray | None]:
        """(H, W) bool of each person, None where no mask is known."""
        ...


@dataclass(frozen=True)
class NoMasks:
    """Nobody's pixels are known."""

    count: int

    @property
    def known(self) -> tuple[bool, ...]:
        return (False,) * self.count

    def read(self, height: int, width: int) -> list[np.ndarray | None]:
        return [None] * self.count


@dataclass(frozen=True)
class IndexedMasks:
    """An indexed PNG of the photograph's size.

    Attributes:
        values: of the pixels of each person, None for a person who has none.
    """

    path: Path
    values: tuple[int | None, ...]

    @property
    def known(self) -> tuple[bool, ...]:
        return tuple(value is not None for value in self.values)

    def read(self, height: int, width: int) -> list[np.ndarray | None]:
        try:
            # Pillow keeps the palette's indices, which OpenCV would turn into colours.
            with Image.open(self.path) as picture:
                labels = np.asarray(picture)
        except OSError as error:
            raise InvalidInput(f"{self.path} cannot be read as a mask; is the file whole?") from error
        if labels.shape != (height, width):
            raise InvalidInput(
                f"{self.path} must have {width} x {height} pixels like its photograph, got shape {labels.shape}."
            )
        return [None if value is None else labels == value for value in self.values]


@dataclass(frozen=True)
class Outlines:
    """Polygons (N, 2) in continuous pixels."""

    polygons_px: tuple[np.ndarray, ...]

    def fill(self, height: int, width: int) -> np.ndarray:
        return fill_outlines(list(self.polygons_px), height, width).astype(bool)


@dataclass(frozen=True)
class Runs:
    """Run lengths of the whole photograph, as numbers or as text, see `run_lengths`; decoded when they are wanted."""

    counts: str | list[int]

    def fill(self, height: int, width: int) -> np.ndarray:
        return mask_of_counts(decode_counts(self.counts, height * width), height, width)


@dataclass(frozen=True)
class BoxRuns:
    """Run lengths of square masks that together show a person in a box, as DensePose annotates parts of the body.

    Attributes:
        counts: of each mask; side: of the masks in their own pixels.
        box_xyxy_px: (4,) that they are stretched over.
    """

    counts: tuple[str | list[int], ...]
    side: int
    box_xyxy_px: np.ndarray

    def fill(self, height: int, width: int) -> np.ndarray:
        side = self.side
        masks = [mask_of_counts(decode_counts(counts, side * side), side, side) for counts in self.counts]
        left, top, right, bottom = self.box_xyxy_px.tolist()
        row, rows = _cells(height, top, bottom, side)
        column, columns = _cells(width, left, right, side)
        filled = np.zeros((height, width), bool)
        filled[np.ix_(rows, columns)] = np.any(masks, axis=0)[np.ix_(row, column)]
        return filled


@dataclass(frozen=True)
class ShapeMasks:
    """A shape of each person, None where no mask is known."""

    shapes: tuple[Outlines | Runs | BoxRuns | None, ...]

    @property
    def known(self) -> tuple[bool, ...]:
        return tuple(shape is not None for shape in self.shapes)

    def read(self, height: int, width: int) -> list[np.ndarray | None]:
        return [None if shape is None else shape.fill(height, width) for shape in self.shapes]


def paint_people(
    boxes_xyxy_px: np.ndarray, is_crowd: np.ndarray, masks: Sequence[np.ndarray | None], size_px: tuple[int, int]
) -> np.ndarray:
    """The photograph's pixels by person.

    Smaller people are on top of larger ones. Crowds and the boxes of people without a mask are unknown wherever
    nobody's mask is.

    Args:
        boxes_xyxy_px: (n, 4); is_crowd: (n,) bool; masks: (H, W) bool or None each.
    Returns:
        (H, W) int16, 0 nobody, 1 + index of the person, -1 unknown.
    """
    painted = np.zeros(size_px, np.int16)
    people = []
    for person, (box, crowd, mask) in enumerate(zip(boxes_xyxy_px, is_crowd, masks)):
        if mask is None:
            left, top = np.floor(box[:2]).astype(int).clip(0)
            right, bottom = np.ceil(box[2:]).astype(int).clip(0)
            painted[top:bottom, left:right] = UNKNOWN_PERSON
        elif crowd:
            painted[mask] = UNKNOWN_PERSON
        else:
            people.append((np.count_nonzero(mask), person, mask))
    for _, person, mask in sorted(people, key=lambda entry: -entry[0]):
        painted[mask] = 1 + person
    return painted


def _cells(length: int, start: float, end: float, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Cells that lie under the pixel centres between two edges, and those pixels."""
    pixels = np.arange(max(0, int(np.ceil(start - 0.5))), min(length, int(np.ceil(end - 0.5))))
    cell = np.floor((pixels + 0.5 - start) / max(end - start, 1e-6) * cells).astype(int)
    return cell.clip(0, cells - 1), pixels
