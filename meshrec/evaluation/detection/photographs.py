"""Packs of photographs with boxed people as test sets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from meshrec.assets import sha256_of_file
from meshrec.data.detection.held_out import is_held_out
from meshrec.data.detection.person_masks import Outlines, ShapeMasks
from meshrec.data.detection.photo_scenes import read_scene_pack
from meshrec.data.detection.scene_labels import LabelledPhoto, SceneLabels
from meshrec.data.photo_sets import PhotoRecord, read_photo_pack
from meshrec.data.pictures import read_picture
from meshrec.errors import InvalidInput
from meshrec.evaluation.detection.scenes import LabelledScene
from meshrec.metrics.gps import AnnotatedPerson

# COCO boxes every person or, beyond about fourteen, the rest as one crowd; other sources of these packs do not.
_EVERYONE_LABELLED = "COCO"


class PhotographedScenes:
    """The photographs of a pack, crowds as regions to ignore.

    Args:
        name: what the set is called.
        folder: of the pack.
        held_out: take only the photographs that training leaves out.
    Raises:
        AssetNotFound, InvalidInput: the folder is no such pack, or nothing of it is to be measured.
    """

    charts = None

    def __init__(self, name: str, folder: str | Path, held_out: bool = False) -> None:
        self.name, self.folder, self.held_out = name, Path(folder), held_out
        self.photos = [
            photo
            for photo in read_labelled_pack(self.folder)
            if not held_out or is_held_out(photo.image.relative_to(self.folder).as_posix())
        ]
        if not self.photos:
            raise InvalidInput(f"{folder} has no photographs to measure on.")

    def __len__(self) -> int:
        return len(self.photos)

    def title(self, index: int) -> str:
        return self.photos[index].image.relative_to(self.folder).as_posix()

    def read(self, index: int) -> LabelledScene:
        photo = self.photos[index]
        pixels = read_picture(photo.image)
        people = people_of(photo, photo.masks.read(*pixels.shape[:2]))
        return LabelledScene(self.title(index), pixels, people, photo.labels.everyone_labelled)

    def describe(self) -> dict[str, str]:
        everyone = sum(photo.labels.everyone_labelled for photo in self.photos)
        people = sum(int((~photo.labels.is_crowd).sum()) for photo in self.photos)
        chosen = "the tenth that training leaves out" if self.held_out else "all"
        return {
            "set": f"photo pack {self.folder.name}, {chosen}: {len(self.photos)} photographs, {people} people",
            "labels": "index.json",
            "labels_sha256": sha256_of_file(self.folder / "index.json"),
            "everyone_labelled": f"in {everyone} photographs; in the others nobody counts as found by mistake",
            "crowds": "ignored",
        }


def people_of(photo: LabelledPhoto, masks: Sequence[np.ndarray | None]) -> tuple[AnnotatedPerson, ...]:
    """The people of a photograph with their boxes, and masks (H, W) where known."""
    people, labels = [], photo.labels
    for box, crowd, mask in zip(torch.from_numpy(labels.boxes_xyxy_px), labels.is_crowd, masks):
        area = float((box[2:] - box[:2]).prod()) if mask is None else float(mask.sum())
        mask = None if mask is None else torch.from_numpy(np.array(mask))
        people.append(AnnotatedPerson(box, area, mask=mask, crowd=bool(crowd)))
    return tuple(people)


def read_labelled_pack(folder: Path) -> list[LabelledPhoto]:
    """Photographs of a pack for detectors (``photos_scenes``), or of one for bodies (``photos_dev``).

    Raises:
        AssetNotFound, InvalidInput: it is neither.
    """
    by_photo: dict[Path, list[PhotoRecord]] = {}
    for record in read_photo_pack(folder):
        by_photo.setdefault(record.image, []).append(record)
    entries = json.loads((folder / "index.json").read_text())["images"]
    if any("all_people_labelled" in entry for entry in entries):
        return read_scene_pack(folder)
    complete = {folder / entry["image"]: entry.get("dataset", "").startswith(_EVERYONE_LABELLED) for entry in entries}
    return [_photo(image, records, complete[image]) for image, records in by_photo.items()]


def _photo(image: Path, records: Sequence[PhotoRecord], everyone_labelled: bool) -> LabelledPhoto:
    boxes = np.array([record.box_xywh_px for record in records], np.float32).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    shapes = [
        Outlines(tuple(np.reshape(outline, (-1, 2)) for outline in record.polygons_px)) if record.polygons_px else None
        for record in records
    ]
    crowd = np.array([record.is_crowd for record in records], bool)
    masks = ShapeMasks(tuple(shapes))
    labels = SceneLabels.of_boxes(
        boxes.clip(0), is_crowd=crowd, has_mask=np.array(masks.known, bool) & ~crowd,
        everyone_labelled=everyone_labelled,
    )  # fmt: skip
    return LabelledPhoto(image, labels, masks)
