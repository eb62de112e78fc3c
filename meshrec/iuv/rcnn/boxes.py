"""Boxes as (left, top, right, bottom) in pixels: shifts between them, clipping, and which are empty."""

from __future__ import annotations

import math

import torch
from torch import Tensor

# A box never grows by more than this in one step: from 16 px to 1000 px (detectron2).
_MAX_LOG_GROWTH = math.log(1000.0 / 16.0)
Weights = tuple[float, float, float, float]


def encode_boxes(boxes_xyxy_px: Tensor, targets_xyxy_px: Tensor, weights: Weights = (1.0, 1.0, 1.0, 1.0)) -> Tensor:
    """What `decode_boxes` needs to turn boxes into targets (Fast R-CNN's parametrisation).

    Args:
        boxes_xyxy_px, targets_xyxy_px: (..., 4), not empty.
        weights: scale of the four numbers.
    Returns:
        (..., 4) shift of the centre in x and y, relative to the box's size, and log ratios of width and height.
    """
    centres, sizes = _centres_and_sizes(boxes_xyxy_px)
    target_centres, target_sizes = _centres_and_sizes(targets_xyxy_px)
    deltas = torch.cat([(target_centres - centres) / sizes, torch.log(target_sizes / sizes)], -1)
    return deltas * deltas.new_tensor(weights)


def decode_boxes(boxes_xyxy_px: Tensor, deltas: Tensor, weights: Weights = (1.0, 1.0, 1.0, 1.0)) -> Tensor:
    """Boxes (..., 4) moved and stretched by deltas (..., 4), see `encode_boxes`; in float32 at least."""
    deltas = deltas.to(torch.promote_types(deltas.dtype, torch.float32))
    shifts, log_ratios = (deltas / deltas.new_tensor(weights)).split(2, -1)
    centres, sizes = _centres_and_sizes(boxes_xyxy_px.to(deltas.dtype))
    centres = shifts * sizes + centres
    half = 0.5 * (torch.exp(log_ratios.clamp(max=_MAX_LOG_GROWTH)) * sizes)
    return torch.cat([centres - half, centres + half], -1)


def clip_boxes(boxes_xyxy_px: Tensor, size_px: Tensor) -> Tensor:
    """The part of (..., 4) boxes inside an image of size (2,) height, width."""
    limits = size_px.to(boxes_xyxy_px).flip(-1).repeat(2)
    return torch.minimum(boxes_xyxy_px.clamp(min=0), limits)


def not_empty(boxes_xyxy_px: Tensor) -> Tensor:
    """(...,) whether boxes (..., 4) have a width and a height."""
    return (boxes_xyxy_px[..., 2:] > boxes_xyxy_px[..., :2]).all(-1)


def _centres_and_sizes(boxes: Tensor) -> tuple[Tensor, Tensor]:
    sizes = boxes[..., 2:] - boxes[..., :2]
    return boxes[..., :2] + 0.5 * sizes, sizes
