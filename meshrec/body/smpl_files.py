"""Reads SMPL-format body files, npz and pickle, without running anything they contain."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from meshrec.array_pickle import SparseColumns, load_array_pickle, unwrapped
from meshrec.errors import AssetNotFound, InvalidInput

_KEYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "f")


@dataclass(frozen=True)
class SmplArrays:
    """The content of an SMPL-format file, checked.

    Attributes:
        template_vertices: (V, 3) float32, metres.
        shape_directions: (V, 3, S) float32, metres per unit.
        pose_directions: (V, 3, 9 (J - 1)) float32.
        joint_regressor: (J, V) float32.
        skinning_weights: (V, J) float32, rows sum to one.
        faces: (F, 3) int64.
        parents: J indices, -1 at the root; parents come first.
    """

    template_vertices: np.ndarray
    shape_directions: np.ndarray
    pose_directions: np.ndarray
    joint_regressor: np.ndarray
    skinning_weights: np.ndarray
    faces: np.ndarray
    parents: tuple[int, ...]


def read_smpl_file(path: str | Path) -> SmplArrays:
    """Read and check a body file.

    Args:
        path: ``.npz`` or ``.pkl`` with SMPL's keys.
    Raises:
        AssetNotFound: there is no such file.
        InvalidInput: the file is damaged, is not an SMPL-format body, or holds something that is not an array.
    """
    path = Path(path)
    if not path.is_file():
        raise AssetNotFound(f"There is no body file {path}; leave the option out to use the free default body.")
    with path.open("rb") as file:
        archive = zipfile.is_zipfile(file)
        file.seek(0)
        # Damaged or hostile bytes can make the decoders fail in any way, so everything is caught and told as one
        # sentence.
        try:
            content = _read_npz(file) if archive else load_array_pickle(file)
        except InvalidInput as error:
            raise InvalidInput(f"Cannot read the body file {path}: {error}") from error
        except Exception as error:
            raise InvalidInput(
                f"Cannot read the body file {path}: it is damaged or not an SMPL-format file ({type(error).__name__})."
            ) from error
    if not isinstance(content, Mapping):
        raise InvalidInput(f"Cannot read the body file {path}: it holds no table of arrays.")
    return check_smpl_arrays(content, str(path))


def check_smpl_arrays(content: Mapping[str, Any], name: str) -> SmplArrays:
    """Take the needed arrays and check that they fit together.

    Args:
        content: SMPL's keys to arrays, sparse matrices or stand-ins of them.
        name: of the source, for messages.
    Raises:
        InvalidInput: a key is missing, a shape does not fit, or a value makes no sense.
    """
    missing = [key for key in _KEYS if key not in content]
    if missing:
        raise InvalidInput(f"{name} is not an SMPL-format body: it lacks {', '.join(missing)}.")
    table = {key: _dense(content[key], f"{key} of {name}") for key in _KEYS}
    parents = _parents(table["kintree_table"], name)
    vertices, joints = table["v_template"].size // 3, len(parents)
    expected = {
        "v_template": (vertices, 3),
        "shapedirs": (vertices, 3, None),
        "posedirs": (vertices, 3, 9 * (joints - 1)),
        "J_regressor": (joints, vertices),
        "weights": (vertices, joints),
        "f": (None, 3),
    }
    for key, shape in expected.items():
        got = table[key].shape
        if len(got) != len(shape) or any(want not in (None, size) for want, size in zip(shape, got, strict=True)):
            raise InvalidInput(
                f"{name} is not an SMPL-format body: {key} has shape {got}, expected "
                f"({', '.join('any' if size is None else str(size) for size in shape)})."
            )
        if not np.isfinite(table[key]).all():
            raise InvalidInput(f"{name} is damaged: {key} holds values that are not finite.")
    faces = table["f"].astype(np.int64)
    if faces.size == 0 or faces.min() < 0 or faces.max() >= vertices:
        raise InvalidInput(f"{name} is damaged: its faces point outside its {vertices} vertices.")
    if np.abs(table["weights"].sum(1) - 1).max() > 1e-3:
        raise InvalidInput(f"{name} is damaged: its skinning weights do not sum to one.")
    arrays = [
        table[key].astype(np.float32) for key in ("v_template", "shapedirs", "posedirs", "J_regressor", "weights")
    ]
    return SmplArrays(*arrays, faces, parents)


def _parents(kintree_table: np.ndarray, name: str) -> tuple[int, ...]:
    if kintree_table.ndim != 2 or kintree_table.shape[0] != 2 or kintree_table.dtype.kind not in "iu":
        raise InvalidInput(f"{name} is not an SMPL-format body: kintree_table must hold two rows of integers.")
    # The root's parent is written as -1 or as the largest unsigned integer.
    parents = (-1, *(int(parent) for parent in kintree_table[0, 1:]))
    if any(not 0 <= parent < joint for joint, parent in enumerate(parents) if joint):
        raise InvalidInput(f"{name} is damaged: a joint of its kintree_table comes before its parent.")
    return parents


def _dense(value: Any, name: str) -> np.ndarray:
    """A numeric array from an array, a stand-in or a scipy matrix."""
    try:
        value = unwrapped(value)
        if isinstance(value, SparseColumns) or hasattr(value, "toarray"):
            value = value.toarray()
        array = np.asarray(value)
    # A stand-in may carry any content: too short, out of range, of another type, or asking for more memory than there
    # is.
    except (AttributeError, IndexError, KeyError, MemoryError, TypeError, ValueError) as error:
        raise InvalidInput(f"{name} is damaged ({type(error).__name__}).") from error
    if array.dtype.kind not in "fiub":
        raise InvalidInput(f"{name} is no array of numbers.")
    return array


def _read_npz(file: BinaryIO) -> dict[str, Any]:
    """The needed arrays of an npz; arrays of objects, such as a sparse matrix, go through the restricted reader."""
    content = {}
    with zipfile.ZipFile(file) as archive:
        for key in _KEYS:
            if f"{key}.npy" not in archive.namelist():
                continue
            with archive.open(f"{key}.npy") as member:
                version = np.lib.format.read_magic(member)
                header = (
                    np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                )
                _, _, dtype = header(member)
                if dtype.hasobject:
                    content[key] = load_array_pickle(member).item()
                    continue
            with archive.open(f"{key}.npy") as member:
                content[key] = np.lib.format.read_array(member, allow_pickle=False)
    return content
