"""Average precision and recall by COCO's rules, for any similarity of detections with labelled people.

Detections take people greedily, best score first. Two variants of the rules exist, and both are here: that of COCO
(Lin et al., "Microsoft COCO: common objects in context", ECCV 2014), and that of DensePose-COCO as detectron2's
DensePose project computes it, which differs in what unmatched detections cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALL_LEVELS = np.linspace(0.0, 1.0, 101)
# COCO's sizes in square pixels of the person's mask, both ends included.
AREAS_PX = {"all": (0.0, 1e10), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
# DensePose-COCO counts the twenty most certain detections of an image, COCO's boxes a hundred.
DENSEPOSE_DETECTIONS, BOX_DETECTIONS = 20, 100
SAME_BOX_IOU = 0.8
_HIGHEST_BAR = 1 - 1e-10


@dataclass(frozen=True)
class ScoredImage:
    """The D detections and G labelled people of one image.

    Attributes:
        similarity: (D, G) from 0 to 1; where `crowd`, the share of the detection that lies in the crowd.
        scores: (D,) confidence.
        found_area_px: (D,) of the detections' boxes.
        target_area_px: (G,) of the people's masks.
        ignored: (G,) bool, finding this person neither counts nor costs.
        crowd: (G,) bool, any number of detections may lie in it.
        box_iou: (D, G) of the boxes, for the rules of DensePose-COCO; None for those of COCO.
    """

    similarity: np.ndarray
    scores: np.ndarray
    found_area_px: np.ndarray
    target_area_px: np.ndarray
    ignored: np.ndarray
    crowd: np.ndarray
    box_iou: np.ndarray | None = None

    def __post_init__(self) -> None:
        shape = (len(self.scores), len(self.ignored))
        lengths = (len(self.found_area_px), len(self.target_area_px)), (shape[0], len(self.crowd))
        boxes = shape if self.box_iou is None else self.box_iou.shape
        if self.similarity.shape != shape or boxes != shape or lengths != (shape, shape):
            raise ValueError(
                f"{shape[0]} scores and {shape[1]} people need matrices of shape {shape} and as many areas and crowd "
                f"flags, got {self.similarity.shape}, {boxes} and {lengths}."
            )

    def best(self, count: int) -> ScoredImage:
        """The `count` most certain detections, most certain first; equal scores keep their order."""
        order = np.argsort(-np.asarray(self.scores, float), kind="stable")[:count]
        boxes = None if self.box_iou is None else self.box_iou[order]
        found = self.similarity[order], np.asarray(self.scores, float)[order], self.found_area_px[order]
        return ScoredImage(*found, self.target_area_px, self.ignored, self.crowd, boxes)


@dataclass(frozen=True)
class PrecisionRecall:
    """Curves for A areas (`AREAS_PX`) and T thresholds (`THRESHOLDS`).

    Attributes:
        precision: (A, T, R) the best precision at each of `RECALL_LEVELS` or above; NaN where nobody has that size.
        recall: (A, T) share of the people that are found at all.
        people: (A,) how many count.
    """

    precision: np.ndarray
    recall: np.ndarray
    people: np.ndarray

    def figures(self) -> dict[str, float]:
        """``ap``, ``ap_50``, ``ap_75``, ``ap_medium``, ``ap_large``, and the same of recall, ``ar``."""
        found = {}
        for name, values in (("ap", self.precision.mean(-1)), ("ar", self.recall)):
            found |= {name: values[0].mean(), f"{name}_50": values[0, 0], f"{name}_75": values[0, 5]}
            found |= {f"{name}_{size}": values[place].mean() for place, size in enumerate(AREAS_PX) if place}
        return {name: float(value) for name, value in found.items()}


def precision_recall(images: Sequence[ScoredImage], detections: int = DENSEPOSE_DETECTIONS) -> PrecisionRecall:
    """Curves over all images.

    Args:
        images: in an order that does not change, because it decides between equal scores.
        detections: how many of each image count.
    """
    images = [image.best(detections) for image in images]
    outcomes = [_match(image) for image in images]
    scores = np.concatenate([image.scores for image in images] or [np.zeros(0)])
    order = np.argsort(-scores, kind="stable")
    grid = len(AREAS_PX), len(THRESHOLDS)
    right, wrong = (
        np.concatenate([part[place] for part in outcomes] or [np.zeros((*grid, 0), bool)], axis=-1)[..., order]
        for place in (0, 1)
    )
    people = np.sum([part[2] for part in outcomes], axis=0) if outcomes else np.zeros(grid[0], int)
    return _curves(right.cumsum(-1), wrong.cumsum(-1), people)


def _match(image: ScoredImage) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(A, T, D) detections that are right, (A, T, D) that are wrong, and (A,) how many people count."""
    count = len(image.scores)
    bounds = np.array(list(AREAS_PX.values()))[:, :, None]
    ignored = image.ignored | (image.target_area_px < bounds[:, 0]) | (image.target_area_px > bounds[:, 1])  # (A, G)
    grid = len(bounds), len(THRESHOLDS)
    taken = np.zeros((*grid, len(image.ignored)), bool)
    matched, excused = np.zeros((*grid, count), bool), np.zeros((*grid, count), bool)
    if image.box_iou is not None:
        excused |= ignored.all(-1)[:, None, None]
    bar = np.minimum(THRESHOLDS, _HIGHEST_BAR)[:, None]
    for detection in range(count if len(image.ignored) else 0):
        similarity = image.similarity[detection]
        allowed = (similarity >= bar) & (~taken | image.crowd)  # (A, T, G)
        regular = allowed & ~ignored[:, None]
        allowed = np.where(regular.any(-1, keepdims=True), regular, allowed)
        person, found = _last_best(similarity, allowed), allowed.any(-1)
        matched[..., detection] = found
        excused[..., detection] = np.where(found, _at(ignored[:, None], person), excused[..., detection])
        taken |= found[..., None] & _one_hot(person, taken.shape[-1])
    if image.box_iou is not None:
        _excuse_same_boxes(image, ignored, matched, taken, excused)
    outside = (image.found_area_px < bounds[:, 0]) | (image.found_area_px > bounds[:, 1])
    excused |= ~matched & outside[:, None]
    return matched & ~excused, ~matched & ~excused, (~ignored).sum(-1)


