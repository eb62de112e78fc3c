"""Square maps out of boxes of any size (RoIAlign over a feature pyramid)."""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.ops import roi_align

from meshrec.iuv.rcnn.config import STRIDES

_USUAL_SIDE_PX, _USUAL_LEVEL = 224, 2  # a box of 224 px is pooled from stride 16 (FPN paper, equation 1)


def pool_boxes(
    levels: list[Tensor], boxes_xyxy_px: list[Tensor], size: int, sampling_ratio: int, half_pixel: bool
) -> Tensor:
    """Sample features under boxes.

    Args:
        levels: maps (B, C, H, W), either one at stride 4 or all from p2 to p5, where each box is pooled from the level
            that suits its size.
        boxes_xyxy_px: (P_b, 4) of each of the B images.
        size: S, cells along a side of the result.
        sampling_ratio: samples along each side of a cell.
        half_pixel: whether coordinates are shifted by half a cell, so that they count from pixel corners.
    Returns:
        (P, C, S, S) for the P boxes of all images one after another.
    """
    boxes = torch.cat(boxes_xyxy_px)
    counts = torch.tensor([len(part) for part in boxes_xyxy_px])
    image = torch.repeat_interleave(torch.arange(len(counts)), counts).to(boxes)
    rois = torch.cat([image[:, None], boxes], 1)
    if len(levels) == 1:
        return _align(levels[0], rois, size, STRIDES[0], sampling_ratio, half_pixel)
    chosen = suitable_levels(boxes, len(levels))
    pooled = levels[0].new_zeros(len(boxes), levels[0].shape[1], size, size)
    for number, (features, stride) in enumerate(zip(levels, STRIDES, strict=True)):
        index = torch.nonzero(chosen == number)[:, 0]
        pooled = pooled.index_copy(0, index, _align(features, rois[index], size, stride, sampling_ratio, half_pixel))
    return pooled


def suitable_levels(boxes_xyxy_px: Tensor, levels: int) -> Tensor:
    """(P,) index, 0 at stride 4, of the level from which each of (P, 4) boxes is pooled."""
    area = (boxes_xyxy_px[:, 2:] - boxes_xyxy_px[:, :2]).prod(1)
    level = torch.floor(_USUAL_LEVEL + torch.log2(area.sqrt() / _USUAL_SIDE_PX + 1e-8))
    return level.clamp(0, levels - 1).long()


def _align(features: Tensor, rois: Tensor, size: int, stride: int, sampling_ratio: int, half_pixel: bool) -> Tensor:
    # In the boxes' precision, because half precision cannot tell neighbouring pixels of a large image apart.
    pooled = roi_align(features.to(rois.dtype), rois, size, 1 / stride, sampling_ratio, half_pixel)
    return pooled.to(features.dtype)
