"""A pack of labelled photographs (a folder with ``index.json``) as a test set."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from meshrec.assets import sha256_of_file
from meshrec.data.photo import read_photo
from meshrec.data.photo_sets import PhotoRecord, read_photo_pack
from meshrec.errors import InvalidInput
from meshrec.evaluation.people import LabelledPerson, LabelledPhoto, joint_names

_PILLOW_AND_NUMPY = (OSError, SyntaxError, ValueError)  # what a damaged mask file raises


class PhotoPack:
    """The people of a pack, crowds left out.

    Raises:
        AssetNotFound, InvalidInput: the folder is not a photo pack, or labels nobody.
    """

    def __init__(self, name: str, folder: str | Path) -> None:
        self.name, self.folder = name, Path(folder)
        photos: dict[Path, list[PhotoRecord]] = {}
        for record in read_photo_pack(folder):
            if not record.is_crowd:
                photos.setdefault(record.image, []).append(record)
        if not photos:
            raise InvalidInput(f"{folder} labels nobody.")
        self.photos = list(photos.items())
        confidence = [record.confidence for _, records in self.photos for record in records]
        self.labelled_joints = joint_names(np.stack(confidence))

    def __len__(self) -> int:
        return len(self.photos)

    def title(self, index: int) -> str:
        return self.photos[index][0].relative_to(self.folder).as_posix()

    def read(self, index: int) -> LabelledPhoto:
        path, records = self.photos[index]
        photo = read_photo(path)
        people = (self._person(f"{self.title(index)}#{place}", record, photo.pixels.shape[:2], photo.scale)
                  for place, record in enumerate(records))  # fmt: skip
        return LabelledPhoto(photo, tuple(people))

    def describe(self) -> dict[str, str]:
        return {
            "set": f"photo pack {self.folder.name}",
            "labels": "index.json",
            "labels_sha256": sha256_of_file(self.folder / "index.json"),
            "left_out_by_label": "crowds",
        }

    @staticmethod
    def _person(key: str, record: PhotoRecord, size: tuple[int, int], scale: float) -> LabelledPerson:
        mask = _mask(record, size, scale) if record.has_mask else None
        # Boxes are scaled by reconstruction, which knows how much the photo was reduced.
        return LabelledPerson(
            key, tuple(record.box_xywh_px), record.joints_px * np.float32(scale), record.confidence, mask
        )


def _mask(record: PhotoRecord, size: tuple[int, int], scale: float) -> np.ndarray:
    """(H, W) bool at the size of the photo as it is worked on."""
    labelled = tuple(round(side / scale) for side in size)
    try:
        mask = record.read_mask(*labelled)
    except _PILLOW_AND_NUMPY as error:
        raise InvalidInput(f"The mask {record.mask} cannot be read ({type(error).__name__}).") from error
    if scale == 1 and mask.shape != size:
        raise InvalidInput(f"The mask {record.mask} has {mask.shape} pixels, its photo {size}.")
    return mask if scale == 1 else cv2.resize(mask.astype(np.uint8), size[::-1], interpolation=cv2.INTER_NEAREST) > 0
