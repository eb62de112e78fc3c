"""Which chart point a mirrored picture shows: parts swap sides, and U and V move inside the part."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from meshrec.data.converters.source_files import read_mat
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.uv.parts import MIRROR_PART, PART_COUNT

_TABLE_SIDE = 256


class ChartMirror(Protocol):
    """The mirror of one kind of charts."""

    def __call__(self, part: np.ndarray, uv: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Parts (q,), 1 to 24, and coordinates (q, 2) of the mirror images of chart points."""
        ...


def mirror_shipped_charts(part: np.ndarray, uv: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mirror of our own charts, which are exactly symmetric: U becomes 1 - U in the part of the other side."""
    return MIRROR_PART[part], np.stack([1 - uv[:, 0], uv[:, 1]], -1)


class DensePoseMirror:
    """The mirror of DensePose's own charts by its tables, ``UV_symmetry_transforms.mat`` (CC BY-NC 2.0, not shipped).

    Args:
        u_tables, v_tables: (24, 256, 256) of the part before mirroring, indexed by 255 V and 255 U, rounded down.
    """

    def __init__(self, u_tables: np.ndarray, v_tables: np.ndarray) -> None:
        self.tables = np.stack([u_tables, v_tables], -1).astype(np.float32)

    @classmethod
    def from_file(cls, path: str | Path) -> DensePoseMirror:
        """Reads the tables; needs scipy.

        Raises:
            AssetNotFound: no such file.
            InvalidInput: it holds no such tables.
            MissingDependency: scipy is absent.
        """
        path = Path(path)
        if not path.is_file():
            raise AssetNotFound(f"There is no file {path}; UV_symmetry_transforms.mat comes with DensePose's UV data.")
        content = read_mat(path, ("U_transforms", "V_transforms"))
        shape = (PART_COUNT, _TABLE_SIDE, _TABLE_SIDE)
        try:
            # MATLAB's cell arrays arrive as arrays of arrays.
            tables = [np.stack([np.asarray(table, np.float32) for table in cells.flat]) for cells in content.values()]
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"{path} holds no symmetry tables ({error}).") from error
        if any(table.shape != shape for table in tables):
            raise InvalidInput(f"{path} must hold tables of shape {shape}, got {[table.shape for table in tables]}.")
        return cls(*tables)

    def __call__(self, part: np.ndarray, uv: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        column, row = (uv * (_TABLE_SIDE - 1)).astype(int).clip(0, _TABLE_SIDE - 1).T
        return MIRROR_PART[part], self.tables[part - 1, row, column]
