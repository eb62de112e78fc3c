"""How whole pictures are drawn on contact sheets: who was found, missed or made up, and the parts of those found."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from meshrec.evaluation.detection.meter import DetectionMeter
from meshrec.evaluation.detection.scenes import LabelledScene, SceneSet
from meshrec.evaluation.pictures import Draw
from meshrec.iuv.results import PersonIuv
from meshrec.metrics.boxes import box_iou, match_boxes
from meshrec.vis.densepose_picture import draw_densepose

SIDE_PX = 240
FOUND, MISTAKE, MISSED, CROWD = (40, 200, 40), (230, 30, 30), (255, 200, 0), (150, 150, 150)
_PAPER = 255


def draw_scenes(meter: DetectionMeter, scenes: SceneSet) -> Draw:
    """Two squares per picture: boxes, and the parts of the people found."""
    place_of = {scenes.title(index): index for index in range(len(scenes))}

    def draw(key: str) -> list[np.ndarray]:
        scene = scenes.read(place_of[key])
        with torch.no_grad():
            found = [one for one in meter.predictor.predict(scene.pixels) if one.score >= meter.min_score]
        return [draw_boxes(scene, found), _square(draw_densepose(scene.pixels, found, "parts", boxes=False))]

    return draw


def draw_boxes(scene: LabelledScene, found: list[PersonIuv]) -> np.ndarray:
    """Green: found. Red: finds nobody who is labelled. Yellow: a person who was missed. Grey: a region that is ignored.

    Args:
        found: the sure detections.
    Returns:
        (240, 240, 3) uint8, the picture scaled to fit.
    """
    boxes = scene.with_boxes_of(found)
    person, in_crowd = match_boxes(
        box_iou(boxes.found_xyxy_px, boxes.people_xyxy_px, boxes.crowd), boxes.scores, boxes.crowd
    )
    missed = ~np.isin(np.arange(len(boxes.crowd)), person)
    colours = [CROWD if crowd else MISSED for crowd, one in zip(boxes.crowd, missed) if one]
    colours += [FOUND if who >= 0 else CROWD if crowd else MISTAKE for who, crowd in zip(person, in_crowd)]
    drawn, scale = _square(scene.pixels), SIDE_PX / max(scene.size_px)
    for box, colour in zip([*boxes.people_xyxy_px[missed], *boxes.found_xyxy_px], colours):
        left, top, right, bottom = (round(float(value) * scale) for value in box)
        cv2.rectangle(drawn, (left, top), (right - 1, bottom - 1), colour, 2)
    return drawn


def _square(picture: np.ndarray) -> np.ndarray:
    """The whole picture at the top left of a white square."""
    height, width = picture.shape[:2]
    scale = SIDE_PX / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    drawn = np.full((SIDE_PX, SIDE_PX, 3), _PAPER, np.uint8)
    drawn[: size[1], : size[0]] = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return drawn
