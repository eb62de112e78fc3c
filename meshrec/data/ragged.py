"""Tables whose samples have different numbers of rows: outline points, DensePose points, run lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ragged:
    """Rows of N samples behind each other.

    Attributes:
        offsets: (N + 1,) int64; sample ``i`` has the rows from ``offsets[i]`` to ``offsets[i + 1]``.
        columns: arrays of equal length by name.
    """

    offsets: np.ndarray
    columns: dict[str, np.ndarray]

    def __post_init__(self) -> None:
        rows = {name: len(column) for name, column in self.columns.items()}
        ordered = self.offsets.ndim == 1 and self.offsets.dtype.kind == "i" and self.offsets[:1].tolist() == [0]
        if not ordered or (np.diff(self.offsets) < 0).any() or set(rows.values()) != {int(self.offsets[-1])}:
            raise ValueError(f"offsets must rise from 0 to the number of rows, got columns with {rows} rows.")

    @classmethod
    def empty(cls, count: int, columns: Mapping[str, np.ndarray]) -> Ragged:
        """N samples without rows.

        Args:
            columns: arrays whose row shape and dtype are wanted.
        """
        return cls(np.zeros(count + 1, np.int64), {name: column[:0] for name, column in columns.items()})

    @classmethod
    def from_samples(
        cls, samples: Sequence[Mapping[str, np.ndarray] | None], columns: Mapping[str, np.ndarray]
    ) -> Ragged:
        """From one table per sample, None for a sample without rows.

        Args:
            columns: arrays whose row shape and dtype the columns get.
        """
        names = list(columns)
        rows = [0 if sample is None else len(sample[names[0]]) for sample in samples]
        stacked = {
            name: np.concatenate(
                [like[:0], *(np.asarray(sample[name], like.dtype) for sample in samples if sample is not None)]
            )
            for name, like in columns.items()
        }
        return cls(np.concatenate([[0], np.cumsum(rows, dtype=np.int64)]).astype(np.int64), stacked)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def counts(self) -> np.ndarray:
        """(N,) rows of every sample."""
        return np.diff(self.offsets)

    def rows(self, sample: int) -> dict[str, np.ndarray]:
        """The columns of one sample."""
        start, end = self.offsets[sample], self.offsets[sample + 1]
        return {name: column[start:end] for name, column in self.columns.items()}

    def select(self, index: np.ndarray) -> Ragged:
        """The samples of an integer index, in its order."""
        counts = self.counts[index]
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        row = np.arange(offsets[-1]) + np.repeat(self.offsets[:-1][index] - offsets[:-1], counts)
        return Ragged(offsets, {name: column[row] for name, column in self.columns.items()})

    @staticmethod
    def concatenate(tables: Sequence[Ragged]) -> Ragged:
        """All samples of several tables with the same columns, in order."""
        counts = np.concatenate([table.counts for table in tables])
        columns = {name: np.concatenate([table.columns[name] for table in tables]) for name in tables[0].columns}
        return Ragged(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), columns)
