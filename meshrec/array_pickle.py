"""Reads pickles of arrays without running anything they contain.

Files of weights and of bodies are pickles of numpy arrays; SMPL's name classes of chumpy and scipy too. Here those
names give plain holders of arrays, a few names of numpy are allowed, and every other name is refused, so neither chumpy
is needed nor can a file execute code.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from typing import Any, BinaryIO

import numpy as np

from meshrec.errors import InvalidInput


def load_array_pickle(file: BinaryIO) -> Any:
    """What a pickle of plain values and numpy arrays holds, from Python 2 too, without running anything in it.

    Raises:
        InvalidInput: it asks for anything else. Damaged bytes can raise any other exception.
    """
    return _RestrictedUnpickler(file, encoding="latin1").load()


class ChumpyArray:
    """Stands in for chumpy.Ch and what derives from it."""

    array: Any = None

    def __setstate__(self, state: Any) -> None:
        """Keep the value: plain arrays carry it as ``x``, selections as a base ``a`` and flat indices ``idxs``."""
        if isinstance(state, dict) and "x" in state:
            self.array = unwrapped(state["x"])
        elif isinstance(state, dict) and {"a", "idxs", "preferred_shape"} <= state.keys():
            picked = np.asarray(unwrapped(state["a"])).ravel()[np.asarray(state["idxs"])]
            self.array = picked.reshape(state["preferred_shape"])


class SparseColumns:
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


def unwrapped(value: Any) -> Any:
    """The content of a stand-in for a chumpy array; anything else as it is."""
    return value.array if isinstance(value, ChumpyArray) else value


class _RestrictedUnpickler(pickle.Unpickler):
    """Knows arrays, and the holders above under the names that SMPL's files use for chumpy and scipy classes."""

    def find_class(self, module: str, name: str) -> Any:
        # Functions are made anew for each file: a pickle may set attributes on what it is given.
        if (module, name) in {("copy_reg", "_reconstructor"), ("copyreg", "_reconstructor")}:
            return lambda kind, base, state: _blank(kind)
        if (module, name) == ("_codecs", "encode"):
            return lambda text, encoding: str(text).encode("latin1")
        if (module, name) == ("__builtin__", "bytes"):
            return lambda: b""  # how old protocols write the content of an empty array
        if (module, name) in {("__builtin__", "object"), ("builtins", "object")}:
            return object
        if (module, name) == ("collections", "OrderedDict"):
            return type(name, (OrderedDict,), {})
        if module.split(".")[0] == "chumpy":
            return ChumpyArray
        if module.startswith("scipy.sparse") and name in ("csc_matrix", "csc_array"):
            return SparseColumns
        if module in ("numpy.core.numeric", "numpy._core.numeric") and name == "_frombuffer":
            return lambda buffer, dtype, shape, order: np.frombuffer(buffer, dtype).reshape(shape, order=order).copy()
        if module in ("numpy", "numpy.core.multiarray", "numpy._core.multiarray") and name in (
            "ndarray",
            "dtype",
            "_reconstruct",
            "scalar",
        ):
            return getattr(np if name in ("ndarray", "dtype") else _array_functions(), name)
        raise InvalidInput(f"it asks for {module}.{name}, which a file of arrays has no use for; it was not loaded.")


def _blank(kind: Any) -> Any:
    if kind not in (ChumpyArray, SparseColumns):
        raise InvalidInput("it builds an object that a file of arrays has no use for; it was not loaded.")
    return kind()


def _array_functions() -> Any:
    """numpy's module of array builders, renamed in numpy 2."""
    return np._core.multiarray if hasattr(np, "_core") else np.core.multiarray
