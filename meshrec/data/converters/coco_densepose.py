"""DensePose's annotations of COCO: ``densepose_coco_2014_train.json`` and its like.

COCO's keypoint layout with, for some people, ``dp_I``, ``dp_U``, ``dp_V``, ``dp_x`` and ``dp_y``, the annotated points:
part 1 to 24, coordinates in its chart, and place in the box as if it had 256 x 256 pixels; and ``dp_masks``, 14 masks
of body parts in the same pixels as COCO run lengths (an empty list where a part is not seen). Only people with points
are kept.

The annotations are for non-commercial use (CC BY-NC 2.0); U and V refer to the charts of DensePose's own template.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from meshrec.data.annotations import RAGGED, Annotations
from meshrec.data.converters.coco_keypoints import people_of
from meshrec.data.converters.run_lengths import decode_counts
from meshrec.data.converters.source_files import explained, read_json
from meshrec.data.ragged import Ragged

PATTERNS = ("densepose_*.json",)
BOX_SIDE = 256


def convert(path: Path, root: Path) -> Annotations:
    """People with DensePose points of one JSON file. ``root`` is the folder of the images themselves."""
    content = read_json(path)
    with explained(path, "DensePose's annotations of COCO"):
        people, entries = people_of(path, content, keep=lambda person: bool(person.get("dp_x")))
        return people.replace(
            densepose=Ragged.from_samples([_points(entry) for entry in entries], RAGGED["densepose"]),
            densepose_masks=Ragged.from_samples([_masks(entry) for entry in entries], RAGGED["densepose_masks"]),
            source="DensePose-COCO",
            licence="DensePose annotations CC BY-NC 2.0; images under the terms of Flickr and of their photographers",
        )


def _points(entry: dict[str, Any]) -> dict[str, np.ndarray]:
    left, top, width, height = entry["bbox"]
    place = np.stack([entry["dp_x"], entry["dp_y"]], -1) / BOX_SIDE
    return {
        "part": np.array(entry["dp_I"]),
        "uv": np.stack([entry["dp_U"], entry["dp_V"]], -1),
        "px": place * [width, height] + [left, top],
    }


def _masks(entry: dict[str, Any]) -> dict[str, np.ndarray] | None:
    parts, runs = [], []
    for part, mask in enumerate(entry.get("dp_masks") or [], start=1):
        if mask:
            counts = decode_counts(mask["counts"], BOX_SIDE * BOX_SIDE)
            parts.append(np.full(len(counts), part))
            runs.append(counts)
    return {"part": np.concatenate(parts), "run": np.concatenate(runs)} if parts else None
