"""What is known about the people of one picture, and the batch that several such pictures make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from meshrec.data.detection.person_masks import SceneMasks, paint_people
from meshrec.structures import COCO17
from meshrec.structures.scene_batch import SceneBatch

_JOINTS = len(COCO17)


@dataclass(frozen=True)
class ScenePoints:
    """Points of DensePose on the people of one picture.

    Attributes:
        person: (q,) int, which of the picture's people.
        px: (q, 2); part: (q,) int, 1 to 24; uv: (q, 2) in [0, 1].
    """

    person: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    px: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), np.float32))
    part: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    uv: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), np.float32))

    def __len__(self) -> int:
        return len(self.person)


@dataclass(frozen=True)
class SceneLabels:
    """The n people of one picture.

    Attributes:
        boxes_xyxy_px: (n, 4) left, top, right, bottom.
        is_crowd: (n,) bool.
        has_mask: (n,) bool.
        keypoints_px: (n, 17, 2) in the order of COCO17; keypoint_confidence: (n, 17) 1 seen, 0.5 hidden, 0 unknown.
        points: of DensePose.
        everyone_labelled: nobody is without a box.
    """

    boxes_xyxy_px: np.ndarray
    is_crowd: np.ndarray
    has_mask: np.ndarray
    keypoints_px: np.ndarray
    keypoint_confidence: np.ndarray
    points: ScenePoints = ScenePoints()
    everyone_labelled: bool = True

    def __len__(self) -> int:
        return len(self.boxes_xyxy_px)

    @classmethod
    def of_boxes(cls, boxes_xyxy_px: np.ndarray, **known) -> SceneLabels:
        """People of whom nothing but boxes (n, 4) and what is given is known."""
        boxes = np.asarray(boxes_xyxy_px, np.float32).reshape(-1, 4)
        nobody = np.zeros(len(boxes), bool)
        absent = {
            "is_crowd": nobody,
            "has_mask": nobody,
            "keypoints_px": np.zeros((len(boxes), _JOINTS, 2), np.float32),
            "keypoint_confidence": np.zeros((len(boxes), _JOINTS), np.float32),
        }
        return cls(boxes, **(absent | known))


@dataclass(frozen=True)
class LabelledPhoto:
    """One photograph of a data set.

    Attributes:
        image: its file.
        masks: of the people, in the order of the labels.
    """

    image: Path
    labels: SceneLabels
    masks: SceneMasks

    def person_map(self, height: int, width: int) -> np.ndarray:
        """(H, W) int16, 0 nobody, 1 + index of the person, -1 unknown."""
        masks = self.masks.read(height, width)
        return paint_people(self.labels.boxes_xyxy_px, self.labels.is_crowd, masks, (height, width))


@dataclass(frozen=True)
class DrawnScene:
    """A picture that is ready for a batch.

    Attributes:
        picture: (h, w, 3) uint8 RGB.
        person_map: (h, w) int16, 0 nobody, 1 + index of the person, -1 unknown.
    """

    picture: np.ndarray
    person_map: np.ndarray
    labels: SceneLabels


def collate(scenes: Sequence[DrawnScene], size: int) -> SceneBatch:
    """A batch on the CPU, every picture at the top left of a square of this side."""
    count = len(scenes)
    images = np.zeros((count, size, size, 3), np.uint8)
    person_map = np.zeros((count, size, size), np.int32)
    first = np.concatenate([[0], np.cumsum([len(scene.labels) for scene in scenes])]).astype(int)
    for place, scene in enumerate(scenes):
        height, width = scene.person_map.shape
        images[place, :height, :width] = scene.picture
        own = scene.person_map.astype(np.int32)
        person_map[place, :height, :width] = np.where(own > 0, own + first[place], own)
    pictures = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    sizes = torch.tensor([scene.person_map.shape for scene in scenes])
    join = lambda read: torch.from_numpy(np.concatenate([read(scene.labels) for scene in scenes]))  # noqa: E731
    owners = [scene.labels.points.person + first[place] for place, scene in enumerate(scenes)]
    people = [np.full(len(scene.labels), place) for place, scene in enumerate(scenes)]
    nobody = torch.zeros(first[-1], dtype=torch.bool)
    return SceneBatch.without_people(pictures, sizes).replace(
        everyone_labelled=torch.tensor([scene.labels.everyone_labelled for scene in scenes]),
        image_index=torch.from_numpy(np.concatenate(people)).long(),
        boxes_xyxy_px=join(lambda labels: labels.boxes_xyxy_px),
        is_crowd=join(lambda labels: labels.is_crowd),
        has_mask=join(lambda labels: labels.has_mask),
        has_iuv=nobody,
        person_map=torch.from_numpy(person_map),
        point_person=torch.from_numpy(np.concatenate(owners)).long(),
        points_px=join(lambda labels: labels.points.px),
        point_part=join(lambda labels: labels.points.part).long(),
        points_uv=join(lambda labels: labels.points.uv),
        keypoints_px=join(lambda labels: labels.keypoints_px),
        keypoint_confidence=join(lambda labels: labels.keypoint_confidence),
    )
