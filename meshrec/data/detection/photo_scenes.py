"""Photographs with boxed people as whole pictures for training: random views of packs and of COCO-DensePose files.

Reads the pack ``photos_scenes`` (see its README): a folder with ``index.json`` that lists ``images`` with
``all_people_labelled``, perhaps a ``mask_file``, and ``people`` with ``bbox``, ``iscrowd``, ``keypoints``, ``mask_id``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Generator

from meshrec.data.detection.chart_mirror import ChartMirror, mirror_shipped_charts
from meshrec.data.detection.held_out import is_held_out
from meshrec.data.detection.person_masks import IndexedMasks, NoMasks
from meshrec.data.detection.scene_labels import DrawnScene, LabelledPhoto, SceneLabels, collate
from meshrec.data.detection.scene_view import SceneView
from meshrec.data.pictures import read_picture
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.structures import COCO17
from meshrec.structures.scene_batch import SceneBatch

_CROWD_MASK = 255
_VISIBILITY_CONFIDENCE = (0.0, 0.5, 1.0)


class PhotoScenes:
    """Random augmented views of labelled photographs; the same seed gives the same batch.

    Args:
        photos: what is known about each.
        mirror_charts: the mirror of the charts that annotated points refer to; None never mirrors a photograph that
            has points.
    """

    def __init__(
        self, photos: Sequence[LabelledPhoto], mirror_charts: ChartMirror | None = mirror_shipped_charts
    ) -> None:
        if not photos:
            raise InvalidInput("A set of photographs needs at least one, got none.")
        self.photos, self.mirror_charts = tuple(photos), mirror_charts

    @classmethod
    def from_pack(cls, folder: str | Path, held_out: bool | None = None) -> PhotoScenes:
        """Photographs of a pack, see `read_scene_pack`."""
        return cls(read_scene_pack(folder, held_out))

    def __len__(self) -> int:
        return len(self.photos)

    def batch(self, count: int, size: int, seed: int) -> SceneBatch:
        """Draw photographs, each as a random view that fits a square of side ``size``."""
        index = torch.randint(len(self.photos), (count,), generator=Generator().manual_seed(seed)).tolist()
        dice = [np.random.default_rng((seed, place)) for place in range(count)]
        return collate([self._scene(number, size, own) for number, own in zip(index, dice)], size)

    def whole(self, index: Sequence[int], size: int) -> SceneBatch:
        """Given photographs as they are, their long sides scaled to ``size``."""
        return collate([self._scene(number, size, None) for number in index], size)

    def _scene(self, number: int, size: int, dice: np.random.Generator | None) -> DrawnScene:
        photo = self.photos[number]
        pixels = read_picture(photo.image)
        height, width = pixels.shape[:2]
        may_mirror = self.mirror_charts is not None or not len(photo.labels.points)
        view = (
            SceneView.whole(height, width, size)
            if dice is None
            else SceneView.draw(height, width, size, dice, may_mirror)
        )
        return view.scene(
            pixels, photo.person_map(height, width), photo.labels, self.mirror_charts or mirror_shipped_charts
        )


def read_scene_pack(folder: str | Path, held_out: bool | None = None) -> list[LabelledPhoto]:
    """Photographs of a pack.

    Args:
        held_out: False leaves out those that detectors are measured on, True gives only these, None all.
    Raises:
        AssetNotFound: no index there.
        InvalidInput: the index lacks what it should hold.
    """
    folder = Path(folder)
    try:
        index = json.loads((folder / "index.json").read_text())
        names = index["keypoint_names"]
        entries = [entry for entry in index["images"] if held_out in (None, is_held_out(entry["image"]))]
        return [_photo(folder, entry, names) for entry in entries]
    except FileNotFoundError as error:
        raise AssetNotFound(f"{folder} is not a pack of photographs: it has no index.json.") from error
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise InvalidInput(
            f"{folder / 'index.json'} is not the index of a pack of scenes ({type(error).__name__}: {error})."
        ) from error


def _photo(folder: Path, entry: dict, names: list[str]) -> LabelledPhoto:
    people = entry["people"]
    crowd = np.array([bool(person["iscrowd"]) for person in people], bool)
    boxes = np.array([person["bbox"] for person in people], np.float32).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    masks = NoMasks(len(people))
    if "mask_file" in entry:
        values = tuple(_CROWD_MASK if alone else person.get("mask_id") for person, alone in zip(people, crowd))
        masks = IndexedMasks(folder / entry["mask_file"], values)
    keypoints, confidence = keypoints_of([person.get("keypoints") for person in people], names)
    labels = SceneLabels.of_boxes(
        boxes.clip(0, [entry["width"], entry["height"]] * 2),
        is_crowd=crowd,
        has_mask=np.array(masks.known, bool) & ~crowd,
        keypoints_px=keypoints,
        keypoint_confidence=confidence,
        everyone_labelled=bool(entry["all_people_labelled"]),
    )
    return LabelledPhoto(folder / entry["image"], labels, masks)


def keypoints_of(rows: Sequence[Sequence | None], names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints by name.

    Args:
        rows: of each person, x, y and visibility (0 unknown, 1 hidden, 2 seen) of every name, or None.
    Returns:
        (n, 17, 2) in the order of COCO17, and (n, 17) confidence.
    """
    points = np.zeros((len(rows), len(COCO17), 2), np.float32)
    confidence = np.zeros((len(rows), len(COCO17)), np.float32)
    order = [COCO17.index(name) for name in names]
    for person, row in enumerate(rows):
        if row:
            values = np.reshape(np.asarray(row, np.float32), (len(names), 3))
            confidence[person, order] = np.take(_VISIBILITY_CONFIDENCE, values[:, 2].astype(int))
            points[person, order] = values[:, :2] * (values[:, 2:] > 0)
    return points, confidence
