"""The log of a stage: a CSV file that grows by one row at a time, and TensorBoard events where it is installed."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path

from meshrec.assets import write_atomically
from meshrec.engine.tensorboard_events import EventFile, tensorboard_is_installed
from meshrec.errors import InvalidInput


class RunLog:
    """Means of the recorded values between two flushes, one row of the CSV file and one set of events per flush.

    Args:
        folder: the run folder.
        stage: names ``STAGE.csv``.
        start: the step that training goes on with: rows of later steps, which a killed run has left, are dropped,
            because they will be written again.
        state: what ``state()`` returned at the checkpoint of that step.
    """

    def __init__(
        self, folder: Path, stage: str, start: int = 0, state: Mapping[str, list[float]] | None = None
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{stage}.csv"
        self._sums = {name: tuple(pair) for name, pair in (state or {}).items()}
        self._columns: list[str] = []
        if self.path.exists():
            self._rewrite([row for row in read_log(self.path) if row["step"] < start])
        # A folder for each stage: dropping the events of repeated steps would take those of other stages along.
        self._events = EventFile(folder / "tensorboard" / stage, start) if tensorboard_is_installed() else None

    def record(self, values: Mapping[str, float]) -> None:
        """Adds the values of a step to the means."""
        for name, value in values.items():
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = total + value, count + 1

    def state(self) -> dict[str, list[float]]:
        """Sum and count of what was recorded since the last flush, for a checkpoint."""
        return {name: list(pair) for name, pair in self._sums.items()}

    def flush(self, step: int, more: Mapping[str, float]) -> dict[str, float]:
        """Writes and returns the means since the last flush, and some values more.

        Raises:
            OSError: the disk is full, for example.
        """
        means = {name: total / count for name, (total, count) in self._sums.items()} | dict(more)
        self._sums.clear()
        self._append({"step": float(step), **means})
        if self._events is not None:
            self._events.add(step, means)
        return means

    def force_to_disk(self) -> None:
        """Before a checkpoint is: a run that goes on from it relies on the rows up to it."""
        if self.path.exists():
            with open(self.path, "a") as file:
                os.fsync(file.fileno())

    def close(self) -> None:
        """Ends the event file."""
        if self._events is not None:
            self._events.close()

    def _append(self, row: dict[str, float]) -> None:
        if not set(row) <= set(self._columns):
            self._rewrite([*read_log(self.path), row])
            return
        with open(self.path, "a", newline="") as file:
            file.write(_csv_lines(self._columns, [row]))

    def _rewrite(self, rows: list[dict[str, float]]) -> None:
        self._columns = list(dict.fromkeys(name for row in rows for name in row))
        header = io.StringIO()
        csv.writer(header, lineterminator="\n").writerow(self._columns)
        with write_atomically(self.path) as path:
            path.write_text((header.getvalue() if rows else "") + _csv_lines(self._columns, rows), newline="")


def read_log(path: Path) -> list[dict[str, float]]:
    """Rows of a log, without a last line that was cut off; empty where there is none.

    Raises:
        InvalidInput: the file is no log.
    """
    if not path.exists():
        return []
    whole_lines = path.read_text().rpartition("\n")[0].splitlines()
    try:
        rows = [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(whole_lines)]
        return sorted(rows, key=lambda row: row["step"])
    except (TypeError, ValueError, KeyError) as error:
        raise InvalidInput(f"{path} is not the log of a stage ({error}); move it away.") from error


def _csv_lines(columns: list[str], rows: list[dict[str, float]]) -> str:
    text = io.StringIO()
    csv.DictWriter(text, columns, lineterminator="\n").writerows(rows)
    return text.getvalue()
