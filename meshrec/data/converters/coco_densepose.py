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
from meshrec.data.converters.densepose_entries import has_points, part_runs_of, points_of
from meshrec.data.converters.source_files import explained, read_json
from meshrec.data.ragged import Ragged

PATTERNS = ("densepose_*.json",)


def convert(path: Path, root: Path) -> Annotations:
    """People with DensePose points of one JSON file. ``root`` is the folder of the images themselves."""
    content = read_json(path)
    with explained(path, "DensePose's annotations of COCO"):
        people, entries = people_of(path, content, keep=has_points)
        return people.replace(
            densepose=Ragged.from_samples([points_of(entry) for entry in entries], RAGGED["densepose"]),
            densepose_masks=Ragged.from_samples([_masks(entry) for entry in entries], RAGGED["densepose_masks"]),
            source="DensePose-COCO",
            licence="DensePose annotations CC BY-NC 2.0; images under the terms of Flickr and of their photographers",
        )


def _masks(entry: dict[str, Any]) -> dict[str, np.ndarray] | None:
    runs = part_runs_of(entry)
    parts = [np.full(len(counts), part) for part, counts in runs.items()]
    return {"part": np.concatenate(parts), "run": np.concatenate(list(runs.values()))} if runs else None
