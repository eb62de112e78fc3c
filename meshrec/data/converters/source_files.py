"""Reads the kinds of files that data sets come in; what is damaged or of another kind becomes one sentence."""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from meshrec.array_pickle import load_array_pickle
from meshrec.errors import InvalidInput, MeshrecError
from meshrec.optional import require


@contextlib.contextmanager
def explained(path: Path, layout: str) -> Iterator[None]:
    """Turns what damaged or foreign content raises while it is taken apart into a sentence.

    Args:
        layout: what was expected, completing "is not ...".
    """
    try:
        yield
    except MeshrecError:
        raise
    # Wrong content can be wrong in any way: missing keys, other shapes, other types.
    except (LookupError, TypeError, ValueError, AttributeError, OSError, EOFError, ArithmeticError) as error:
        detail = " ".join(str(error).split()) or "damaged"
        raise InvalidInput(f"{path} is not {layout} ({type(error).__name__}: {detail}).") from error


def read_json(path: Path) -> Any:
    """The content of a JSON file."""
    with explained(path, "JSON"), path.open(encoding="utf-8") as file:
        return json.load(file)


def read_npz(path: Path, keys: Sequence[str]) -> dict[str, np.ndarray]:
    """Those of some arrays of an npz that are there; arrays of objects, such as old lists of names, are unpacked."""
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for key in keys:
                if f"{key}.npy" in archive.namelist():
                    with archive.open(f"{key}.npy") as member:
                        found[key] = _read_npy(member)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, MeshrecError):
            raise InvalidInput(f"{path}: {error}") from error
        raise InvalidInput(f"{path} is damaged or no npz ({type(error).__name__}).") from error
    return found


def _read_npy(member: Any) -> np.ndarray:
    version = np.lib.format.read_magic(member)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = header(member)
    if not dtype.hasobject:
        flat = np.frombuffer(member.read(), dtype)[: int(np.prod(shape))]
        return flat.reshape(shape, order="F" if fortran else "C")
    return np.array(load_array_pickle(member).tolist())


def read_pickle(path: Path) -> Any:
    """A pickle of plain values and arrays, from Python 2 too; anything else in it is refused, nothing is run."""
    try:
        with path.open("rb") as file:
            return load_array_pickle(file)
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}") from error
    except Exception as error:  # damaged bytes can make the decoder fail in any way
        raise InvalidInput(f"{path} is damaged or no pickle ({type(error).__name__}).") from error


def read_mat(path: Path, keys: Sequence[str]) -> dict[str, np.ndarray]:
    """Some variables of a MATLAB file, of either kind: before version 7.3 (needs scipy), or since (needs h5py).

    Arrays have MATLAB's shape either way.

    Raises:
        MissingDependency: the package for this kind of file is absent.
        InvalidInput: damaged, or a variable is missing.
    """
    with path.open("rb") as file:
        start = file.read(128)
    is_hdf5 = start[:8] == b"\x89HDF\r\n\x1a\n" or b"MATLAB 7.3" in start
    try:
        if is_hdf5:
            h5py = require("h5py", purpose="read MATLAB files of version 7.3", extra="convert")
            with h5py.File(path) as file:
                return {key: np.asarray(file[key]).T for key in keys}
        scipy_io = require("scipy.io", purpose="read MATLAB files", extra="convert")
        content = scipy_io.loadmat(path, variable_names=list(keys))
        return {key: content[key] for key in keys}
    except MeshrecError:
        raise
    except Exception as error:  # the decoders fail in ways of their own
        raise InvalidInput(f"{path} is not a MATLAB file with {', '.join(keys)} ({type(error).__name__}).") from error


def below(path: Path, root: Path) -> str:
    """A path as the labels name it: from the image folder, with forward slashes.

    Raises:
        InvalidInput: it does not lie in that folder.
    """
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError as error:
        raise InvalidInput(f"{path} does not lie in the image folder {root}; name one that holds both.") from error
