"""What a stage leaves in its run folder while it trains: checkpoints, log, learning curves and pictures."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from meshrec.engine.checkpoints import Checkpoints
from meshrec.engine.curves import draw_curves
from meshrec.engine.distributed import World
from meshrec.engine.run_log import RunLog

Result = TypeVar("Result")

# Drawing takes about as long as many steps of a small net.
_CURVES_EVERY_S = 20.0


class StageRecord:
    """The files of a stage, written by the first process of a training; every process makes the same calls.

    Where a file cannot be written, all processes end and the first one says why, naming the last good checkpoint.
    """

    def __init__(self, folder: Path, stage: str, world: World) -> None:
        self.folder, self.stage, self.world = folder, stage, world
        self.checkpoints = Checkpoints(folder)
        self._log: RunLog | None = None  # in the first process only
        self._curves_due_s = time.monotonic() + _CURVES_EVERY_S

    @property
    def newest(self) -> str:
        """A clause that names the last good checkpoint."""
        return self.checkpoints.newest

    def open(self) -> dict[str, Any] | None:
        """Starts or continues the log; returns the state to go on from, if there is one of this stage."""
        state = self.world.from_first(lambda: self.checkpoints.load(self.stage))

        def open_log() -> None:
            self._log = RunLog(self.folder, self.stage, *((state["step"], state["log"]) if state else ()))

        self._write(open_log)
        return state

    def note(self, values: dict[str, float]) -> None:
        """Adds a step to the next line of the log."""
        if self._log is not None:
            self._log.record(values)

    def write_line(self, step: int, rates: dict[str, float]) -> dict[str, float]:
        """Writes and returns the means since the last line."""
        return self._write(lambda: self._log.flush(step, rates))

    def keep(self, step: int, state: Callable[[], dict[str, Any]], draw: Callable[[Path], None] | None) -> None:
        """Writes a checkpoint with everything that belongs to it.

        Args:
            step: the one to go on with.
            state: asked for what learns.
            draw: draws a picture of predictions.
        """

        def write() -> None:
            self._log.force_to_disk()
            identity = {"stage": self.stage, "step": step, "log": self._log.state()}
            self.checkpoints.save(identity | state())
            if time.monotonic() >= self._curves_due_s:
                self._draw_curves()
            if draw is not None:
                draw(self.folder / f"{self.stage}-{step:07d}.png")

        self._write(write)

    def close(self) -> None:
        """Ends the log and draws the final curves."""

        def close() -> None:
            self._log.close()
            self._draw_curves()

        self._write(close)

    def _draw_curves(self) -> None:
        draw_curves(self._log.path, self._log.path.with_suffix(".curves.png"))
        self._curves_due_s = time.monotonic() + _CURVES_EVERY_S

    def _write(self, action: Callable[[], Result]) -> Result:
        with self.checkpoints.explain_failed_writes():
            return self.world.from_first(action)
