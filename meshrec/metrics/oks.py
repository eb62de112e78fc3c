"""Object keypoint similarity (OKS), COCO's measure of keypoints, and its average precision by COCO's own tool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.metrics.coco_tool import judge
from meshrec.structures import COCO17

# How far apart annotators place a keypoint, as a share of the person's size: the sigmas of the COCO keypoint challenge
# (cocodataset.org, "Keypoint Evaluation"); left and right are equal.
_SIGMAS = {
    "nose": 0.026,
    "eye": 0.025,
    "ear": 0.035,
    "shoulder": 0.079,
    "elbow": 0.072,
    "wrist": 0.062,
    "hip": 0.107,
    "knee": 0.087,
    "ankle": 0.089,
}
COCO_SIGMAS = tuple(_SIGMAS[name.rpartition("_")[2]] for name in COCO17.names)
AP_FIGURES = ("ap", "ap_50", "ap_75", "ap_medium", "ap_large", "ar", "ar_50", "ar_75", "ar_medium", "ar_large")


@dataclass(frozen=True)
class KeypointPerson:
    """One labelled person and its prediction, for average precision.

    Attributes:
        image: names the photograph.
        target_px, labelled: (17, 2) pixels and (17,) COCO's visibility: 0 not labelled, 1 hidden, 2 visible.
        box_px: (4,) x, y, width, height.
        area_px: of the person's mask, in square pixels.
        predicted_px: (17, 2) pixels.
        score: the prediction's confidence.
    """

    image: str
    target_px: np.ndarray
    labelled: np.ndarray
    box_px: Sequence[float]
    area_px: float
    predicted_px: np.ndarray
    score: float = 1.0


def keypoint_similarity(predicted_px: Tensor, target_px: Tensor, labelled: Tensor, area_px: Tensor) -> Tensor:
    """OKS of a person: the mean over labelled keypoints of exp(-d^2 / (2 area (2 sigma)^2)).

    Args:
        predicted_px, target_px: (B, 17, 2) pixels, in COCO's order.
        labelled: (B, 17), not zero where the keypoint is labelled, hidden ones included.
        area_px: (B,) area of the person's mask in square pixels.
    Returns:
        (B,) from 0 to 1; NaN where nothing is labelled or the area is not positive.
    """
    check_shapes(
        predicted_px=(predicted_px, "B 17 2"),
        target_px=(target_px, "B 17 2"),
        labelled=(labelled, "B 17"),
        area_px=(area_px, "B"),
    )
    spread_sq = (2 * torch.tensor(COCO_SIGMAS, device=predicted_px.device, dtype=predicted_px.dtype)).square()
    distance_sq = (predicted_px - target_px).square().sum(-1)
    similarity = torch.exp(-distance_sq / (2 * area_px[:, None] * spread_sq))
    return torch.where((labelled > 0) & (area_px[:, None] > 0), similarity, torch.nan).nanmean(1)


def keypoint_average_precision(people: Sequence[KeypointPerson]) -> dict[str, float]:
    """Average precision and recall over OKS 0.50 to 0.95, by pycocotools.

    Args:
        people: the labelled people with their predictions. Only people with labelled keypoints count. The order decides
            between equal scores.
    Returns:
        By the names of `AP_FIGURES`; NaN where no person is of that size.
    Raises:
        MissingDependency: pycocotools is not installed.
    """
    if not people:
        return dict.fromkeys(AP_FIGURES, float("nan"))
    result = _coco_evaluation(people)
    return {name: float(value) if value >= 0 else float("nan") for name, value in zip(AP_FIGURES, result.stats)}


def _coco_evaluation(people: Sequence[KeypointPerson]):
    images = {name: number for number, name in enumerate(dict.fromkeys(person.image for person in people), start=1)}
    labels = [_annotation(person, images[person.image]) for person in people]
    results = [_result(person, images[person.image]) for person in people]
    return judge("keypoints", len(images), labels, results, "compute the average precision of keypoints")


def _annotation(person: KeypointPerson, image: int) -> dict:
    return {
        "image_id": image,
        "keypoints": _triplets(person.target_px, person.labelled),
        "num_keypoints": int((np.asarray(person.labelled) > 0).sum()),
        "bbox": [float(value) for value in person.box_px],
        "area": float(person.area_px),
        "iscrowd": 0,
    }


def _result(person: KeypointPerson, image: int) -> dict:
    return {
        "image_id": image,
        "keypoints": _triplets(person.predicted_px, np.ones(len(COCO17))),
        "score": float(person.score),
    }


def _triplets(points_px: np.ndarray, flag: np.ndarray) -> list[float]:
    return np.concatenate([points_px, np.asarray(flag, float)[:, None]], axis=1).reshape(-1).astype(float).tolist()
