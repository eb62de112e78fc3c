"""What was measured on each person, and how the rows of several processes become one list.

A figure of a set is always computed from the complete, sorted list of rows, so it does not depend on how many processes
measured them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from meshrec.engine.distributed import World
from meshrec.metrics.average_precision import ScoredImage
from meshrec.metrics.boxes import BoxImage
from meshrec.metrics.oks import KeypointPerson


@dataclass(frozen=True)
class TrackFrame:
    """One person at one moment, for figures of motion.

    Attributes:
        track: names the person in its recording.
        frame: number of the frame.
        joints_m: (J, 3) predicted, metres, at the root; NaN for joints that do not count.
        true_joints_m: the same of the truth, or None.
    """

    track: str
    frame: int
    joints_m: np.ndarray
    true_joints_m: np.ndarray | None = None


@dataclass(frozen=True)
class Row:
    """Everything measured on one person, or one picture of several people, under one method.

    Attributes:
        key: names the person or picture within its set; rows of equal key and method are the same measurement.
        method: ``model`` or a baseline.
        values: figures of this person by name, NaN where not measurable; a set's figure is their mean over people.
        hits: by name, 1, 0 or NaN per joint, limb or the like, or a figure of each person of a picture; a set's figure
            is the mean over all of them.
        confusions: (C, C) pixel counts by name; a set's figures come from their sum.
        keypoints: for average precision.
        moment: for figures of motion.
        boxes: of a picture, for average precision.
        dense: of a picture, by ``gps``, ``gpsm`` and ``iou``, for average precision.
    """

    key: str
    method: str = "model"
    values: dict[str, float] = field(default_factory=dict)
    hits: dict[str, np.ndarray] = field(default_factory=dict)
    confusions: dict[str, np.ndarray] = field(default_factory=dict)
    keypoints: KeypointPerson | None = None
    moment: TrackFrame | None = None
    boxes: BoxImage | None = None
    dense: dict[str, ScoredImage] | None = None

    def figure(self, name: str) -> float:
        """This person's own value of a figure; for hits their share; NaN where not measured."""
        if name in self.values:
            return self.values[name]
        hits = self.hits.get(name, np.zeros(0))
        return float(np.nanmean(hits)) if np.isfinite(hits).any() else float("nan")


def gather_rows(rows: Iterable[Row], world: World) -> list[Row]:
    """The rows of all processes, each person once under each method, in an order that the keys alone decide."""
    unique: dict[tuple[str, str], Row] = {}
    for row in world.gather(rows):
        unique.setdefault((row.method, row.key), row)
    return [unique[name] for name in sorted(unique)]
