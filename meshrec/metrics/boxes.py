"""Boxes of detected people against those of labelled people: overlap, who is found, and average precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from meshrec.metrics.coco_tool import judge

FOUND_IOU = 0.5
BOX_FIGURES = ("ap", "ap_50", "ap_75", "ap_small", "ap_medium", "ap_large", "ar_1", "ar_10", "ar")


@dataclass(frozen=True)
class BoxImage:
    """Boxes of one image.

    Attributes:
        found_xyxy_px, scores: (D, 4) and (D,) detections.
        people_xyxy_px: (G, 4) labelled people.
        area_px: (G,) of the people's masks, or of their boxes where there are none.
        crowd: (G,) bool; the box holds any number of people, and detections in it neither count nor cost.
        size_px: (height, width) of the image.
        everyone_labelled: False where other people may be seen too; then detections of nobody cost nothing.
    """

    found_xyxy_px: np.ndarray
    scores: np.ndarray
    people_xyxy_px: np.ndarray
    area_px: np.ndarray
    crowd: np.ndarray
    size_px: tuple[int, int]
    everyone_labelled: bool = True


def box_iou(found_xyxy: np.ndarray, people_xyxy: np.ndarray, crowd: np.ndarray | None = None) -> np.ndarray:
    """(D, G) intersection over union of boxes (D, 4) and (G, 4); with a crowd, the share of the detection inside it.

    Boxes are continuous, right and bottom edges excluded. Two empty boxes have an overlap of 0.
    """
    found, people = np.asarray(found_xyxy, float)[:, None], np.asarray(people_xyxy, float)[None]
    low, high = np.maximum(found[..., :2], people[..., :2]), np.minimum(found[..., 2:], people[..., 2:])
    both = (high - low).clip(min=0).prod(-1)
    found_area, people_area = ((box[..., 2:] - box[..., :2]).clip(min=0).prod(-1) for box in (found, people))
    whole = found_area + people_area - both
    if crowd is not None:
        whole = np.where(np.asarray(crowd, bool)[None], found_area + 0 * people_area, whole)
    return both / np.where(whole > 0, whole, 1.0)


def match_boxes(
    iou: np.ndarray, scores: np.ndarray, crowd: np.ndarray, bar: float = FOUND_IOU
) -> tuple[np.ndarray, np.ndarray]:
    """Which person each detection finds, by COCO's rule at one threshold: most certain first, each person once.

    Args:
        iou: (D, G) from `box_iou` with the crowd flags.
        scores, crowd: (D,) and (G,).
    Returns:
        (D,) index of the person, -1 for none; and (D,) bool, found nobody but lies in a crowd.
    """
    person, in_crowd = np.full(len(scores), -1), np.zeros(len(scores), bool)
    free = ~np.asarray(crowd, bool)
    for detection in np.argsort(-np.asarray(scores, float), kind="stable"):
        among = np.where(free & (iou[detection] >= bar), iou[detection], -1.0)
        if len(among) and among.max() >= bar:
            person[detection] = len(among) - 1 - among[::-1].argmax()
            free[person[detection]] = False
        else:
            in_crowd[detection] = bool((iou[detection][np.asarray(crowd, bool)] >= bar).any())
    return person, in_crowd


def box_average_precision(images: Sequence[BoxImage]) -> dict[str, float]:
    """Average precision and recall of boxes over IoU 0.50 to 0.95, by pycocotools.

    Args:
        images: in an order that does not change, because it decides between equal scores.
    Returns:
        By the names of `BOX_FIGURES`; recall counts the best 1, 10 and 100 detections of an image. NaN where no person
        is of that size.
    Raises:
        MissingDependency: pycocotools is not installed.
    """
    labels = [label for number, image in enumerate(images, start=1) for label in _labels(image, number)]
    results = [result for number, image in enumerate(images, start=1) for result in _results(image, number)]
    stats = judge("bbox", len(images), labels, results, "compute the average precision of boxes").stats
    return {name: float(value) if value >= 0 else float("nan") for name, value in zip(BOX_FIGURES, stats)}


def _labels(image: BoxImage, number: int) -> list[dict]:
    labels = [
        {"image_id": number, "bbox": _xywh(box), "area": float(area), "iscrowd": int(crowd)}
        for box, area, crowd in zip(image.people_xyxy_px, image.area_px, image.crowd)
    ]
    if not image.everyone_labelled:  # as if there were a crowd everywhere
        height, width = image.size_px
        whole = [0.0, 0.0, float(width), float(height)]
        labels.append({"image_id": number, "bbox": whole, "area": float(width * height), "iscrowd": 1})
    return labels


def _results(image: BoxImage, number: int) -> list[dict]:
    return [
        {"image_id": number, "bbox": _xywh(box), "score": float(score)}
        for box, score in zip(image.found_xyxy_px, image.scores)
    ]


def _xywh(box_xyxy: np.ndarray) -> list[float]:
    left, top, right, bottom = (float(value) for value in box_xyxy)
    return [left, top, right - left, bottom - top]
