"""Pictures of what a detector makes of a batch: labelled and found people, their masks and their IUV."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from meshrec.engine.stages import DetectionStage
from meshrec.iuv.decode import decode_people
from meshrec.iuv.rcnn.model import DensePoseRcnn
from meshrec.iuv.results import ChartResult, PersonIuv
from meshrec.structures import SceneBatch
from meshrec.vis.colours import person_colour
from meshrec.vis.contact_sheet import contact_sheet, save_png
from meshrec.vis.densepose_picture import draw_densepose

_SHOWN_SCORE = 0.5


class DetectionPictures:
    """Draws the first and the last pictures of a batch, made-up scenes and photographs among them, in rows.

    Args:
        pictures: how many.
    """

    def __init__(self, pictures: int = 8) -> None:
        self.pictures = pictures

    @torch.no_grad()
    def __call__(self, model: DensePoseRcnn, batch: SceneBatch, stage: DetectionStage, path: Path) -> None:
        """Write the sheet as PNG; each picture thrice: labels as boxes and masks, true IUV, what was found."""
        was_training = model.training
        half = self.pictures // 2
        chosen = sorted({*range(min(half, len(batch))), *range(max(0, len(batch) - half), len(batch))})
        outputs = model.eval()(batch.images[chosen], batch.sizes_px[chosen])
        model.train(was_training)
        cells = []
        for image, output in zip(chosen, outputs):
            photo = _photo(batch, image)
            found = decode_people(output[output.scores >= _SHOWN_SCORE])
            cells += [
                draw_labels(photo, batch, image),
                draw_densepose(photo, true_people(batch, image), "parts", boxes=False),
                draw_densepose(photo, found, "parts"),
            ]
        save_png(contact_sheet(cells, columns=6), path)


def draw_labels(photo: np.ndarray, batch: SceneBatch, image: int) -> np.ndarray:
    """A photo (h, w, 3) uint8 with each labelled person's mask and box in a colour of their own; crowds in grey."""
    drawn = photo.copy()
    names = batch.person_map[image, : photo.shape[0], : photo.shape[1]].cpu().numpy()
    for number, person in enumerate(torch.nonzero(batch.image_index == image)[:, 0].tolist()):
        colour = np.full(3, 0.5) if batch.is_crowd[person] else person_colour(number)
        paint = np.asarray(255 * colour)
        drawn[names == person + 1] = (0.5 * drawn[names == person + 1] + 0.5 * paint).astype(np.uint8)
        left, top, right, bottom = batch.boxes_xyxy_px[person].round().int().tolist()
        cv2.rectangle(drawn, (left, top), (right - 1, bottom - 1), paint.tolist(), 1)
    return drawn


def true_people(batch: SceneBatch, image: int) -> list[PersonIuv]:
    """The people of a picture whose dense IUV is known, in the form of predictions."""
    people = torch.nonzero((batch.image_index == image) & batch.has_iuv)[:, 0].tolist()
    return [_true_person(batch, image, person) for person in people]


def _true_person(batch: SceneBatch, image: int, person: int) -> PersonIuv:
    box = batch.boxes_xyxy_px[person].cpu()
    low, high = box[:2].floor().int().tolist(), box[2:].ceil().int().tolist()
    window = (image, ..., slice(low[1], high[1]), slice(low[0], high[0]))
    labels = batch.part_map[window].long() * (batch.person_map[window] == person + 1)
    uv = batch.uv_map[window] * (labels > 0)
    return PersonIuv(box, 1.0, ChartResult(labels.cpu(), uv.cpu(), (low[0], low[1])))


def _photo(batch: SceneBatch, image: int) -> np.ndarray:
    """(h, w, 3) uint8 without the padding."""
    height, width = batch.sizes_px[image].tolist()
    picture: Tensor = batch.images[image, :, :height, :width].permute(1, 2, 0).float().cpu()
    return (255 * picture).round().clamp(0, 255).byte().numpy().copy()
