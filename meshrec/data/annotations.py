"""Labelled people: one row per person in an image, with whatever is known about them.

Only the image and the box are obligatory; what a person lacks is zero, and a confidence, a flag or an empty name says
that it is unknown. Frames and units are those of CONVENTIONS.md: continuous pixels of the full image, metres, camera
axes. ``npz_format`` keeps them on disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np

from meshrec.data.ragged import Ragged
from meshrec.errors import InvalidInput
from meshrec.structures import BODY30

_JOINTS = len(BODY30)


class Rows(NamedTuple):
    """One value per person: shape (-1 is any size), type, and the value that says "unknown"."""

    shape: tuple[int, ...]
    kind: type
    unknown: object = 0


ROWS: dict[str, Rows] = {
    "image": Rows((), np.str_, ""),
    "box_xywh_px": Rows((4,), np.float32),
    "image_size": Rows((2,), np.int32),
    "quarter_turns": Rows((), np.int32),
    "joints_px": Rows((_JOINTS, 2), np.float32),
    "joint_confidence": Rows((_JOINTS,), np.float32),
    "joints_cam": Rows((_JOINTS, 3), np.float32),
    "joint_cam_confidence": Rows((_JOINTS,), np.float32),
    "joints_absolute": Rows((), np.bool_, False),
    "pose": Rows((-1, 3), np.float32),
    "betas": Rows((-1,), np.float32),
    "body": Rows((), np.str_, ""),
    "translation_cam": Rows((3,), np.float32),
    "has_translation": Rows((), np.bool_, False),
    "focal_px": Rows((2,), np.float32),
    "centre_px": Rows((2,), np.float32),
    "mask_file": Rows((), np.str_, ""),
    "mask_labels": Rows((), np.int64),
    "fit_error": Rows((), np.float32, -1),
    "fit_energy": Rows((), np.float32),
    "fit_swap_gain": Rows((), np.float32),
    "fit_kept": Rows((), np.bool_, False),
    "subject": Rows((), np.str_, ""),
    "sequence": Rows((), np.str_, ""),
    "person": Rows((), np.int32, -1),
    "frame": Rows((), np.int64, -1),
}
# Several values per person: empty columns of the right row shapes and types.
RAGGED: dict[str, dict[str, np.ndarray]] = {
    "outlines": {"px": np.zeros((0, 2), np.float32), "ring": np.zeros(0, np.int32)},
    "densepose": {
        "part": np.zeros(0, np.uint8),
        "uv": np.zeros((0, 2), np.float32),
        "px": np.zeros((0, 2), np.float32),
    },
    "densepose_masks": {"part": np.zeros(0, np.uint8), "run": np.zeros(0, np.uint32)},
}
WORDS = ("source", "licence", "joint_set", "fitted_by")


@dataclass(frozen=True)
class Annotations:
    """Labels of N people. Make one with ``Annotations.of`` and add what is known with ``replace``.

    Attributes:
        image: (N,) paths below the image folder, with forward slashes; a video file stands for its frame ``frame``.
        box_xywh_px: (N, 4) left, top, width, height of a box around the person.
        image_size: (N, 2) height and width of the labelled image, 0 where unknown.
        quarter_turns: (N,) how often the stored picture has to be turned by 90 degrees, clockwise to the eye, to be
            the labelled image.
        joints_px: (N, 30, 2) joints in the order of BODY30.
        joint_confidence: (N, 30) 1 seen, 0.5 labelled but hidden, or a detector's score; 0 unknown.
        joints_cam: (N, 30, 3) metres, camera axes.
        joint_cam_confidence: (N, 30) 0 where a 3D joint is unknown.
        joints_absolute: (N,) whether ``joints_cam`` counts from the camera; otherwise only differences between
            the joints of a person have a meaning.
        pose: (N, J, 3) axis-angle of the body's joints; the first turns body axes into camera axes.
        betas: (N, S) shape coefficients.
        body: (N,) which body ``pose`` and ``betas`` drive: ``smpl_neutral``, ``smpl_male``, ``smpl_female``, the same
            with ``smplx``, or the hash of a body; empty where they are unknown.
        translation_cam, has_translation: (N, 3) what is added to the posed body to stand before the camera; (N,).
        focal_px, centre_px: (N, 2) the image's pinhole camera; focal length 0 where unknown.
        mask_file: (N,) paths of single-channel pictures, the person where they are not 0; empty without one.
        mask_labels: (N,) the values of that picture that are the person, as bits: 1 << 3 for the value 3; 0 for all
            values but 0.
        fit_error: (N,) where pose and betas were fitted to the 2D joints: the mean distance of the fitted from the
            labelled joints, over the side of a crop around the person; -1 where they were not fitted.
        fit_energy: (N,) negative log density of the fitted pose, up to the prior's constant.
        fit_swap_gain: (N,) how much likelier a body would be if both legs, or both arms, changed their labels: above 0
            where left and right seem to be mistaken.
        fit_kept: (N,) whether the fit is good by the rule that ``fitted_by`` states; others do not count as known.
        outlines: columns px (2), ring: the person's mask as closed polygons; points of equal ring make one.
        densepose: columns part 1 to 24, uv (2) in the part's chart, px (2): DensePose's annotated points.
        densepose_masks: columns part 1 to 14, run: DensePose's coarse masks of the box resampled to 256 x 256, run
            lengths of background and part in turn, down the columns (COCO's uncompressed RLE).
        subject, sequence, person, frame: (N,) for splits, evaluation and clips; who, which recording, which of its
            people, and which frame counted from 0; empty or -1 where unknown.
        source: name of the dataset.
        licence: terms of the labels, in words.
        joint_set: name of the set that the joints were labelled in; hips, neck and head differ between sets.
        fitted_by: what made the fits, and the rule of good ones.
    """

    image: np.ndarray
    box_xywh_px: np.ndarray
    image_size: np.ndarray
    quarter_turns: np.ndarray
    joints_px: np.ndarray
    joint_confidence: np.ndarray
    joints_cam: np.ndarray
    joint_cam_confidence: np.ndarray
    joints_absolute: np.ndarray
    pose: np.ndarray
    betas: np.ndarray
    body: np.ndarray
    translation_cam: np.ndarray
    has_translation: np.ndarray
    focal_px: np.ndarray
    centre_px: np.ndarray
    mask_file: np.ndarray
    mask_labels: np.ndarray
    fit_error: np.ndarray
    fit_energy: np.ndarray
    fit_swap_gain: np.ndarray
    fit_kept: np.ndarray
    subject: np.ndarray
    sequence: np.ndarray
    person: np.ndarray
    frame: np.ndarray
    outlines: Ragged
    densepose: Ragged
    densepose_masks: Ragged
    source: str = ""
    licence: str = ""
    joint_set: str = ""
    fitted_by: str = ""

    def __post_init__(self) -> None:
        for name, wanted in ROWS.items():
            _check_rows(name, getattr(self, name), len(self.image), wanted)
        for name in RAGGED:
            if (samples := len(getattr(self, name))) != len(self):
                raise InvalidInput(f"{name} must have {len(self)} samples, as image has, got {samples}.")
            for column, like in RAGGED[name].items():
                values = getattr(self, name).columns[column]
                _check_rows(f"{name}.{column}", values, len(values), Rows(like.shape[1:], like.dtype.type))
        _check_values(self)

    @classmethod
    def of(cls, image: Sequence[str] | np.ndarray, box_xywh_px: np.ndarray, **known) -> Annotations:
        """Labels of which the given ones are known; arrays are brought to the schema's types.

        Raises:
            InvalidInput: a field does not exist, or has another shape.
        """
        unknown = set(known) - {field.name for field in fields(cls)}
        if unknown:
            raise InvalidInput(f"The schema of labelled people has no field {sorted(unknown)[0]!r}.")
        known = {"image": image, "box_xywh_px": box_xywh_px, **known}
        count = len(image)
        values = {name: _rows_of(name, known.get(name), count) for name in ROWS}
        values |= {name: known.get(name) or Ragged.empty(count, columns) for name, columns in RAGGED.items()}
        return cls(**values, **{name: str(known.get(name, "")) for name in WORDS})

    def __len__(self) -> int:
        return len(self.image)

    @property
    def is_fitted(self) -> np.ndarray:
        """(N,) bool, whether ``pose`` and ``betas`` were fitted to the 2D joints rather than measured."""
        return self.fit_error >= 0

    @property
    def has_params(self) -> np.ndarray:
        """(N,) bool, whether ``pose`` and ``betas`` are known; fits that the rule has not kept are not."""
        return (self.body != "") & (~self.is_fitted | self.fit_kept)

    @property
    def has_camera(self) -> np.ndarray:
        """(N,) bool, whether ``focal_px`` and ``centre_px`` are known."""
        return (self.focal_px > 0).all(1)

    @property
    def has_mask(self) -> np.ndarray:
        """(N,) bool, whether the person's pixels are known, by file or by outlines."""
        return (self.mask_file != "") | (self.outlines.counts > 0)

    def select(self, index: np.ndarray) -> Annotations:
        """The people of an index or a (N,) bool mask."""
        index = np.arange(len(self))[index]
        chosen = {name: getattr(self, name)[index] for name in ROWS}
        return replace(self, **chosen, **{name: getattr(self, name).select(index) for name in RAGGED})

    def replace(self, **known) -> Annotations:
        """The same people with some fields exchanged; arrays are brought to the schema's types."""
        values = {name: getattr(self, name) for name in (*ROWS, *RAGGED, *WORDS)}
        return Annotations.of(**(values | known))

    @staticmethod
    def concatenate(parts: Sequence[Annotations]) -> Annotations:
        """All people in order. Poses and betas of different lengths are filled up with zeros."""
        rows = {name: _concatenated(name, [getattr(part, name) for part in parts]) for name in ROWS}
        ragged = {name: Ragged.concatenate([getattr(part, name) for part in parts]) for name in RAGGED}
        words = {name: "; ".join(dict.fromkeys(getattr(part, name) for part in parts)) for name in WORDS}
        return Annotations(**rows, **ragged, **words)


def _rows_of(name: str, values, count: int) -> np.ndarray:
    """The schema's array; "unknown" for everybody, without memory, if there are no values."""
    shape, kind, unknown = ROWS[name]
    if values is None:
        size = {"pose": (24, 3), "betas": (10,)}.get(name, shape)
        return np.broadcast_to(np.array(unknown, kind), (count, *size))
    array = np.asarray(values)
    return array if array.dtype.kind == np.dtype(kind).kind == "U" else array.astype(kind, copy=False)


def _check_rows(name: str, array: np.ndarray, count: int, wanted: Rows) -> None:
    shape, kind, _ = wanted
    fits = len(array.shape) == len(shape) + 1 and array.shape[0] == count
    if not fits or any(want not in (-1, got) for want, got in zip(shape, array.shape[1:])):
        expected = ", ".join("any" if size < 0 else str(size) for size in (count, *shape))
        raise InvalidInput(f"{name} must have shape ({expected}), got {array.shape}.")
    if array.dtype.kind != np.dtype(kind).kind:
        raise InvalidInput(f"{name} must hold {np.dtype(kind).name}, got {array.dtype}.")


def _check_values(people: Annotations) -> None:
    for name, wanted in ROWS.items():
        if wanted.kind is np.float32 and not np.isfinite(getattr(people, name)).all():
            raise InvalidInput(f"{name} holds values that are not finite; unknown ones are 0 with confidence 0.")
    for name in ("joint_confidence", "joint_cam_confidence"):
        if not ((getattr(people, name) >= 0) & (getattr(people, name) <= 1)).all():
            raise InvalidInput(f"{name} must lie between 0 and 1.")
    if not (people.box_xywh_px[:, 2:] > 0).all():
        raise InvalidInput("box_xywh_px holds boxes without width or height; leave such people out.")
    part = people.densepose.columns["part"]
    if len(part) and not (1 <= part.min() and part.max() <= 24):
        raise InvalidInput(f"DensePose parts must be 1 to 24, got {part.min()} to {part.max()}.")


def _concatenated(name: str, arrays: Sequence[np.ndarray]) -> np.ndarray:
    if all(_is_unknown(name, array) for array in arrays):  # goes on costing no memory
        return _rows_of(name, None, sum(len(array) for array in arrays))
    size = np.max([array.shape[1:] for array in arrays], axis=0).astype(int) if arrays[0].ndim > 1 else ()
    return np.concatenate([_filled_up(array, size) for array in arrays])


def _is_unknown(name: str, array: np.ndarray) -> bool:
    return not any(array.strides) and array.size > 0 and array.flat[0] == ROWS[name].unknown


def _filled_up(array: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Rows of a larger size, with zeros at the end of each axis."""
    if array.shape[1:] == tuple(size):
        return array
    return np.pad(array, [(0, 0), *((0, want - got) for want, got in zip(size, array.shape[1:]))])
