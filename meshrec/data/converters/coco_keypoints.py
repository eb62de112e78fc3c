"""COCO's person keypoints: ``person_keypoints_train2017.json`` and its like.

A JSON with ``images`` (id, file_name, width, height) and ``annotations`` (image_id, bbox, keypoints of 17 times x, y
and visibility, segmentation as polygons, iscrowd, category_id). Keypoints count pixels by index, boxes and outlines
continuously; visibility 2 is seen, 1 labelled but hidden. Crowds are left out, and so is whoever has neither keypoints
nor an outline.

The licences of the photographs are their photographers', those of the annotations CC BY 4.0.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from meshrec.data.annotations import RAGGED, Annotations
from meshrec.data.converters.joint_rows import to_body30
from meshrec.data.converters.source_files import explained, read_json
from meshrec.data.ragged import Ragged
from meshrec.errors import InvalidInput
from meshrec.structures import COCO17

PATTERNS = ("person_keypoints_*.json",)
_PERSON = 1
_INDEX_TO_CONTINUOUS_PX = 0.5
_VISIBILITY_CONFIDENCE = np.array([0.0, 0.5, 1.0])


def convert(path: Path, root: Path) -> Annotations:
    """People of one JSON file. Image names are taken as they are: ``root`` is the folder of the images themselves."""
    content = read_json(path)
    with explained(path, "COCO's keypoint annotations"):
        return people_of(path, content, keep=lambda person: any(person.get("keypoints", ())) or _outlines(person))[0]


def people_of(
    path: Path, content: dict[str, Any], keep: Callable[[dict[str, Any]], object]
) -> tuple[Annotations, list[dict[str, Any]]]:
    """Labels that all COCO files share, and the entries of the same people.

    Args:
        content: of the JSON file.
        keep: tells from an entry whether it is wanted.
    Raises:
        InvalidInput: nobody is.
    """
    images = {image["id"]: image for image in content["images"]}
    people = [
        person
        for person in content["annotations"]
        if person["category_id"] == _PERSON and not person.get("iscrowd") and keep(person)
    ]
    people = [person for person in people if min(person["bbox"][2:]) > 0]
    if not people:
        raise InvalidInput(f"{path} labels no person with the wanted annotations.")
    shown = [images[person["image_id"]] for person in people]
    keypoints = np.array([person.get("keypoints") or [0] * 51 for person in people], float).reshape(-1, 17, 3)
    joints_px, confidence = to_body30(
        keypoints[..., :2] + _INDEX_TO_CONTINUOUS_PX, _VISIBILITY_CONFIDENCE[keypoints[..., 2].astype(int)], COCO17
    )
    labels = Annotations.of(
        [image["file_name"] for image in shown],
        [person["bbox"] for person in people],
        image_size=[(image["height"], image["width"]) for image in shown],
        joints_px=joints_px,
        joint_confidence=confidence,
        outlines=Ragged.from_samples([_outlines(person) for person in people], RAGGED["outlines"]),
        source="COCO",
        licence="annotations CC BY 4.0; images under the terms of Flickr and of their photographers",
        joint_set=COCO17.name,
    )
    return labels, people


def _outlines(person: dict[str, Any]) -> dict[str, np.ndarray] | None:
    polygons = person.get("segmentation")
    if not isinstance(polygons, list) or not polygons:  # run lengths are for crowds
        return None
    points = [np.reshape(polygon, (-1, 2)) for polygon in polygons]
    return {"px": np.concatenate(points), "ring": np.repeat(np.arange(len(points)), [len(ring) for ring in points])}