def _excuse_same_boxes(
    image: ScoredImage, ignored: np.ndarray, matched: np.ndarray, taken: np.ndarray, excused: np.ndarray
) -> None:
    """DensePose-COCO's second pass, in place: a detection with the box of a free person is ignored as that person is.

    It looks at the matches of the highest threshold only, but sets the flag at all of them. That is how detectron2's
    evaluator does it, and what published figures were computed by.
    """
    matched, taken = matched[:, -1], taken[:, -1]
    for detection in range(len(image.scores) if len(image.ignored) else 0):
        overlap = image.box_iou[detection]
        allowed = (overlap >= SAME_BOX_IOU) & (~taken | image.crowd)  # (A, G)
        # Of equal boxes an ignored person wins, because those come last in the order of matching.
        among = np.where(allowed, overlap, -1.0)
        allowed &= among == among.max(-1, keepdims=True)
        allowed = np.where((allowed & ignored).any(-1, keepdims=True), allowed & ignored, allowed)
        person, found = _last_best(overlap, allowed), allowed.any(-1) & ~matched[:, detection]
        inherited = _at(ignored, person)
        excused[:, :, detection] = np.where(found[:, None], inherited[:, None], excused[:, :, detection])
        taken |= (found & inherited)[:, None] & _one_hot(person, taken.shape[-1])


def _last_best(values: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """(...) index of the largest of (G,) values among those allowed (..., G), the last one of equal ones."""
    among = np.where(allowed, values, -1.0)
    return among.shape[-1] - 1 - among[..., ::-1].argmax(-1)


def _one_hot(index: np.ndarray, count: int) -> np.ndarray:
    return index[..., None] == np.arange(count)


def _at(flags: np.ndarray, index: np.ndarray) -> np.ndarray:
    """(...) flags (..., G) at an index (...)."""
    flags = np.broadcast_to(flags, (*index.shape, flags.shape[-1]))
    return np.take_along_axis(flags, index[..., None], -1)[..., 0]


def _curves(right: np.ndarray, wrong: np.ndarray, people: np.ndarray) -> PrecisionRecall:
    """From cumulative counts (A, T, N) over detections of falling score."""
    precision = np.full((*right.shape[:2], len(RECALL_LEVELS)), np.nan)
    recall = np.full(right.shape[:2], np.nan)
    for area, threshold in np.ndindex(*recall.shape):
        if not people[area]:
            continue
        tp, fp = right[area, threshold].astype(float), wrong[area, threshold]
        reached = tp / people[area]
        best = np.maximum.accumulate((tp / (tp + fp + np.spacing(1)))[::-1])[::-1]
        # Beyond the recall that is reached, precision counts as zero.
        place = np.searchsorted(reached, RECALL_LEVELS, side="left")
        precision[area, threshold] = np.append(best, 0.0)[place]
        recall[area, threshold] = reached[-1] if len(reached) else 0.0
    return PrecisionRecall(precision, recall, people)
