"""DensePose's annotations of COCO as whole photographs: everybody's box, masks, keypoints, and points on bodies.

Reads ``densepose_coco_2014_train.json`` and its like (see `meshrec.data.converters.coco_densepose` for the layout).
Where DensePose annotated a person, the masks of the body's parts say which pixels are the person's; else the outline
or the run lengths of COCO. U and V refer to DensePose's own charts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from meshrec.data.converters.densepose_entries import BOX_SIDE, has_points, part_masks_of, points_of
from meshrec.data.converters.source_files import explained, read_json
from meshrec.data.detection.person_masks import BoxRuns, Outlines, Runs, ShapeMasks
from meshrec.data.detection.photo_scenes import keypoints_of
from meshrec.data.detection.scene_labels import LabelledPhoto, SceneLabels, ScenePoints
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.structures import COCO17

_PERSON = 1
_INDEX_TO_CONTINUOUS_PX = 0.5  # COCO counts keypoints by the pixel they are in


def read_densepose_scenes(file: str | Path, images: str | Path) -> list[LabelledPhoto]:
    """Photographs of a file; COCO boxes everybody in them, large groups as one crowd.

    Args:
        images: the folder of the photographs, as the file names them.
    Raises:
        AssetNotFound: no such file or folder.
        InvalidInput: no such annotations.
    """
    file, images = Path(file), Path(images)
    if not file.is_file():
        raise AssetNotFound(f"There is no file {file} of DensePose annotations.")
    if not images.is_dir():
        raise AssetNotFound(f"There is no folder {images} with the photographs of {file}.")
    content = read_json(file)
    with explained(file, "DensePose's annotations of COCO"):
        entries: dict[int, list[dict[str, Any]]] = {image["id"]: [] for image in content["images"]}
        for entry in content["annotations"]:
            if entry.get("category_id", _PERSON) == _PERSON and min(entry["bbox"][2:]) > 0:
                entries[entry["image_id"]].append(entry)
        photos = [_photo(images / image["file_name"], entries[image["id"]]) for image in content["images"]]
    if not photos:
        raise InvalidInput(f"{file} names no photographs.")
    return photos


def _photo(image: Path, entries: list[dict[str, Any]]) -> LabelledPhoto:
    boxes = np.array([entry["bbox"] for entry in entries], np.float32).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    crowd = np.array([bool(entry.get("iscrowd")) for entry in entries], bool)
    masks = ShapeMasks(tuple(_shape(entry, box) for entry, box in zip(entries, boxes)))
    keypoints, confidence = keypoints_of([entry.get("keypoints") for entry in entries], COCO17.names)
    labels = SceneLabels.of_boxes(
        boxes,
        is_crowd=crowd,
        has_mask=np.array(masks.known, bool) & ~crowd,
        keypoints_px=keypoints + _INDEX_TO_CONTINUOUS_PX * (confidence > 0)[..., None].astype(np.float32),
        keypoint_confidence=confidence,
        points=_points(entries),
    )
    return LabelledPhoto(image, labels, masks)


def _shape(entry: dict[str, Any], box_xyxy_px: np.ndarray) -> BoxRuns | Outlines | Runs | None:
    parts, outline = part_masks_of(entry), entry.get("segmentation")
    if parts:
        return BoxRuns(tuple(parts.values()), BOX_SIDE, box_xyxy_px)
    if isinstance(outline, dict):
        return Runs(outline["counts"])
    return Outlines(tuple(np.reshape(polygon, (-1, 2)) for polygon in outline)) if outline else None


def _points(entries: list[dict[str, Any]]) -> ScenePoints:
    found = [(person, points_of(entry)) for person, entry in enumerate(entries) if has_points(entry)]
    if not found:
        return ScenePoints()
    join = lambda name, kind: np.concatenate([points[name] for _, points in found]).astype(kind)  # noqa: E731
    owner = np.concatenate([np.full(len(points["part"]), person) for person, points in found])
    return ScenePoints(owner, join("px", np.float32), join("part", np.int64), join("uv", np.float32))
