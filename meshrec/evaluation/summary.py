"""From the rows of all people to the figures of a set.

Sums are exact (`math.fsum` rounds once, integers never), so the figures are the same to the last bit in whatever
portions the people were measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import torch

from meshrec.errors import MissingDependency
from meshrec.evaluation.figures import FIGURES
from meshrec.evaluation.rows import Row, TrackFrame
from meshrec.metrics.average_precision import AREAS_PX, ScoredImage, precision_recall
from meshrec.metrics.boxes import BoxImage, box_average_precision
from meshrec.metrics.oks import keypoint_average_precision
from meshrec.metrics.parts import segmentation_scores
from meshrec.metrics.temporal import acceleration_error_mm, acceleration_mm

_AP_FIGURES = ("ap", "ap_50", "ap_75", "ar")
_SIZED_AP_FIGURES = (*_AP_FIGURES, "ap_medium", "ap_large")
# Figures that a pooled confusion matrix gives, by the matrix' name.
_OF_CONFUSION = {
    "fb_seg": ("fb_seg_accuracy", "fb_seg_f1", None),
    "part6": ("part6_accuracy", "part6_f1", None),
    "part14": ("part14_accuracy", "part14_f1", None),
    "part24": ("part24_accuracy", "part24_f1", "part24_iou"),
}


def summarise(rows: Sequence[Row]) -> tuple[dict[str, float], dict[str, int]]:
    """Figures of one method, and over how many people, joints, pixels or frames each was taken.

    Figures that nobody could be measured on are left out.
    """
    found: dict[str, tuple[float, int]] = {}
    for name in _names(row.values for row in rows):
        found[name] = exact_mean(row.values.get(name, math.nan) for row in rows)
    for name in _names(row.hits for row in rows):
        found[name] = exact_mean(value for row in rows for value in row.hits.get(name, np.zeros(0)).flat)
    for name in _names(row.confusions for row in rows):
        found |= _confusion_figures(name, [row.confusions[name] for row in rows if name in row.confusions])
    found |= _average_precision([row.keypoints for row in rows if row.keypoints is not None])
    found |= _box_precision([row.boxes for row in rows if row.boxes is not None])
    found |= _dense_precision([row.dense for row in rows if row.dense is not None])
    found |= motion_figures([row.moment for row in rows if row.moment is not None])
    order = [name for name in FIGURES if name in found and found[name][1]]
    return {name: found[name][0] for name in order}, {name: found[name][1] for name in order}


def exact_mean(values: Iterable[float]) -> tuple[float, int]:
    """Mean of the values that are no NaN, rounded once, and their number; NaN of none."""
    known = [float(value) for value in values if not math.isnan(value)]
    return (math.fsum(known) / len(known) if known else math.nan), len(known)


def motion_figures(moments: Sequence[TrackFrame]) -> dict[str, tuple[float, int]]:
    """Accelerations over all tracks.

    A track's frames lie a fixed step apart, the smallest difference of its frame numbers; where one is missing, the
    moments that need it do not count. "Per frame" means per step.
    """
    tracks: dict[str, list[TrackFrame]] = {}
    for moment in moments:
        tracks.setdefault(moment.track, []).append(moment)
    values: dict[str, list[float]] = {}
    for track in tracks.values():
        for name, accelerations in _track_accelerations(track).items():
            values.setdefault(name, []).extend(accelerations)
    return {name: exact_mean(values[name]) for name in sorted(values)}


def _track_accelerations(track: list[TrackFrame]) -> dict[str, list[float]]:
    by_frame = {moment.frame: moment for moment in track}
    frames = np.array(sorted(by_frame))
    if len(frames) < 3:
        return {}
    step = int(np.diff(frames).min())
    on_grid = (frames - frames[0]) % step == 0
    moments, place = [by_frame[frame] for frame in frames[on_grid]], (frames[on_grid] - frames[0]) // step
    joints = np.stack([moment.joints_m for moment in moments])
    if any(moment.true_joints_m is None for moment in moments):
        joints, valid = _grid(joints, place, np.isfinite(joints).all((0, 2)))
        return {"acceleration_mm": acceleration_mm(joints, valid).tolist()}
    true = np.stack([moment.true_joints_m for moment in moments])
    always_known = np.isfinite(joints).all((0, 2)) & np.isfinite(true).all((0, 2))
    (joints, valid), (true, _) = (_grid(some, place, always_known) for some in (joints, true))
    return {
        "acceleration_mm": acceleration_mm(joints, valid).tolist(),
        "true_acceleration_mm": acceleration_mm(true, valid).tolist(),
        "acceleration_error_mm": acceleration_error_mm(joints, true, valid).tolist(),
    }


def _grid(joints: np.ndarray, place: np.ndarray, counted: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Some joints of (N, J, 3) at their steps (T, K, 3) in double precision, and (T,) which steps exist."""
    steps = int(place[-1]) + 1
    grid = np.zeros((steps, int(counted.sum()), 3))
    grid[place] = joints[:, counted]
    valid = np.zeros(steps, bool)
    valid[place] = True
    return torch.from_numpy(grid), torch.from_numpy(valid)


def _confusion_figures(name: str, matrices: list[np.ndarray]) -> dict[str, tuple[float, int]]:
    total = np.sum(matrices, axis=0)
    scores, pixels = segmentation_scores(torch.from_numpy(total)), int(total.sum())
    figures = zip(_OF_CONFUSION[name], (scores.accuracy, scores.mean_f1, scores.mean_iou))
    return {figure: (value, pixels) for figure, value in figures if figure is not None}


def _average_precision(people: list) -> dict[str, tuple[float, int]]:
    """COCO's figures where pycocotools is installed; it is optional, and everything else does without."""
    if not people:
        return {}
    try:
        figures = keypoint_average_precision(people)
    except MissingDependency:
        return {}
    return {name: (figures[name], len(people)) for name in _AP_FIGURES}


def _box_precision(images: list[BoxImage]) -> dict[str, tuple[float, int]]:
    """Likewise of boxes; of pictures in which nobody is labelled there is none."""
    areas = np.concatenate([np.zeros(0), *(image.area_px[~np.asarray(image.crowd, bool)] for image in images)])
    people = {name: int(((areas >= low) & (areas <= high)).sum()) for name, (low, high) in AREAS_PX.items()}
    if not people["all"]:
        return {}
    try:
        figures = box_average_precision(images)
    except MissingDependency:
        return {}
    return _sized("box", figures, people)


def _dense_precision(images: list[dict[str, ScoredImage]]) -> dict[str, tuple[float, int]]:
    found = {}
    for kind in _names(images):
        curves = precision_recall([image[kind] for image in images])
        found |= _sized(kind, curves.figures(), dict(zip(AREAS_PX, curves.people.tolist())))
    return found


def _sized(kind: str, figures: dict[str, float], people: dict[str, int]) -> dict[str, tuple[float, int]]:
    """Average precision by its full name, with the number of people of the size that it is taken over."""
    size = {name: name.rpartition("_")[2] for name in _SIZED_AP_FIGURES}
    return {f"{kind}_{name}": (figures[name], people.get(size[name], people["all"])) for name in _SIZED_AP_FIGURES}


def _names(tables: Iterable[dict]) -> list[str]:
    return list(dict.fromkeys(name for table in tables for name in table))
