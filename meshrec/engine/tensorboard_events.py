"""Scalars as TensorBoard event files; the only module that knows tensorboard.

Written in the calling thread, because tensorboard's own writer has one of its own, in which a full disk becomes a
traceback that nobody catches.
"""

from __future__ import annotations

import importlib.util
import itertools
import time
from collections.abc import Mapping
from pathlib import Path


class EventFile:
    """A new event file in a folder of a run; TensorBoard shows those of a folder as one.

    Args:
        folder: made if it is missing.
        start: first step to come. TensorBoard then forgets what earlier files of the folder say of it and later ones.
    """

    def __init__(self, folder: Path, start: int) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.summary.writer.record_writer import RecordWriter

        folder.mkdir(parents=True, exist_ok=True)
        number = next(n for n in itertools.count() if not any(folder.glob(f"*.{n:04d}")))
        # TensorBoard reads files with "tfevents" in their names, in alphabetical order.
        self._file = open(folder / f"events.out.tfevents.{number:04d}", "wb")  # noqa: SIM115 - open as long as the run
        self._records, self._event = RecordWriter(self._file), Event
        self._write(file_version="brain.Event:2")
        if start:
            self._write(step=start, session_log=SessionLog(status=SessionLog.START))

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Values of a step by name."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        scalars = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        self._write(step=step, summary=Summary(value=scalars))

    def close(self) -> None:
        self._file.close()

    def _write(self, **content: object) -> None:
        self._records.write(self._event(wall_time=time.time(), **content).SerializeToString())
        self._records.flush()


def tensorboard_is_installed() -> bool:
    return importlib.util.find_spec("tensorboard") is not None
