"""Real photographs for training: crops of one person with 2D joints, masks, or both.

Reads the packs ``photos_train`` and ``photos_parts`` (see their README): a folder with ``index.json`` that lists
``images`` with ``keypoints`` either beside them or under ``people``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Generator

from meshrec.data.converters.joint_rows import joint_name
from meshrec.data.crop_view import DRAWS, CropView
from meshrec.data.pictures import fill_outlines, read_picture
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.structures import BODY30, TrainingBatch

# Joints tightly boxed lack head, hands and feet; this makes their box comparable with a box around the person.
_JOINT_BOX_ENLARGEMENT = 1.25
# Labels of Clothing Co-Parsing that are not the person: background, bag, purse, wallet.
_NOT_PERSON = ("null", "bag", "purse", "wallet")


@dataclass(frozen=True)
class PhotoRecord:
    """One labelled person.

    Attributes:
        image: path of the crop or photograph.
        box_xywh_px: box around the person.
        joints_px: (30, 2) in the order of BODY30.
        confidence: (30,) 1 labelled and visible, 0.5 labelled as hidden, 0 unknown.
        mask: path of an indexed PNG, or None.
        mask_values: pixel values of the mask that belong to the person.
        polygons_px: outlines x, y, x, y, ... of the person, in place of a mask file.
        is_crowd: the box holds a crowd rather than one person.
    """

    image: Path
    box_xywh_px: tuple[float, float, float, float]
    joints_px: np.ndarray
    confidence: np.ndarray
    mask: Path | None = None
    mask_values: tuple[int, ...] = ()
    polygons_px: tuple[tuple[float, ...], ...] = ()
    is_crowd: bool = False

    @property
    def has_mask(self) -> bool:
        return self.mask is not None or bool(self.polygons_px)

    def read_mask(self, height: int, width: int) -> np.ndarray:
        """(H, W) bool, the person's pixels; all False where no mask is known."""
        if self.mask is not None:
            # Pillow keeps the palette's indices, which OpenCV would turn into colours.
            with Image.open(self.mask) as labels:
                return np.isin(np.asarray(labels), self.mask_values)
        return fill_outlines(self.polygons_px, height, width).astype(bool)


class PhotoPeople:
    """Random augmented crops of labelled photographs; the same seed gives the same batch."""

    def __init__(self, records: list[PhotoRecord], vertex_count: int) -> None:
        if not records:
            raise InvalidInput("A photo set needs at least one labelled person, got none.")
        self.records, self.vertex_count = records, vertex_count

    @classmethod
    def from_packs(cls, folders: list[str | Path], vertex_count: int) -> PhotoPeople:
        """All people of several packs; boxes around crowds are left out."""
        records = [record for folder in folders for record in read_photo_pack(folder) if not record.is_crowd]
        return cls(records, vertex_count)

    def __len__(self) -> int:
        return len(self.records)

    def batch(self, count: int, size: int, seed: int) -> TrainingBatch:
        """Draw people and augment their crops: shift, scale, turn, mirror, light and blur.

        Returns:
            A batch on which only images, masks (where labelled) and 2D joints are known.
        """
        generator = Generator().manual_seed(seed)
        index = torch.randint(len(self.records), (count,), generator=generator).tolist()
        draws = torch.randn(count, DRAWS, generator=generator).numpy()
        crops = [_augmented_crop(self.records[i], size, draw) for i, draw in zip(index, draws)]
        images, joints, confidence, masks, has_mask, turns = zip(*crops)
        pictures = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
        return TrainingBatch.unlabelled(pictures, self.vertex_count).replace(
            mask=torch.from_numpy(np.stack(masks)),
            has_mask=torch.tensor(has_mask),
            joints_ndc=torch.from_numpy(np.stack(joints)),
            joint_confidence=torch.from_numpy(np.stack(confidence)),
            person=torch.tensor(index),
            turn_cam=torch.from_numpy(np.stack(turns)).float(),
        )


def read_photo_pack(folder: str | Path) -> list[PhotoRecord]:
    """People of one pack.

    Raises:
        AssetNotFound: no index there.
        InvalidInput: the index lacks what it should hold.
    """
    folder = Path(folder)
    try:
        index = json.loads((folder / "index.json").read_text())
        names = [joint_name(name) for name in index["keypoint_names"]]
        label_sets = index.get("label_sets", {})
        return [
            _record(folder, image, person, names, label_sets)
            for image in index["images"]
            for person in image.get("people", [image])
        ]
    except FileNotFoundError as error:
        raise AssetNotFound(f"{folder} is not a photo pack: it has no index.json.") from error
    except (KeyError, ValueError, TypeError) as error:
        raise InvalidInput(
            f"{folder / 'index.json'} is not a photo pack's index ({type(error).__name__}: {error})."
        ) from error


def _record(folder: Path, image: dict, person: dict, names: list[str], label_sets: dict) -> PhotoRecord:
    joints, confidence = np.zeros((len(BODY30), 2), np.float32), np.zeros(len(BODY30), np.float32)
    for name, (x, y, visibility) in zip(names, person.get("keypoints", [])):
        if name in BODY30.names and visibility > 0:
            joints[BODY30.index(name)] = x, y
            confidence[BODY30.index(name)] = 1.0 if visibility == 2 else 0.5
    box = person.get("bbox")
    if box is None:
        x, y, width, height = person["bbox_from_keypoints"]
        grow = 0.5 * (_JOINT_BOX_ENLARGEMENT - 1)
        box = (x - grow * width, y - grow * height, width * (1 + 2 * grow), height * (1 + 2 * grow))
    # Whole photographs have one mask for everybody on them.
    mask = person.get("mask_file") or (image.get("mask_file") if "mask_id" in person else None)
    values = (person.get("mask_id", 1),)
    if mask and "labels" in label_sets.get(image.get("label_set", ""), {}):
        labels = label_sets[image["label_set"]]["labels"]
        if "null" in labels:
            values = tuple(number for number, label in enumerate(labels) if label not in _NOT_PERSON)
    outlines = person.get("segmentation")
    outlines = tuple(tuple(outline) for outline in outlines) if isinstance(outlines, list) else ()
    return PhotoRecord(
        folder / image["image"],
        tuple(box),
        joints,
        confidence,
        folder / mask if mask else None,
        values,
        outlines,
        bool(person.get("iscrowd", False)),
    )


def _augmented_crop(record: PhotoRecord, size: int, draw: np.ndarray):
    """One crop from standard normal numbers: image, joints (ndc), confidence, mask, whether one is known, turn."""
    pixels = read_picture(record.image)
    view = CropView.of_box(record.box_xywh_px, size, draw)
    mask = view.mask(record.read_mask(*pixels.shape[:2])) if record.has_mask else np.zeros((size, size), np.float32)
    joints = view.joints_ndc(record.joints_px, record.confidence)
    return view.picture(pixels), *joints, mask, record.has_mask, view.turn_cam
