"""Which labelled person each anchor or proposal stands for, and which of them may count as background."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.ops import box_iou

from meshrec.checks import check_shapes
from meshrec.structures.scene_batch import SceneBatch

PERSON, BACKGROUND, IGNORED = 1, 0, -1

# A box that lies in a crowd by at least this share of its area may show anybody; in a photograph whose people are not
# all labelled, only a box that lies on a labelled person by this share is known not to be somebody else.
_MOSTLY = 0.5


@dataclass(frozen=True)
class ImageTruth:
    """What is known about one picture.

    Attributes:
        boxes_xyxy_px: (N, 4) of the people.
        people: (N,) long, their indices in the batch.
        crowds_xyxy_px: (C, 4) regions to be ignored.
        everyone_labelled: whether the rest of the picture is background.
    """

    boxes_xyxy_px: Tensor
    people: Tensor
    crowds_xyxy_px: Tensor
    everyone_labelled: bool


@dataclass(frozen=True)
class Matches:
    """What N boxes of one picture stand for.

    Attributes:
        label: (N,) long, PERSON, BACKGROUND or IGNORED.
        place: (N,) long, the true box that overlaps most, as its place among those of the picture; 0 without any.
    """

    label: Tensor
    place: Tensor


def image_truths(batch: SceneBatch) -> list[ImageTruth]:
    """The truth of every picture of a batch."""
    truths = []
    for image, everyone in enumerate(batch.everyone_labelled.tolist()):
        here = batch.image_index == image
        people = torch.nonzero(here & ~batch.is_crowd)[:, 0]
        truths.append(
            ImageTruth(batch.boxes_xyxy_px[people], people, batch.boxes_xyxy_px[here & batch.is_crowd], everyone)
        )
    return truths


def match_boxes(boxes_xyxy_px: Tensor, truth: ImageTruth, low: float, high: float, keep_best: bool = False) -> Matches:
    """Tell people from background by intersection over union with the true boxes.

    Detectron2's rule, except that it learns crowds as background and assumes that everyone is labelled: boxes that lie
    mostly in a crowd are ignored, and so are boxes beside the labelled people of a picture with others in it.

    Args:
        boxes_xyxy_px: (N, 4) anchors or proposals.
        low, high: below ``low`` a box is background, from ``high`` a person, in between it is ignored.
        keep_best: the boxes that overlap a true box more than all others do are people too, however little that is,
            so that nobody is left without an anchor.
    """
    check_shapes(boxes_xyxy_px=(boxes_xyxy_px, "N 4"))
    overlap = box_iou(boxes_xyxy_px, truth.boxes_xyxy_px)
    best, place = _best(overlap)
    label = torch.full_like(place, IGNORED)
    label[best < low] = BACKGROUND
    if len(truth.crowds_xyxy_px):
        label[share_inside(boxes_xyxy_px, truth.crowds_xyxy_px) >= _MOSTLY] = IGNORED
    if not truth.everyone_labelled:
        label[share_inside(boxes_xyxy_px, truth.boxes_xyxy_px) < _MOSTLY] = IGNORED
    label[best >= high] = PERSON
    if keep_best and overlap.numel():
        best_of_person = overlap.amax(dim=0)
        label[((overlap == best_of_person) & (best_of_person > 0)).any(dim=1)] = PERSON
    return Matches(label, place)


def share_inside(boxes_xyxy_px: Tensor, regions_xyxy_px: Tensor) -> Tensor:
    """Largest share of each box's area that lies in one of the regions, (N,); 0 without regions."""
    if not len(regions_xyxy_px):
        return boxes_xyxy_px.new_zeros(len(boxes_xyxy_px))
    low = torch.maximum(boxes_xyxy_px[:, None, :2], regions_xyxy_px[:, :2])
    high = torch.minimum(boxes_xyxy_px[:, None, 2:], regions_xyxy_px[:, 2:])
    common = (high - low).clamp(min=0).prod(dim=-1)
    area = (boxes_xyxy_px[:, 2:] - boxes_xyxy_px[:, :2]).clamp(min=0).prod(dim=-1)
    return (common / area.clamp(min=1e-6)[:, None]).amax(dim=1)


def paired_iou(one_xyxy_px: Tensor, other_xyxy_px: Tensor) -> Tensor:
    """Intersection over union of each box with the one at the same place, (N,)."""
    low = torch.maximum(one_xyxy_px[:, :2], other_xyxy_px[:, :2])
    high = torch.minimum(one_xyxy_px[:, 2:], other_xyxy_px[:, 2:])
    common = (high - low).clamp(min=0).prod(dim=-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(dim=-1) for boxes in (one_xyxy_px, other_xyxy_px)]
    return common / (sum(areas) - common).clamp(min=1e-6)


def _best(overlap: Tensor) -> tuple[Tensor, Tensor]:
    """Largest overlap of each box and where it is; nothing at place 0 without true boxes."""
    if overlap.shape[1] == 0:
        return overlap.new_zeros(len(overlap)), torch.zeros(len(overlap), dtype=torch.long, device=overlap.device)
    return overlap.max(dim=1)
