"""A batch of whole pictures with everybody in them: what detectors of people and of dense IUV learn from."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.structures.joints import COCO17

UNKNOWN_PERSON = -1


@dataclass(frozen=True)
class SceneBatch:
    """B pictures of different sizes with P people and Q annotated points in all of them together.

    Pictures are padded with zeros at the right and at the bottom. People are listed one after the other, those of the
    first picture first. What a picture or a person lacks is zero and flagged as absent.

    Attributes:
        images: (B, 3, H, W) RGB in [0, 1].
        sizes_px: (B, 2) long, height and width of the picture inside the padding.
        everyone_labelled: (B,) bool; False where people without a box may be seen, so that places without a label are
            not safe to call background.
        image_index: (P,) long, the picture each person is in.
        boxes_xyxy_px: (P, 4) left, top, right, bottom, inside the picture.
        is_crowd: (P,) bool; the box is a region with any number of people, to be ignored.
        has_mask: (P,) bool; the person's visible pixels are those of ``person_map`` that name them.
        has_iuv: (P,) bool; these pixels carry dense IUV in ``part_map`` and ``uv_map``.
        person_map: (B, H, W) int, 0 nobody, 1 + index of the person among the P of the batch, -1 unknown: somebody
            may be here, such as a crowd or a person whose mask is not known. 0 in the padding.
        part_map: (B, H, W) uint8, 0 background or not known, 1 to 24 the DensePose-style part.
        uv_map: (B, 2, H, W) chart coordinates in [0, 1] where there is a part.
        point_person: (Q,) long, index of the person that each annotated point belongs to.
        points_px: (Q, 2) x and y in the picture.
        point_part: (Q,) long, 1 to 24.
        points_uv: (Q, 2) chart coordinates in [0, 1].
        keypoints_px: (P, 17, 2) in the order of COCO17.
        keypoint_confidence: (P, 17) 1 seen, 0.5 labelled as hidden, 0 unknown. Nothing is known if not given.
    """

    images: Tensor
    sizes_px: Tensor
    everyone_labelled: Tensor
    image_index: Tensor
    boxes_xyxy_px: Tensor
    is_crowd: Tensor
    has_mask: Tensor
    has_iuv: Tensor
    person_map: Tensor
    part_map: Tensor
    uv_map: Tensor
    point_person: Tensor
    points_px: Tensor
    point_part: Tensor
    points_uv: Tensor
    keypoints_px: Tensor | None = None
    keypoint_confidence: Tensor | None = None

    def __post_init__(self) -> None:
        people, joints = len(self.image_index), len(COCO17)
        if self.keypoints_px is None:
            object.__setattr__(self, "keypoints_px", self.images.new_zeros(people, joints, 2))
        if self.keypoint_confidence is None:
            object.__setattr__(self, "keypoint_confidence", self.images.new_zeros(people, joints))
        check_shapes(
            images=(self.images, "B 3 H W"),
            sizes_px=(self.sizes_px, "B 2"),
            everyone_labelled=(self.everyone_labelled, "B"),
            image_index=(self.image_index, "P"),
            boxes_xyxy_px=(self.boxes_xyxy_px, "P 4"),
            is_crowd=(self.is_crowd, "P"),
            has_mask=(self.has_mask, "P"),
            has_iuv=(self.has_iuv, "P"),
            person_map=(self.person_map, "B H W"),
            part_map=(self.part_map, "B H W"),
            uv_map=(self.uv_map, "B 2 H W"),
            point_person=(self.point_person, "Q"),
            points_px=(self.points_px, "Q 2"),
            point_part=(self.point_part, "Q"),
            points_uv=(self.points_uv, "Q 2"),
            keypoints_px=(self.keypoints_px, f"P {joints} 2"),
            keypoint_confidence=(self.keypoint_confidence, f"P {joints}"),
        )

    def __len__(self) -> int:
        return self.images.shape[0]

    @property
    def people_count(self) -> int:
        """P."""
        return self.image_index.shape[0]

    def to(self, *args, **kwargs) -> SceneBatch:
        """Moves every tensor to a device (not meant for dtypes: the fields have several)."""
        return self._map(lambda value: value.to(*args, **kwargs))

    def pin_memory(self) -> SceneBatch:
        """In memory that a GPU reads by itself while the CPU goes on; torch's loader asks for it by this name."""
        return self._map(lambda value: value.pin_memory())

    def replace(self, **changes) -> SceneBatch:
        return replace(self, **changes)

    def _map(self, change) -> SceneBatch:
        return SceneBatch(**{field.name: change(getattr(self, field.name)) for field in fields(self)})

    @staticmethod
    def concatenate(batches: list[SceneBatch]) -> SceneBatch:
        """One batch of all pictures, in order, padded to the largest; on the device that is not the CPU, if any is."""
        devices = [batch.images.device for batch in batches]
        device = next((device for device in devices if device.type != "cpu"), devices[0])
        height, width = (max(batch.images.shape[axis] for batch in batches) for axis in (2, 3))
        moved, pictures, people = [], 0, 0
        for batch in batches:
            moved.append(_renumbered(batch.to(device, non_blocking=True), pictures, people, (height, width)))
            pictures, people = pictures + len(batch), people + batch.people_count
        return SceneBatch(
            **{field.name: torch.cat([getattr(batch, field.name) for batch in moved]) for field in fields(SceneBatch)}
        )

    @staticmethod
    def without_people(images: Tensor, sizes_px: Tensor) -> SceneBatch:
        """Pictures in which nobody is; fill in fields with `replace`."""
        batch, _, height, width = images.shape
        zeros = lambda *shape, **kind: torch.zeros(*shape, device=images.device, **kind)  # noqa: E731 - as one word
        return SceneBatch(
            images=images,
            sizes_px=sizes_px,
            everyone_labelled=torch.ones(batch, dtype=torch.bool, device=images.device),
            image_index=zeros(0, dtype=torch.long),
            boxes_xyxy_px=zeros(0, 4),
            is_crowd=zeros(0, dtype=torch.bool),
            has_mask=zeros(0, dtype=torch.bool),
            has_iuv=zeros(0, dtype=torch.bool),
            person_map=zeros(batch, height, width, dtype=torch.int32),
            part_map=zeros(batch, height, width, dtype=torch.uint8),
            uv_map=zeros(batch, 2, height, width),
            point_person=zeros(0, dtype=torch.long),
            points_px=zeros(0, 2),
            point_part=zeros(0, dtype=torch.long),
            points_uv=zeros(0, 2),
        )


def _renumbered(batch: SceneBatch, pictures: int, people: int, size: tuple[int, int]) -> SceneBatch:
    """A batch that follows others with so many pictures and people, its maps padded to a size."""
    height, width = batch.images.shape[-2:]
    pad = lambda maps: F.pad(maps, (0, size[1] - width, 0, size[0] - height))  # noqa: E731
    return batch.replace(
        images=pad(batch.images),
        person_map=pad(torch.where(batch.person_map > 0, batch.person_map + people, batch.person_map)),
        part_map=pad(batch.part_map),
        uv_map=pad(batch.uv_map),
        image_index=batch.image_index + pictures,
        point_person=batch.point_person + people,
    )
