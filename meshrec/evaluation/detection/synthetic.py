"""The fixed synthetic test set of scenes: several people each, with dense labels, whom training does not see."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from meshrec.data.mixture import BatchSource
from meshrec.evaluation.detection.scenes import LabelledScene
from meshrec.evaluation.synthetic import TEST_SEED
from meshrec.metrics.gps import AnnotatedPerson
from meshrec.structures.scene_batch import SceneBatch

SCENE_PX = 480  # longer side
POINTS = 100  # per person, about as many as DensePose-COCO annotates
SYNTHETIC = "synthetic"


class SyntheticSceneSet:
    """Scenes drawn one by one from seeds of their own, so that any process can draw any of them.

    Args:
        source: gives batches of scenes.
        count: of scenes.
        charts: the hash of the charts of their labels.
        words: what the source is made of, for the protocol.
    """

    name = SYNTHETIC

    def __init__(self, source: BatchSource, count: int, charts: str, words: Mapping[str, str] | None = None) -> None:
        self.source, self.count, self.charts, self.words = source, count, charts, dict(words or {})

    def __len__(self) -> int:
        return self.count

    def title(self, index: int) -> str:
        return f"{index:06d}"

    def read(self, index: int) -> LabelledScene:
        return labelled_scene(self.title(index), self.source.batch(1, SCENE_PX, TEST_SEED + index).to("cpu"))

    def describe(self) -> dict[str, str]:
        return {
            "set": f"{self.count} synthetic scenes, seed {TEST_SEED}, {SCENE_PX} px on the longer side",
            **self.words,
            "points": f"up to {POINTS} evenly chosen pixels of each person",
            "hardly_visible": "people of whom next to nothing is left are ignored like crowds",
        }


def labelled_scene(title: str, batch: SceneBatch) -> LabelledScene:
    """The only picture of a batch."""
    height, width = batch.sizes_px[0].tolist()
    pixels = (batch.images[0, :, :height, :width].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    person_map, part_map = (maps[0, :height, :width].long() for maps in (batch.person_map, batch.part_map))
    people = []
    for number, box in enumerate(batch.boxes_xyxy_px):
        mask = person_map == number + 1
        if not bool(batch.has_mask[number]):
            people.append(AnnotatedPerson(box, _area(box), crowd=bool(batch.is_crowd[number])))
            continue
        row, column = spread_pixels(mask & (part_map > 0))
        points = (torch.stack([column, row], dim=1) + 0.5).double()
        uv = batch.uv_map[0, :, row, column].T.double()
        people.append(AnnotatedPerson(box, float(mask.sum()), points, part_map[row, column], uv, mask))
    return LabelledScene(title, pixels, tuple(people), bool(batch.everyone_labelled[0]))


def spread_pixels(mask: Tensor, count: int = POINTS) -> tuple[Tensor, Tensor]:
    """Row and column of up to so many evenly chosen pixels of a mask (H, W)."""
    row, column = mask.nonzero(as_tuple=True)
    chosen = torch.arange(min(len(row), count)) * len(row) // max(1, min(len(row), count))
    return row[chosen], column[chosen]


def _area(box_xyxy_px: Tensor) -> float:
    return float((box_xyxy_px[2:] - box_xyxy_px[:2]).prod())
