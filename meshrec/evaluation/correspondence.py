"""Figures of the net's own correspondence, at sampled pixels of synthetic people and at annotated points."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from meshrec.evaluation.people import LabelledPerson
from meshrec.evaluation.surface_points import SurfacePoints, SurfaceRuler
from meshrec.losses.iuv import at_pixel_centres
from meshrec.metrics.iuv import masked_similarity, uv_error
from meshrec.metrics.masks import mask_iou
from meshrec.structures import IuvMap, MeshPrediction, TrainingBatch

SAMPLED_POINTS = 100  # per synthetic person, about as many as DensePose-COCO annotates
_PERSON_PROBABILITY = 0.5


def synthetic_figures(found: IuvMap | None, batch: TrainingBatch, ruler: SurfaceRuler) -> list[tuple[dict, Tensor]]:
    """Figures of every synthetic person, and (N,) for its sampled points whether the part is right.

    Methods that find no correspondence have none of these figures.
    """
    if found is None:
        return [({}, torch.zeros(0))] * len(batch)
    size = found.mask.shape[-2:]
    true_uv = at_pixel_centres(batch.uv, size)
    seen = at_pixel_centres(batch.mask[:, None], size)[:, 0] > _PERSON_PROBABILITY
    claimed = found.mask > _PERSON_PROBABILITY
    error, overlap = uv_error(found.uv, true_uv, seen), mask_iou(claimed, seen)
    rows = []
    for person in range(len(batch)):
        row, column = _spread(seen[person])
        points = (ruler.on_atlas(uv[person, :, row, column].T) for uv in (found.uv, true_uv))
        values, right = ruler.figures(*points, claimed[person, row, column])
        values |= {"uv_error": error[person].item(), "iuv_mask_iou": overlap[person].item()}
        rows.append((with_masks(values), right))
    return rows


def photo_figures(
    prediction: MeshPrediction, person: LabelledPerson, ruler: SurfaceRuler, size: tuple[int, int]
) -> tuple[dict[str, float], Tensor]:
    """Figures of one person of a photograph of a size, and (N,) for the annotated points whether the part is right."""
    values, right = {}, torch.zeros(0)
    if person.mask is not None:
        claimed = mask_on_photo(prediction, size)
        values["iuv_mask_iou"] = mask_iou(claimed[None], torch.from_numpy(person.mask)[None]).item()
    if person.densepose is not None:
        row, column, inside = _map_pixels(prediction, torch.from_numpy(np.array(person.densepose.px)))
        seen = inside & (prediction.iuv.mask[0, row, column] > _PERSON_PROBABILITY)
        found = ruler.on_atlas(prediction.iuv.uv[0, :, row, column].T.float())
        similarity, right = ruler.figures(found, _annotated(person, ruler), seen)
        values |= similarity
    return with_masks(values), right


def with_masks(values: dict[str, float]) -> dict[str, float]:
    """The figures with GPSm, where both its factors are known."""
    if "gps_parts" in values and "iuv_mask_iou" in values:
        factors = (torch.tensor([values[name]]) for name in ("gps_parts", "iuv_mask_iou"))
        values["gpsm"] = masked_similarity(*factors).item()
    return values


def mask_on_photo(prediction: MeshPrediction, size: tuple[int, int]) -> Tensor:
    """(H, W) bool, where the net sees the person in a photo of that size."""
    rows, columns = torch.meshgrid(torch.arange(size[0]) + 0.5, torch.arange(size[1]) + 0.5, indexing="ij")
    row, column, inside = _map_pixels(prediction, torch.stack([columns, rows], dim=-1))
    return inside & (prediction.iuv.mask[0, row, column] > _PERSON_PROBABILITY)


def _annotated(person: LabelledPerson, ruler: SurfaceRuler) -> SurfacePoints:
    points = person.densepose
    return ruler.on_charts(torch.from_numpy(points.part.astype(np.int64)), torch.from_numpy(np.array(points.chart_uv)))


def _map_pixels(prediction: MeshPrediction, points_px: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Row and column of the correspondence map at points (..., 2) of the photo, and whether they lie in the crop."""
    centre, side = prediction.crop_box_px[:2], prediction.crop_box_px[2]
    height, width = prediction.iuv.mask.shape[-2:]
    share = (points_px - (centre - side / 2)) / side
    inside = ((share >= 0) & (share < 1)).all(-1)
    place = (share * share.new_tensor([width, height])).floor().long()
    return place[..., 1].clamp(0, height - 1), place[..., 0].clamp(0, width - 1), inside


def _spread(seen: Tensor) -> tuple[Tensor, Tensor]:
    """Row and column of up to a hundred evenly chosen pixels of a mask (H, W)."""
    row, column = seen.nonzero(as_tuple=True)
    chosen = torch.arange(min(len(row), SAMPLED_POINTS)) * len(row) // max(1, min(len(row), SAMPLED_POINTS))
    return row[chosen], column[chosen]
