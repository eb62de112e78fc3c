"""Files that travel with the package: where they are, what their checksum is, and how new ones are written safely."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from meshrec.errors import AssetNotFound, InvalidInput

_PACKAGE = Path(__file__).resolve().parent
# An installed wheel carries the assets inside the package, a source checkout beside it.
_ASSET_FOLDERS = (_PACKAGE / "_assets", _PACKAGE.parent / "assets")


def asset_path(name: str) -> Path:
    """Path of a shipped file.

    Args:
        name: path below ``assets/``, with forward slashes, for example ``"body/meshrec_body.npz"``.
    Raises:
        AssetNotFound: the installation lacks that file.
    """
    for folder in _ASSET_FOLDERS:
        path = folder / name
        if path.exists():
            return path
    raise AssetNotFound(
        f"The shipped file {name} is missing from this installation (looked in "
        f"{' and '.join(str(folder) for folder in _ASSET_FOLDERS)}); reinstall meshrec."
    )


def sha256_of_file(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return (
            hashlib.file_digest(file, "sha256").hexdigest()
            if hasattr(hashlib, "file_digest")
            else hashlib.sha256(file.read()).hexdigest()
        )


def array_hash(*arrays: np.ndarray) -> str:
    """Sixteen hexadecimal digits that identify the content of arrays.

    Integers are hashed as int64 and floats as multiples of 1e-6, so that the hash survives a change of dtype and of
    file format.
    """
    digest = hashlib.sha256()
    for array in arrays:
        array = np.asarray(array)
        whole = array if array.dtype.kind in "iub" else np.round(array.astype(np.float32).astype(np.float64) * 1e6)
        digest.update(repr(array.shape).encode())
        digest.update(np.ascontiguousarray(whole.astype("<i8")).tobytes())
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def write_atomically(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that replaces it when the block ends without an error.

    The temporary file keeps the extension, because many writers choose their format by it.

    Raises:
        InvalidInput: the folder does not exist or cannot be written.
    """
    path = Path(path)
    if path.is_dir():
        raise InvalidInput(f"Cannot write {path}: it is a folder; give a file name.")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    except OSError as error:
        raise InvalidInput(
            f"Cannot write {path}: {error.strerror or error}; choose a folder that exists and is writable."
        ) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _give_ordinary_permissions(temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise InvalidInput(f"Cannot write {path}: {error.strerror or error}.") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_json(content: Any, path: str | Path) -> None:
    """Write plain values as indented JSON; NaN and infinities, which JSON does not have, become null.

    Raises:
        InvalidInput: a place that cannot be written.
    """
    with write_atomically(path) as temporary:
        temporary.write_text(json.dumps(_finite(content), indent=2, allow_nan=False) + "\n", encoding="ascii")


def _finite(content: Any) -> Any:
    if isinstance(content, dict):
        return {name: _finite(value) for name, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def _give_ordinary_permissions(path: Path) -> None:
    """mkstemp makes private files; results should have the permissions of any other new file."""
    umask = os.umask(0)
    os.umask(umask)
    path.chmod(0o666 & ~umask)
