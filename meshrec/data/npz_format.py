"""The one schema of labelled people on disk: an npz of plain arrays under the names of ``Annotations``, no pickles.

Converters write it, training and evaluation read it. Arrays that nobody has are left out of the file; a ragged field
``x`` is kept as ``x.offsets`` and one array per column. ``format`` and ``version`` say what the file is.
"""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from meshrec.assets import write_atomically
from meshrec.data.annotations import RAGGED, ROWS, WORDS, Annotations
from meshrec.data.ragged import Ragged
from meshrec.errors import AssetNotFound, InvalidInput

FORMAT, VERSION = "meshrec-people", 1


def read_annotations(path: str | Path) -> Annotations:
    """Read and check a file of labelled people.

    Raises:
        AssetNotFound: no such file.
        InvalidInput: damaged, of another kind or a later version, or with fields that do not fit together.
    """
    path = Path(path)
    if not path.is_file():
        raise AssetNotFound(f"There is no file of labelled people {path}; tools/convert_dataset.py makes one.")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (ValueError, OSError, EOFError, KeyError, AttributeError, BadZipFile) as error:
        raise InvalidInput(f"{path} is damaged or no npz of plain arrays ({type(error).__name__}).") from error
    if str(arrays.get("format")) != FORMAT:
        raise InvalidInput(f"{path} is an npz of another kind; tools/convert_dataset.py converts the known ones.")
    try:
        if int(arrays["version"]) > VERSION:
            raise InvalidInput(f"its version of the schema is {int(arrays['version'])}, this meshrec reads {VERSION}")
        known = {name: arrays[name] for name in (*ROWS, *WORDS) if name in arrays}
        for name, columns in RAGGED.items():
            if f"{name}.offsets" in arrays:
                known[name] = Ragged(arrays[f"{name}.offsets"], {key: arrays[f"{name}.{key}"] for key in columns})
        return Annotations.of(**known)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(f"{path} cannot be read as a file of labelled people: {error}") from error


def write_annotations(people: Annotations, path: str | Path) -> None:
    """Write people to an npz.

    Raises:
        InvalidInput: a place that cannot be written.
    """
    arrays = {name: getattr(people, name) for name in ROWS if _is_known(people, name)}
    for name in RAGGED:
        table: Ragged = getattr(people, name)
        if table.offsets[-1]:
            arrays[f"{name}.offsets"] = table.offsets
            arrays |= {f"{name}.{column}": values for column, values in table.columns.items()}
    words = {name: np.array(getattr(people, name)) for name in WORDS}
    with write_atomically(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, format=np.array(FORMAT), version=np.array(VERSION), **words, **arrays)


def _is_known(people: Annotations, name: str) -> bool:
    unknown, values = ROWS[name].unknown, getattr(people, name)
    return name in ("image", "box_xywh_px") or bool((values != np.array(unknown, values.dtype)).any())
