"""Our packs of labelled photographs: a folder with ``index.json``, see ``meshrec/data/photo_sets.py``.

Image paths are kept as the index has them, below the pack. Crowds are left out, everybody else is kept, also who has
nothing but a box; joints keep the name of the set that the index lists.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from meshrec.data.annotations import RAGGED, Annotations
from meshrec.data.converters.joint_rows import joint_name
from meshrec.data.converters.source_files import below, explained, read_json
from meshrec.data.photo_sets import PhotoRecord, read_photo_pack
from meshrec.data.ragged import Ragged
from meshrec.errors import InvalidInput
from meshrec.structures import COCO17, LSP14

PATTERNS = ("index.json",)
_LARGEST_LABEL = 62  # bits of a whole number


def convert(path: Path, root: Path) -> Annotations:
    """People of one pack; ``root`` is the pack itself or a folder around it.

    Raises:
        InvalidInput: not such an index, or nobody is labelled.
    """
    records, content = read_photo_pack(path.parent), read_json(path)
    with explained(path, "a photo pack's index"):
        names = [joint_name(name) for name in content["keypoint_names"]]
        sizes = [(image.get("height", 0), image.get("width", 0)) for image in content["images"]
                 for _ in image.get("people", [image])]  # fmt: skip
    people = [(record, size) for record, size in zip(records, sizes, strict=True) if _is_person(record)]
    if not people:
        raise InvalidInput(f"{path.parent} labels nobody.")
    records, sizes = zip(*people)
    return Annotations.of(
        [below(record.image, root) for record in records],
        [record.box_xywh_px for record in records],
        image_size=sizes,
        joints_px=np.stack([record.joints_px for record in records]),
        joint_confidence=np.stack([record.confidence for record in records]),
        mask_file=[below(record.mask, root) if record.mask else "" for record in records],
        mask_labels=[_bits(record) for record in records],
        outlines=Ragged.from_samples([_outlines(record) for record in records], RAGGED["outlines"]),
        source=path.parent.name,
        licence="see the pack's index",
        joint_set=next((known.name for known in (COCO17, LSP14) if set(known.names) == set(names)), ""),
    )


def _is_person(record: PhotoRecord) -> bool:
    return not record.is_crowd and min(record.box_xywh_px[2:]) > 0


def _bits(record: PhotoRecord) -> int:
    if record.mask is None:
        return 0
    if not all(0 <= value <= _LARGEST_LABEL for value in record.mask_values):
        raise InvalidInput(f"The mask {record.mask} labels people by values above {_LARGEST_LABEL}.")
    return sum(1 << value for value in set(record.mask_values))


def _outlines(record: PhotoRecord) -> dict[str, np.ndarray] | None:
    if record.mask is not None or not record.polygons_px:
        return None
    rings = [np.reshape(polygon, (-1, 2)) for polygon in record.polygons_px]
    return {"px": np.concatenate(rings), "ring": np.repeat(np.arange(len(rings)), [len(ring) for ring in rings])}
