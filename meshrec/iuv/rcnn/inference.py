"""From photos to people: the resizing that detectron2 does before its net, and the way back to the photo's pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from meshrec.errors import InvalidInput
from meshrec.iuv.rcnn.boxes import clip_boxes, not_empty
from meshrec.iuv.rcnn.config import InputConfig
from meshrec.iuv.rcnn.model import DensePoseRcnn
from meshrec.iuv.results import ChartOutput


def find_people(model: DensePoseRcnn, photos: Sequence[np.ndarray]) -> list[ChartOutput]:
    """Everybody in some photos, which the net sees as one batch.

    Args:
        model: in evaluation mode, on any device.
        photos: (H, W, 3) uint8 RGB each, of any sizes.
    Returns:
        An output for each photo on the model's device, best scored person first, boxes in the photo's pixels; without
        people where nobody is found.
    Raises:
        InvalidInput: something else than such arrays.
    """
    if not photos:
        return []
    device = model.normalise.mean.device
    images, sizes_px = padded_batch([network_input(photo, model.config.input) for photo in photos])
    photo_sizes_px = torch.tensor([photo.shape[:2] for photo in photos], device=device)
    images, sizes_px = images.to(device), sizes_px.to(device)
    with torch.no_grad():
        outputs = model(images, sizes_px)
    return [in_photo(output, *sizes) for output, *sizes in zip(outputs, sizes_px, photo_sizes_px, strict=True)]


def describe_people(model: DensePoseRcnn, photo: np.ndarray, boxes_xyxy_px: Tensor) -> ChartOutput:
    """Charts of people whose boxes are known, without looking for anybody.

    Args:
        model: in evaluation mode, on any device.
        photo: (H, W, 3) uint8 RGB.
        boxes_xyxy_px: (N, 4) in the photo's pixels; what lies outside is cut off.
    Returns:
        In the order of the boxes, all scores 1.
    Raises:
        InvalidInput: something else than such an array.
    """
    device = model.normalise.mean.device
    images, sizes_px = padded_batch([network_input(photo, model.config.input)])
    images, sizes_px = images.to(device), sizes_px.to(device)
    photo_size_px = torch.tensor(photo.shape[:2], device=device)
    boxes = clip_boxes(boxes_xyxy_px.to(device, torch.float32), photo_size_px)
    scale = (sizes_px[0] / photo_size_px).flip(0).repeat(2)
    with torch.no_grad():
        maps = model.densepose(model.features(images, sizes_px), [boxes * scale])
    return ChartOutput(maps.coarse_segm, maps.fine_segm, maps.u, maps.v, boxes, boxes.new_ones(len(boxes)))


def network_input(photo: np.ndarray, config: InputConfig) -> Tensor:
    """A photo at the size that the net wants.

    Detectron2 resizes 8-bit images with PIL's bilinear filter, which averages where it shrinks; so does this, to the
    same size in every case.

    Args:
        photo: (H, W, 3) uint8 RGB.
    Returns:
        (3, H', W') uint8 RGB.
    Raises:
        InvalidInput: something else than such an array.
    """
    if not isinstance(photo, np.ndarray) or photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3:
        found = f"{photo.dtype} of shape {photo.shape}" if isinstance(photo, np.ndarray) else type(photo).__name__
        raise InvalidInput(f"A photo must be a uint8 RGB array of shape (H, W, 3), got {found}.")
    if photo.size == 0:
        raise InvalidInput("The photo has no pixels.")
    height, width = network_size(photo.shape[0], photo.shape[1], config)
    resized = Image.fromarray(np.ascontiguousarray(photo)).resize((width, height), Image.Resampling.BILINEAR)
    return torch.from_numpy(np.array(resized)).permute(2, 0, 1).contiguous()


def network_size(height_px: int, width_px: int, config: InputConfig) -> tuple[int, int]:
    """Height and width at which the net sees an image: a fixed shorter side, unless the longer one gets too long."""
    shorter = min(height_px, width_px)
    sides = [
        config.short_side_px if side == shorter else side * (config.short_side_px / shorter)
        for side in (height_px, width_px)
    ]
    if max(sides) > config.long_side_px:
        shrinking = config.long_side_px / max(sides)
        sides = [side * shrinking for side in sides]
    height, width = (max(1, int(side + 0.5)) for side in sides)
    return height, width


def padded_batch(images: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """(3, H, W) images of several sizes -> (B, 3, H', W') padded at right and bottom, and (B, 2) heights and widths."""
    sizes_px = torch.tensor([image.shape[1:] for image in images])
    height, width = sizes_px.amax(0).tolist()
    batch = images[0].new_zeros(len(images), 3, height, width)
    for row, image in zip(batch, images):
        row[:, : image.shape[1], : image.shape[2]] = image
    return batch, sizes_px


def in_photo(output: ChartOutput, size_px: Tensor, photo_size_px: Tensor) -> ChartOutput:
    """An output with its boxes in the photo's pixels, clipped to it, without people of no extent there.

    Args:
        output: boxes in pixels of the net's input.
        size_px, photo_size_px: (2,) height and width of the net's input and of the photo.
    """
    scale = (photo_size_px / size_px).flip(0).repeat(2)
    boxes = clip_boxes(output.boxes_xyxy_px * scale.to(output.boxes_xyxy_px), photo_size_px)
    moved = ChartOutput(output.coarse_segm, output.fine_segm, output.u, output.v, boxes, output.scores)
    return moved[not_empty(boxes)]
