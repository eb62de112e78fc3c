"""Labelled pictures of any number of people, whatever they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from meshrec.iuv.results import PersonIuv
from meshrec.metrics.boxes import BoxImage
from meshrec.metrics.gps import AnnotatedPerson


@dataclass(frozen=True)
class LabelledScene:
    """One picture.

    Attributes:
        title: names it within its set.
        pixels: (H, W, 3) uint8 RGB.
        people: everybody who is labelled, crowds among them.
        everyone_labelled: False where more people may be seen; then nobody counts as found by mistake.
        unseen: whether training has not seen the picture, in a set where that differs.
    """

    title: str
    pixels: np.ndarray
    people: tuple[AnnotatedPerson, ...]
    everyone_labelled: bool = True
    unseen: bool | None = None

    @property
    def size_px(self) -> tuple[int, int]:
        return self.pixels.shape[:2]

    def with_boxes_of(self, found: list[PersonIuv]) -> BoxImage:
        """The labelled boxes beside those of detections."""
        return BoxImage(
            stack_boxes([person.box_xyxy_px for person in found]),
            np.array([person.score for person in found], float),
            stack_boxes([person.box_xyxy_px for person in self.people]),
            np.array([person.area_px for person in self.people], float),
            np.array([person.crowd for person in self.people], bool),
            self.size_px,
            self.everyone_labelled,
        )


class SceneSet(Protocol):
    """A test set.

    Attributes:
        name: what it is called in reports.
        charts: what U and V of its annotated points refer to, as `IuvPredictor.charts` says it; None without points.
    """

    name: str
    charts: str | None

    def __len__(self) -> int:
        """Pictures."""

    def title(self, index: int) -> str:
        """Names a picture in messages and rows."""

    def read(self, index: int) -> LabelledScene:
        """Raises InvalidInput where the picture or a mask cannot be read."""

    def describe(self) -> dict[str, str]:
        """What it is, in words and checksums, for the protocol."""


def stack_boxes(boxes: list) -> np.ndarray:
    """(N, 4) float64 of boxes (4,); also of none."""
    return np.array([box.tolist() for box in boxes], float).reshape(-1, 4)
