"""Reads SMPL-format body files, npz and pickle, without running anything they contain.

SMPL's pickles name classes of chumpy and scipy. Here those names give plain holders of arrays, a few names of numpy are
allowed, and every other name is refused, so neither chumpy is needed nor can a file execute code.
"""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

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


def load_array_pickle(file: BinaryIO) -> Any:
    """What a pickle of plain values and numpy arrays holds, from Python 2 too, without running anything in it.

    Raises:
        InvalidInput: it asks for anything else. Damaged bytes can raise any other exception.
    """
    return _RestrictedUnpickler(file, encoding="latin1").load()


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
        value = _unwrapped(value)
        if isinstance(value, _SparseColumns) or hasattr(value, "toarray"):
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
                    content[key] = _RestrictedUnpickler(member, encoding="latin1").load().item()
                    continue
            with archive.open(f"{key}.npy") as member:
                content[key] = np.lib.format.read_array(member, allow_pickle=False)
    return content


class _ChumpyArray:
    """Stands in for chumpy.Ch and what derives from it."""

    array: Any = None

    def __setstate__(self, state: Any) -> None:
        """Keep the value: plain arrays carry it as ``x``, selections as a base ``a`` and flat indices ``idxs``."""
        if isinstance(state, dict) and "x" in state:
            self.array = _unwrapped(state["x"])
        elif isinstance(state, dict) and {"a", "idxs", "preferred_shape"} <= state.keys():
            picked = np.asarray(_unwrapped(state["a"])).ravel()[np.asarray(state["idxs"])]
            self.array = picked.reshape(state["preferred_shape"])


class _SparseColumns:
    """Stands in for scipy.sparse.csc_matrix."""

    def __setstate__(self, state: Any) -> None:
        shape = state["_shape"] if "_shape" in state else state["shape"]
        self.shape = (int(shape[0]), int(shape[1]))
        self.data, self.indices, self.indptr = (np.asarray(state[key]) for key in ("data", "indices", "indptr"))

    def toarray(self) -> np.ndarray:
        dense = np.zeros(self.shape)
        columns = np.repeat(np.arange(self.shape[1]), np.diff(self.indptr))
        np.add.at(dense, (self.indices, columns), self.data)
        return dense


def _unwrapped(value: Any) -> Any:
    return value.array if isinstance(value, _ChumpyArray) else value


class _RestrictedUnpickler(pickle.Unpickler):
    """Knows arrays, and the holders above under the names that SMPL's files use for chumpy and scipy classes."""

    def find_class(self, module: str, name: str) -> Any:
        # Functions are made anew for each file: a pickle may set attributes on what it is given.
        if (module, name) in {("copy_reg", "_reconstructor"), ("copyreg", "_reconstructor")}:
            return lambda kind, base, state: _blank(kind)
        if (module, name) == ("_codecs", "encode"):
            return lambda text, encoding: str(text).encode("latin1")
        if (module, name) in {("__builtin__", "object"), ("builtins", "object")}:
            return object
        if module.split(".")[0] == "chumpy":
            return _ChumpyArray
        if module.startswith("scipy.sparse") and name in ("csc_matrix", "csc_array"):
            return _SparseColumns
        if module in ("numpy", "numpy.core.multiarray", "numpy._core.multiarray") and name in (
            "ndarray",
            "dtype",
            "_reconstruct",
            "scalar",
        ):
            return getattr(np if name in ("ndarray", "dtype") else _array_functions(), name)
        raise InvalidInput(f"it asks for {module}.{name}, which a file of arrays has no use for; it was not loaded.")


def _blank(kind: Any) -> Any:
    if kind not in (_ChumpyArray, _SparseColumns):
        raise InvalidInput("it builds an object that a file of arrays has no use for; it was not loaded.")
    return kind()


def _array_functions() -> Any:
    """numpy's module of array builders, renamed in numpy 2."""
    return np._core.multiarray if hasattr(np, "_core") else np.core.multiarray
