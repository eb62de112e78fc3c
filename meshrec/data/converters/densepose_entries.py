"""What DensePose adds to an entry of COCO's annotations: points on the body, and masks of its parts.

``dp_x`` and ``dp_y`` are places in the person's box as if it had 256 x 256 pixels. DensePose trains on them divided by
256, and so do the functions here; its evaluator divides by 255, which the evaluation of detectors does for itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from meshrec.data.converters.run_lengths import decode_counts

BOX_SIDE = 256


def has_points(entry: dict[str, Any]) -> bool:
    """Whether there are points with charts; those of continuous surface embeddings name vertices instead."""
    return bool(entry.get("dp_x")) and bool(entry.get("dp_I"))


def points_of(entry: dict[str, Any]) -> dict[str, np.ndarray]:
    """(q,) part, 1 to 24, (q, 2) uv in its chart, and (q, 2) px in the image of an entry that has points."""
    left, top, width, height = entry["bbox"]
    place = np.stack([entry["dp_x"], entry["dp_y"]], -1) / BOX_SIDE
    return {
        "part": np.array(entry["dp_I"]),
        "uv": np.stack([entry["dp_U"], entry["dp_V"]], -1),
        "px": place * [width, height] + [left, top],
    }


def part_masks_of(entry: dict[str, Any]) -> dict[int, Any]:
    """Run lengths (plain or as text) of the masks of those of the 14 parts, from 1, that are seen."""
    masks = entry.get("dp_masks") or []
    return {part: mask["counts"] for part, mask in enumerate(masks, start=1) if mask}


def part_runs_of(entry: dict[str, Any]) -> dict[int, np.ndarray]:
    """The same as numbers."""
    return {part: decode_counts(counts, BOX_SIDE**2) for part, counts in part_masks_of(entry).items()}
