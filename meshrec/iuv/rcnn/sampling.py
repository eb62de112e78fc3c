"""Which anchors and proposals a training step looks at: at random, people and background in balance."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec.iuv.rcnn.matching import BACKGROUND, PERSON, ImageTruth, Matches, match_boxes


@dataclass(frozen=True)
class Balance:
    """How many boxes of a picture are looked at.

    Attributes:
        count: at most so many.
        person_share: at most this share of them stand for people; background fills the rest.
    """

    count: int
    person_share: float

    def __post_init__(self) -> None:
        if self.count < 1 or not 0 < self.person_share <= 1:
            raise ValueError(
                f"count must be positive and person_share in (0, 1], got {self.count}, {self.person_share}"
            )


@dataclass(frozen=True)
class SampledRois:
    """Proposals of a whole batch that a step learns from, picture after picture.

    Attributes:
        boxes_xyxy_px: (R, 4).
        image_index: (R,) long.
        is_person: (R,) bool; the others are background.
        person: (R,) long, index in the batch of the person that overlaps most; only means something for people.
    """

    boxes_xyxy_px: Tensor
    image_index: Tensor
    is_person: Tensor
    person: Tensor

    def __len__(self) -> int:
        return self.boxes_xyxy_px.shape[0]

    def boxes_of_images(self, images: int) -> list[Tensor]:
        """The boxes of each picture, as the heads take them."""
        return [self.boxes_xyxy_px[self.image_index == image] for image in range(images)]

    def __getitem__(self, index: Tensor) -> SampledRois:
        return SampledRois(
            self.boxes_xyxy_px[index], self.image_index[index], self.is_person[index], self.person[index]
        )


def sample_labels(label: Tensor, balance: Balance, generator: torch.Generator | None = None) -> Tensor:
    """Places of the boxes to look at, people first, each kind in random order.

    Args:
        label: (N,) as in `Matches`.
    Returns:
        (K,) long, K at most ``balance.count``.
    """
    people, background = (_shuffled(torch.nonzero(label == kind)[:, 0], generator) for kind in (PERSON, BACKGROUND))
    people = people[: int(balance.count * balance.person_share)]
    return torch.cat([people, background[: balance.count - len(people)]])


def sample_rois(
    proposals_xyxy_px: list[Tensor],
    truths: list[ImageTruth],
    balance: Balance,
    overlap: float = 0.5,
    generator: torch.Generator | None = None,
) -> SampledRois:
    """What the heads learn from: proposals, and the true boxes, which keep the heads busy while proposals are poor.

    Args:
        proposals_xyxy_px: (N, 4) of each picture.
        overlap: intersection over union with a true box from which a proposal stands for its person.
    """
    parts = [
        _sample_image(
            image, torch.cat([boxes.detach(), truth.boxes_xyxy_px.to(boxes)]), truth, balance, overlap, generator
        )
        for image, (boxes, truth) in enumerate(zip(proposals_xyxy_px, truths, strict=True))
    ]
    return SampledRois(*(torch.cat(values) for values in zip(*parts)))


def _sample_image(image, boxes, truth, balance, overlap, generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    matches: Matches = match_boxes(boxes, truth, overlap, overlap)
    chosen = sample_labels(matches.label, balance, generator)
    is_person = matches.label[chosen] == PERSON
    person = truth.people[matches.place[chosen]] if len(truth.people) else torch.zeros_like(chosen)
    return boxes[chosen], torch.full_like(chosen, image), is_person, person


def _shuffled(places: Tensor, generator: torch.Generator | None) -> Tensor:
    return places[torch.randperm(len(places), generator=generator, device=places.device)]
