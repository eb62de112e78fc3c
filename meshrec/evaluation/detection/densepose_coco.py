"""DensePose's annotations of COCO as a test set, read the way that published figures were computed.

Everybody in the photographs counts: people without points are ignored, with whoever is found there. Points lie at
dp_x / 255 and dp_y / 255 of the box, and masks are the union of the parts' masks, stretched as detectron2 does it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from meshrec.assets import sha256_of_file
from meshrec.data.converters.densepose_entries import BOX_SIDE, has_points, part_runs_of
from meshrec.data.converters.run_lengths import mask_of_counts
from meshrec.data.converters.source_files import explained, read_json
from meshrec.data.detection.person_masks import Outlines, Runs
from meshrec.data.pictures import read_picture
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.evaluation.detection.scenes import LabelledScene
from meshrec.iuv.results import DENSEPOSE_CHARTS
from meshrec.metrics.gps import ANNOTATED_SIDE, AnnotatedPerson, stretched_mask

_PERSON = 1
_LAYOUT = "DensePose's annotations of COCO"


class DensePoseCoco:
    """The photographs of ``densepose_coco_2014_minival.json`` or its like.

    Args:
        name: what the set is called.
        file: the annotations.
        images: the folder of the photographs, as the file names them.
    Raises:
        AssetNotFound: no such file or folder.
        InvalidInput: no such annotations.
    """

    charts = DENSEPOSE_CHARTS

    def __init__(self, name: str, file: str | Path, images: str | Path) -> None:
        self.name, self.file, self.images = name, Path(file), Path(images)
        if not self.file.is_file():
            raise AssetNotFound(f"There is no file {file} of DensePose annotations.")
        if not self.images.is_dir():
            raise AssetNotFound(f"There is no folder {images} with the photographs of {file}.")
        content = read_json(self.file)
        with explained(self.file, _LAYOUT):
            self.photos = sorted((image["id"], image["file_name"]) for image in content["images"])
            self.entries: dict[int, list[dict[str, Any]]] = {number: [] for number, _ in self.photos}
            for entry in content["annotations"]:
                if entry.get("category_id", _PERSON) == _PERSON:
                    self.entries[entry["image_id"]].append(entry)
        if not self.photos:
            raise InvalidInput(f"{file} names no photographs.")

    def __len__(self) -> int:
        return len(self.photos)

    def title(self, index: int) -> str:
        return self.photos[index][1]

    def read(self, index: int) -> LabelledScene:
        number, file_name = self.photos[index]
        pixels = read_picture(self.images / file_name)
        with explained(self.file, _LAYOUT):
            people = tuple(annotated_person(entry, pixels.shape[:2]) for entry in self.entries[number])
        return LabelledScene(file_name, pixels, people)

    def describe(self) -> dict[str, str]:
        everybody = [entry for entries in self.entries.values() for entry in entries]
        pointed = sum(map(has_points, everybody))
        return {
            "set": f"{len(self)} photographs, {len(everybody)} people and crowds, {pointed} with points",
            "labels": self.file.name,
            "labels_sha256": sha256_of_file(self.file),
            "points": f"at dp_x / {ANNOTATED_SIDE:g} and dp_y / {ANNOTATED_SIDE:g} of the box, as detectron2 evaluates",
            "without_points": "ignored, with whoever is found at a box IoU of at least 0.8",
        }


def annotated_person(entry: dict[str, Any], size_px: tuple[int, int]) -> AnnotatedPerson:
    """One entry of the file, in a photograph of a size (height, width)."""
    left, top, width, height = (float(value) for value in entry["bbox"])
    box = torch.tensor([left, top, left + width, top + height], dtype=torch.float64)
    crowd, area, mask = bool(entry.get("iscrowd")), float(entry["area"]), _mask(entry, box, size_px)
    if not has_points(entry):
        return AnnotatedPerson(box, area, mask=mask, crowd=crowd)
    names = ("dp_x", "dp_y", "dp_I", "dp_U", "dp_V")
    x, y, part, u, v = (torch.tensor(entry[name], dtype=torch.float64) for name in names)
    points_px = torch.stack([x * width / ANNOTATED_SIDE + left, y * height / ANNOTATED_SIDE + top], dim=1)
    named = part > 0
    known = points_px[named], part[named].long(), torch.stack([u, v], dim=1)[named]
    return AnnotatedPerson(box, area, *known, mask=mask, crowd=crowd)


def _mask(entry: dict[str, Any], box_xyxy_px: Tensor, size_px: tuple[int, int]) -> Tensor | None:
    if "dp_masks" in entry:
        parts = [mask_of_counts(runs, BOX_SIDE, BOX_SIDE) for runs in part_runs_of(entry).values()]
        union = np.any([np.zeros((BOX_SIDE, BOX_SIDE), bool), *parts], axis=0)
        return stretched_mask(torch.from_numpy(union), box_xyxy_px, size_px)
    outline = entry.get("segmentation")
    if not outline:
        return None
    if isinstance(outline, dict):
        return torch.from_numpy(Runs(outline["counts"]).fill(*size_px).copy())
    return torch.from_numpy(Outlines(tuple(np.reshape(polygon, (-1, 2)) for polygon in outline)).fill(*size_px))
