"""The states of a run from which training goes on exactly, on disk such that at every moment one of them is whole."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from meshrec.errors import CheckpointMismatch, InvalidInput, MeshrecError

_log = logging.getLogger(__name__)


class Checkpoints:
    """The two last checkpoints of a run folder: ``latest.pt``, and ``previous.pt`` for the day the latest is damaged.

    A checkpoint is written beside them, forced to the disk and renamed, so that a kill, a full disk or a power cut
    while it is written leaves the earlier ones as they are.

    Args:
        folder: the run folder.

    Attributes:
        newest: a clause that names the last good checkpoint.
    """

    def __init__(self, folder: Path) -> None:
        self.latest, self.previous = folder / "latest.pt", folder / "previous.pt"
        self._partial = folder / "latest.pt.partial"  # one name, so that killed runs do not leave more and more
        self.newest = "There is no checkpoint yet"

    def save(self, state: dict[str, Any]) -> None:
        """Make a state the latest checkpoint.

        Args:
            state: tensors and plain values by name, ``stage`` and ``step`` among them.
        Raises:
            OSError: it could not be written; the checkpoints are those from before.
        """
        content = io.BytesIO()  # torch's own writer turns a full disk into an error that does not name it
        torch.save(state, content)
        try:
            with open(self._partial, "wb") as file:
                file.write(content.getbuffer())
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            self._partial.unlink(missing_ok=True)
            raise
        if self.latest.exists():
            os.replace(self.latest, self.previous)
        os.replace(self._partial, self.latest)
        _force_names_to_disk(self.latest.parent)
        self._remember(self.latest, state)

    def load(self, stage: str) -> dict[str, Any] | None:
        """The newest whole checkpoint, on the CPU; None where it belongs to another stage, or there is none.

        Raises:
            CheckpointMismatch: there are checkpoints, but all of them are damaged.
        """
        present = [path for path in (self.latest, self.previous) if path.exists()]
        for path in present:
            try:
                _check_sums(path)
                state = torch.load(path, map_location="cpu", weights_only=True)
                name = state["stage"]
            except Exception as error:  # a damaged file fails in whatever way its bytes suggest
                _log.warning("%s is damaged (%s); looking for the one before.", path, type(error).__name__)
                continue
            if name != stage:
                return None
            self._remember(path, state)
            return state
        if present:
            raise CheckpointMismatch(
                f"{' and '.join(map(str, present))} cannot be read, they are damaged; delete them to train this stage "
                "from its start, or choose another run folder."
            )
        return None

    @contextlib.contextmanager
    def explain_failed_writes(self) -> Iterator[None]:
        """Turn a full disk, and whatever else keeps files of the run from being written, into one sentence."""
        try:
            yield
        except (OSError, InvalidInput) as error:  # the latter from write_atomically
            reason = (getattr(error, "strerror", None) or str(error)).rstrip(".")
            raise MeshrecError(
                f"The run folder {self.latest.parent} cannot be written: {reason}. {self.newest}; make room and give "
                "the same command to go on."
            ) from error

    def _remember(self, path: Path, state: dict[str, Any]) -> None:
        self.newest = f"The last good checkpoint is {path} (stage {state['stage']}, step {state['step']})"


def _check_sums(path: Path) -> None:
    """Raises where bytes of a checkpoint have changed, which torch does not look for."""
    with zipfile.ZipFile(path) as archive:
        if (name := archive.testzip()) is not None:
            raise zipfile.BadZipFile(name)


def _force_names_to_disk(folder: Path) -> None:
    """A rename is safe from a power cut once the folder is on the disk; Windows has no such thing, and no need."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
