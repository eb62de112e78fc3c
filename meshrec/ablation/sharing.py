"""Who works on a run: processes on one machine, or on one file system, keep out of each other's way."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where one process has to do all the work
    fcntl = None


@contextlib.contextmanager
def taken(folder: Path) -> Iterator[bool]:
    """Take a run's folder for as long as the block lasts; False where another process has it.

    The system itself lets go of what a process held that was killed.
    """
    with open(folder / "lock", "w") as file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
        yield True
