"""What one picture's detections are worth against its labels: a row per picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch

from meshrec.engine.distributed import World
from meshrec.errors import InvalidInput
from meshrec.evaluation.detection.scenes import LabelledScene, SceneSet
from meshrec.evaluation.rows import Row, gather_rows
from meshrec.iuv.paste import paste_people
from meshrec.iuv.predictor import IuvPredictor
from meshrec.iuv.results import PersonIuv
from meshrec.metrics.average_precision import AREAS_PX
from meshrec.metrics.boxes import box_iou, match_boxes
from meshrec.metrics.gps import (
    AnnotatedPerson,
    SurfaceDistance,
    densepose_similarities,
    point_similarities,
    read_chart,
)

Progress = Callable[[Iterable], Iterable]
LARGE_PX = AREAS_PX["large"][0]


@dataclass(frozen=True)
class DetectionMeter:
    """Measures one predictor.

    Attributes:
        predictor: must give uncertain detections too, down to a score that average precision is worth taking to.
        min_score: who counts as found where one score must decide, the predictor's default in use.
        distance_m: along the surface, between points of the charts of labels and predictor; None where the two have
            different charts, or no distances are known.
    """

    predictor: IuvPredictor
    min_score: float
    distance_m: SurfaceDistance | None = None

    def row(self, scene: LabelledScene) -> Row:
        """Everything that can be measured on one picture."""
        found = self.predictor.predict(scene.pixels)
        boxes = scene.with_boxes_of(found)
        iou = box_iou(boxes.found_xyxy_px, boxes.people_xyxy_px, boxes.crowd)
        sure = boxes.scores >= self.min_score
        person, in_crowd = match_boxes(iou[sure], boxes.scores[sure], boxes.crowd)
        ever, _ = match_boxes(iou, boxes.scores, boxes.crowd)
        hits = _people_hits(boxes.area_px, boxes.crowd, person, ever)
        values = _mistakes(person, in_crowd, hits["box_recall"], scene)
        if scene.everyone_labelled and len(hits["box_recall"]):
            hits["box_precision"] = (person >= 0)[~in_crowd].astype(float)
        sure_found = [one for one, is_sure in zip(found, sure) if is_sure]
        hits |= self._found_hits(scene, sure_found, person, iou[sure])
        dense = None
        if self.distance_m is not None and any(one.points_px is not None for one in scene.people):
            dense = densepose_similarities(found, scene.people, scene.size_px, self.distance_m)
        return Row(scene.title, "model", values, hits, boxes=boxes, dense=dense)

    def _found_hits(
        self, scene: LabelledScene, found: list[PersonIuv], person: np.ndarray, iou: np.ndarray
    ) -> dict[str, np.ndarray]:
        """One value per person who is found, and one per point of theirs for the part."""
        pairs = [(place, detection, scene.people[place]) for place, detection in zip(person, found) if place >= 0]
        rows = [row for row, place in enumerate(person) if place >= 0]
        masked = [(detection, one) for _, detection, one in pairs if one.mask is not None]
        pointed = [(detection, one) for _, detection, one in pairs if one.points_px is not None and len(one.part)]
        hits = {"found_box_iou": np.array([iou[row, person[row]] for row in rows], float)}
        if any(one.mask is not None for one in scene.people):
            hits["found_mask_iou"] = np.array([_mask_iou(*pair, scene.size_px) for pair in masked], float)
        if any(one.points_px is not None for one in scene.people):
            right = [_right_parts(*pair) for pair in pointed]
            hits["found_part_accuracy"] = np.concatenate([np.zeros(0), *right])
            if self.distance_m is not None:
                gps = [point_similarities([one], who, self.distance_m).item() for one, who in pointed]
                hits["found_gps"] = np.array(gps, float)
        return hits


@torch.no_grad()
def measure_scenes(
    meter: DetectionMeter, scenes: SceneSet, progress: Progress = iter, world: World | None = None
) -> tuple[list[Row], dict[str, str]]:
    """The rows of all pictures, measured by all processes together, picture by picture in turn.

    Returns:
        The rows, and for pictures that could not be used the reason, by title.
    """
    world = world or World()
    rows, left_out = [], []
    for index in progress(range(len(scenes))[world.rank :: world.size]):
        try:
            scene = scenes.read(index)
        except InvalidInput as error:
            left_out.append((scenes.title(index), str(error)))
            continue
        rows.append(meter.row(scene))
    return gather_rows(rows, world), dict(sorted(world.gather(left_out)))


def _people_hits(area_px: np.ndarray, crowd: np.ndarray, person: np.ndarray, ever: np.ndarray) -> dict[str, np.ndarray]:
    """Per labelled person whether found: by sure detections, the large ones among them, and by any detection."""
    number = np.arange(len(crowd))
    found, at_all = np.isin(number, person), np.isin(number, ever)
    return {
        "box_recall": found[~crowd].astype(float),
        "box_recall_large": found[~crowd & (area_px >= LARGE_PX)].astype(float),
        "box_recall_any": at_all[~crowd].astype(float),
    }


def _mistakes(person: np.ndarray, in_crowd: np.ndarray, recall: np.ndarray, scene: LabelledScene) -> dict[str, float]:
    """What sure detections of nobody cost; not to be told where somebody may be without a label."""
    if not scene.everyone_labelled:
        return {}
    wrong = int(((person < 0) & ~in_crowd).sum())
    values = {"false_positives": float(wrong)}
    if len(recall):
        values["people_f1"] = 2 * recall.sum() / (len(recall) + recall.sum() + wrong)
    else:
        values["false_alarm"] = float(wrong > 0)
        values |= {f"{name}_unseen": values[name] for name in ("false_alarm", "false_positives") if scene.unseen}
    return values


def _mask_iou(detection: PersonIuv, person: AnnotatedPerson, size_px: tuple[int, int]) -> float:
    claimed, seen = paste_people([detection], size_px).labels.cpu() > 0, person.mask.bool()
    either = int((claimed | seen).sum())
    return int((claimed & seen).sum()) / either if either else float("nan")


def _right_parts(detection: PersonIuv, person: AnnotatedPerson) -> np.ndarray:
    part, _ = read_chart(detection.chart, detection.box_xyxy_px, person.points_px)
    return (part == person.part).numpy().astype(float)
