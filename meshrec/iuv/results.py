"""What DensePose-RCNNs give: the head's raw output, and the chart images of one person in float, 8-bit and PNG form."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.errors import InvalidInput
from meshrec.structures.indexing import keep_axis
from meshrec.uv.parts import PART_COUNT

DENSEPOSE_CHARTS = "densepose"  # names the charts of DensePose's annotations and of the networks trained on them


@dataclass(frozen=True)
class ChartOutput:
    """Raw output of a DensePose chart head for the N people of one image, best score first where a net made it.

    The maps are squares that are stretched over the box. Channel 0 of each is background.

    Attributes:
        coarse_segm: (N, K, S, S) logits; K is 2 (background, person) or 15 (background and 14 limbs).
        fine_segm: (N, 25, S, S) logits of background and the 24 parts.
        u, v: (N, 25, S, S) chart coordinates as if the pixel showed each part, about 0 to 1.
        boxes_xyxy_px: (N, 4) left, top, right, bottom in the full image.
        scores: (N,) confidence of the detection, 0 to 1.
    """

    coarse_segm: Tensor
    fine_segm: Tensor
    u: Tensor
    v: Tensor
    boxes_xyxy_px: Tensor
    scores: Tensor

    def __post_init__(self) -> None:
        channels = PART_COUNT + 1
        check_shapes(
            coarse_segm=(self.coarse_segm, "N K S S"),
            fine_segm=(self.fine_segm, f"N {channels} S S"),
            u=(self.u, f"N {channels} S S"),
            v=(self.v, f"N {channels} S S"),
            boxes_xyxy_px=(self.boxes_xyxy_px, "N 4"),
            scores=(self.scores, "N"),
        )

    def __len__(self) -> int:
        return self.scores.shape[0]

    def __getitem__(self, index) -> ChartOutput:
        """Some people; an integer keeps the batch axis."""
        index = keep_axis(index)
        return ChartOutput(*(tensor[index] for tensor in self.tensors()))

    def to(self, *args, **kwargs) -> ChartOutput:
        return ChartOutput(*(tensor.to(*args, **kwargs) for tensor in self.tensors()))

    def tensors(self) -> tuple[Tensor, ...]:
        """All fields in their order."""
        return self.coarse_segm, self.fine_segm, self.u, self.v, self.boxes_xyxy_px, self.scores


@dataclass(frozen=True)
class ChartResult:
    """Parts and chart coordinates of one person, one value per pixel of the person's box.

    Attributes:
        labels: (H, W) long, 0 background, 1 to 24.
        uv: (2, H, W) float, chart coordinates in [0, 1], 0 at background. Where a net regressed them they may lie a
            little outside, as detectron2 leaves them; the 8-bit form and the atlas clamp them.
        origin_xy_px: column and row of the full image under the first pixel; may be negative for boxes cut by its edge.
    """

    labels: Tensor
    uv: Tensor
    origin_xy_px: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        check_shapes(labels=(self.labels, "H W"), uv=(self.uv, "2 H W"))
        if self.labels.is_floating_point() or self.labels.is_complex():
            raise ValueError(f"labels must be integers, got {self.labels.dtype}.")

    def to(self, device: torch.device | str) -> ChartResult:
        return ChartResult(self.labels.to(device), self.uv.to(device), self.origin_xy_px)


@dataclass(frozen=True)
class QuantisedResult:
    """The same in 8 bits: part, 255 U and 255 V.

    Attributes:
        labels_uv_uint8: (3, H, W) uint8.
        origin_xy_px: as in `ChartResult`.
    """

    labels_uv_uint8: Tensor
    origin_xy_px: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        check_shapes(labels_uv_uint8=(self.labels_uv_uint8, "3 H W"))
        if self.labels_uv_uint8.dtype != torch.uint8:
            raise ValueError(f"labels_uv_uint8 must be uint8, got {self.labels_uv_uint8.dtype}.")

    def to(self, device: torch.device | str) -> QuantisedResult:
        return QuantisedResult(self.labels_uv_uint8.to(device), self.origin_xy_px)


@dataclass(frozen=True)
class CompressedResult:
    """The 8-bit form as text: a PNG of part, 255 U, 255 V in red, green, blue, written in base64.

    Attributes:
        shape_chw: (3, H, W) of the image inside.
        labels_uv_str: the text; detectron2 reads it and writes the same.
        origin_xy_px: as in `ChartResult`.
    """

    shape_chw: tuple[int, int, int]
    labels_uv_str: str
    origin_xy_px: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class PersonIuv:
    """One detected person.

    Attributes:
        box_xyxy_px: (4,) left, top, right, bottom in the full image.
        score: confidence of the detection, 0 to 1.
        chart: what the box's pixels show; its first pixel lies at the box's corner, rounded towards zero.
    """

    box_xyxy_px: Tensor
    score: float
    chart: ChartResult

    def __post_init__(self) -> None:
        check_shapes(box_xyxy_px=(self.box_xyxy_px, "4"))
        if not 0.0 <= self.score <= 1.0:
            raise InvalidInput(f"The score of a detection must lie between 0 and 1, got {self.score}.")
