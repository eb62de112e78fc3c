"""What the DensePose head shall say about proposals: masks, parts and chart coordinates of their people, box by box."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec.errors import InvalidInput
from meshrec.iuv.rcnn.matching import paired_iou
from meshrec.iuv.rcnn.sampling import SampledRois
from meshrec.losses.densepose import UNKNOWN
from meshrec.metrics.parts import DENSEPOSE14_OF_PART
from meshrec.structures.scene_batch import UNKNOWN_PERSON, SceneBatch


@dataclass(frozen=True)
class DensePoseTargets:
    """The truth on square maps over R boxes, and at the annotated points of the people in them.

    Attributes:
        coarse: (R, S, S) long, 0 background, 1 the person or 1 to 14 the limb, -1 unknown.
        part: (R, S, S) long, 1 to 24; 0 background, -1 unknown.
        uv: (R, 2, S, S) chart coordinates where there is a part.
        point_roi: (Q,) long, the box of each point.
        point_position: (Q, 2) column and row on the map, as `losses.densepose.read_maps` takes them.
        point_part: (Q,) long, 1 to 24.
        point_uv: (Q, 2).
    """

    coarse: Tensor
    part: Tensor
    uv: Tensor
    point_roi: Tensor
    point_position: Tensor
    point_part: Tensor
    point_uv: Tensor


def densepose_rois(
    rois: SampledRois, batch: SceneBatch, overlap: float, most: int, generator: torch.Generator | None = None
) -> SampledRois:
    """The proposals from which the DensePose head learns, at random if there are too many.

    Args:
        rois: of the box head.
        overlap: intersection over union with the person's box that they need at least.
        most: at most so many in the whole batch; 0 for no limit.
    """
    annotated = batch.has_mask | batch.has_iuv
    annotated[batch.point_person] = True
    people = torch.nonzero(rois.is_person)[:, 0]
    people = people[annotated[rois.person[people]]]
    true_px = batch.boxes_xyxy_px[rois.person[people]]
    fits = paired_iou(rois.boxes_xyxy_px[people], true_px) >= overlap
    people = people[fits]
    chosen = torch.randperm(len(people), generator=generator, device=people.device)[: most or None]
    return rois[people[chosen.sort().values]]


def densepose_targets(rois: SampledRois, batch: SceneBatch, size: int, coarse_channels: int = 2) -> DensePoseTargets:
    """Read the truth of a batch at the centres of the map's values, unmixed.

    Args:
        rois: R proposals that stand for people.
        size: S, side of the head's maps.
        coarse_channels: 2, or 15, for which limbs are known where parts are.
    Raises:
        InvalidInput: another number of channels.
    """
    if coarse_channels not in (2, 15):
        raise InvalidInput(f"The coarse segmentation has 2 or 15 channels, got {coarse_channels}.")
    image, row, column = _pixels(rois, batch, size)
    person_map = batch.person_map[image, row, column].long()
    is_person = person_map == 1 + rois.person[:, None, None]
    has_mask, has_iuv = (flags[rois.person][:, None, None] for flags in (batch.has_mask, batch.has_iuv))
    part = torch.where(is_person, batch.part_map[image, row, column].long(), 0)
    unknown = (person_map == UNKNOWN_PERSON) & ~is_person
    part = torch.where(has_iuv & ~unknown, part, UNKNOWN)
    if coarse_channels == 2:
        coarse = torch.where(has_mask & ~unknown, is_person.long(), UNKNOWN)
    else:
        limbs = torch.tensor(DENSEPOSE14_OF_PART, device=part.device)
        coarse = torch.where(part >= 0, limbs[part.clamp(min=0)], UNKNOWN)
    uv = batch.uv_map.permute(0, 2, 3, 1)[image, row, column].permute(0, 3, 1, 2)
    return DensePoseTargets(coarse, part, uv, *_points(rois, batch, size))


def _pixels(rois: SampledRois, batch: SceneBatch, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Picture, row and column of the pixel under each value of the maps; they broadcast to (R, S, S)."""
    height, width = batch.images.shape[-2:]
    centres = (torch.arange(size, device=rois.boxes_xyxy_px.device) + 0.5) / size
    left, top, right, bottom = rois.boxes_xyxy_px[..., None].unbind(dim=1)
    column = (left + (right - left) * centres).floor().long().clamp(0, width - 1)
    row = (top + (bottom - top) * centres).floor().long().clamp(0, height - 1)
    return rois.image_index[:, None, None], row[:, :, None], column[:, None, :]


def _points(rois: SampledRois, batch: SceneBatch, size: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The annotated points inside the boxes of their people."""
    roi, point = torch.nonzero(rois.person[:, None] == batch.point_person, as_tuple=True)
    box = rois.boxes_xyxy_px[roi]
    share = (batch.points_px[point] - box[:, :2]) / (box[:, 2:] - box[:, :2]).clamp(min=1e-6)
    inside = ((share >= 0) & (share < 1)).all(dim=-1)
    roi, point = roi[inside], point[inside]
    return roi, share[inside] * size, batch.point_part[point].long(), batch.points_uv[point]
