"""Detected people against people with annotated surface points: GPS, GPSm and mask overlap as DensePose-COCO has them.

Agrees with the evaluator of detectron2's DensePose project (``tests/reference/test_detectron2_evaluator.py``), down to
how it rounds: a point lies in the pixel of the chart that its distance from the box's corner is cut off to, and chart
coordinates are those of 8-bit results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.iuv.quantised import quantise
from meshrec.iuv.results import ChartResult, PersonIuv
from meshrec.metrics.average_precision import DENSEPOSE_DETECTIONS, ScoredImage
from meshrec.metrics.boxes import box_iou
from meshrec.metrics.iuv import geodesic_point_similarity, masked_similarity, part_normalisers_m

# Points come as dp_x and dp_y from 0 to 255 in the box. DensePose divides them by 255 here, but by 256 in training.
ANNOTATED_SIDE = 255.0
# (N,) metres along the surface between chart points: part (N,) and uv (N, 2) of the found, then of the true ones.
SurfaceDistance = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class AnnotatedPerson:
    """One labelled person.

    Attributes:
        box_xyxy_px: (4,).
        area_px: of the person's mask; decides which sizes the person counts for.
        points_px: (N, 2) float64, where in the image points are annotated; None where none are, and then the person is
            ignored.
        part: (N,) long, 1 to 24.
        uv: (N, 2) chart coordinates.
        mask: (H, W) bool, the person's pixels; None is as good as empty.
        crowd: the box holds any number of people.
    """

    box_xyxy_px: Tensor
    area_px: float
    points_px: Tensor | None = None
    part: Tensor | None = None
    uv: Tensor | None = None
    mask: Tensor | None = None
    crowd: bool = False

    def __post_init__(self) -> None:
        check_shapes(box_xyxy_px=(self.box_xyxy_px, "4"))
        if self.points_px is not None:
            check_shapes(points_px=(self.points_px, "N 2"), part=(self.part, "N"), uv=(self.uv, "N 2"))


def densepose_similarities(
    found: Sequence[PersonIuv],
    people: Sequence[AnnotatedPerson],
    size_px: tuple[int, int],
    distance_m: SurfaceDistance,
    normaliser_m: float | None = None,
) -> dict[str, ScoredImage]:
    """What one image contributes to average precision.

    Args:
        found: detections in any order; the twenty most certain count.
        people: labelled people.
        size_px: (height, width) of the image.
        distance_m: infinite where it cannot tell.
        normaliser_m: 0.255 for the paper's GPS; by default that of the annotated part, as published figures since 2019.
    Returns:
        By ``gps``, ``gpsm`` and ``iou``, the similarity that detections are matched by.
    """
    found = sorted(found, key=lambda person: -person.score)[:DENSEPOSE_DETECTIONS]
    found_xyxy = _stack(person.box_xyxy_px for person in found)
    crowd = np.array([person.crowd for person in people], bool)
    gps = np.zeros((len(found), len(people)))
    for place, person in enumerate(people):
        if person.points_px is not None and found:
            gps[:, place] = point_similarities(found, person, distance_m, normaliser_m).numpy()
    overlap = _mask_overlaps(found, people, size_px)
    gpsm = masked_similarity(*(torch.from_numpy(values.ravel()) for values in (gps, overlap))).numpy()
    shared = (
        np.array([person.score for person in found]),
        (found_xyxy[:, 2:] - found_xyxy[:, :2]).prod(-1),
        np.array([person.area_px for person in people], float),
        np.array([person.points_px is None for person in people], bool),
        crowd,
        box_iou(found_xyxy, _stack(person.box_xyxy_px for person in people), crowd),
    )
    similarities = {"gps": gps, "gpsm": gpsm.reshape(gps.shape), "iou": overlap}
    return {name: ScoredImage(values, *shared) for name, values in similarities.items()}


def point_similarities(
    found: Sequence[PersonIuv],
    person: AnnotatedPerson,
    distance_m: SurfaceDistance,
    normaliser_m: float | None = None,
) -> Tensor:
    """(D,) GPS of each detection with one annotated person; 0 where the person has no points."""
    count = len(person.part)
    if not count or not found:
        return torch.zeros(len(found), dtype=torch.float64)
    read = [read_chart(one.chart, one.box_xyxy_px, person.points_px) for one in found]
    part, uv = torch.cat([parts for parts, _ in read]), torch.cat([uv for _, uv in read])
    true_part, true_uv = person.part.repeat(len(found)), person.uv.repeat(len(found), 1)
    seen, distance = part > 0, torch.full(part.shape, torch.inf, dtype=torch.float64)
    if bool(seen.any()):
        distance[seen] = distance_m(part[seen], uv[seen], true_part[seen], true_uv[seen]).double()
    normaliser = part_normalisers_m(person.part).double() if normaliser_m is None else normaliser_m
    distance = distance.reshape(len(found), count)
    return geodesic_point_similarity(distance, torch.ones_like(distance, dtype=torch.bool), normaliser)


def read_chart(chart: ChartResult, box_xyxy_px: Tensor, points_px: Tensor) -> tuple[Tensor, Tensor]:
    """(N,) part and (N, 2) chart coordinates that a detection claims at points (N, 2) of the image.

    Background, and part 0 for points outside the box. Distances from the corner are cut off towards zero, so a point
    less than a pixel above or left of the box still reads its first row or column.
    """
    bytes_ = quantise(chart).labels_uv_uint8.cpu()
    height, width = bytes_.shape[1:]
    column, row = (points_px.double() - box_xyxy_px[:2].cpu().double()).trunc().long().unbind(-1)
    inside = (column >= 0) & (row >= 0) & (column < width) & (row < height)
    read = bytes_[:, row.clamp(0, height - 1), column.clamp(0, width - 1)]
    return read[0].long() * inside, read[1:].T.double() / 255


def stretched_mask(mask: Tensor, box_xyxy_px: Tensor, size_px: tuple[int, int]) -> Tensor:
    """(H, W) bool of a mask (S, S) that is annotated over a box: bilinear, corners on corners, above one half."""
    width, height = (max(1, round(side)) for side in _sides(box_xyxy_px))
    stretched = F.interpolate(mask[None, None].double(), (height, width), mode="bilinear", align_corners=True)[0, 0]
    # detectron2 stretches by scipy, which leaves the last row or column empty where rounding puts it beyond the mask.
    stretched[-1] *= not _rounds_beyond(mask.shape[0] - 1, height - 1)
    stretched[:, -1] *= not _rounds_beyond(mask.shape[1] - 1, width - 1)
    left, top = (int(value) for value in box_xyxy_px[:2])
    canvas = torch.zeros(size_px, dtype=torch.bool)
    # Rounding may have made it larger than the box; what lies beyond the box's last whole pixel is cut off.
    right, bottom = (int(value) for value in box_xyxy_px[2:])
    rows, own_rows = _common(top, min(height, bottom - top), size_px[0])
    columns, own_columns = _common(left, min(width, right - left), size_px[1])
    canvas[rows, columns] = stretched[own_rows, own_columns] > 0.5
    return canvas


def _mask_overlaps(
    found: Sequence[PersonIuv], people: Sequence[AnnotatedPerson], size_px: tuple[int, int]
) -> np.ndarray:
    """(D, G) intersection over union of masks; with a crowd, the share of the detection inside it."""
    overlap = np.zeros((len(found), len(people)))
    masks = [torch.zeros(size_px, dtype=torch.bool) if one.mask is None else one.mask.bool() for one in people]
    area = torch.tensor([int(mask.sum()) for mask in masks])
    crowd = torch.tensor([one.crowd for one in people], dtype=torch.bool)
    for place, person in enumerate(found if people else ()):
        left, top = person.chart.origin_xy_px
        claimed = person.chart.labels.cpu() > 0
        rows, own_rows = _common(top, claimed.shape[0], size_px[0])
        columns, own_columns = _common(left, claimed.shape[1], size_px[1])
        claimed = claimed[own_rows, own_columns]
        both = torch.stack([(mask[rows, columns] & claimed).sum() for mask in masks])
        whole = torch.where(crowd, claimed.sum(), area + claimed.sum() - both)
        overlap[place] = torch.where(whole > 0, both / whole.clamp_min(1).double(), 0.0).numpy()
    return overlap


def _common(start: int, count: int, size: int) -> tuple[slice, slice]:
    """Pixels of an image of `size` under `count` pixels from `start`, by the image's and by their own numbers."""
    first, end = min(max(start, 0), size), min(max(start + count, 0), size)
    return slice(first, end), slice(first - start, end - start)


def _rounds_beyond(length: int, steps: int) -> bool:
    """Whether the last of so many equal steps comes out beyond a length."""
    return steps > 0 and steps * (length / steps) > length


def _sides(box_xyxy_px: Tensor) -> list[float]:
    return (box_xyxy_px[2:].double() - box_xyxy_px[:2].double()).tolist()


def _stack(boxes) -> np.ndarray:
    """(N, 4) float64; also of no boxes."""
    return np.array([box.tolist() for box in boxes], float).reshape(-1, 4)
