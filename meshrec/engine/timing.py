"""Where the time of training goes: images a second, and the share of it that is spent waiting for data."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import torch


class StepClock:
    """Measures steps on their device, without waiting for it.

    A step must end with something that waits for the device, such as reading its losses; pictures and checkpoints
    between steps do not count.

    Args:
        device: where the steps run.
        elapsed_s: seconds of steps before a resumption.
    """

    def __init__(self, device: torch.device, elapsed_s: float = 0.0) -> None:
        self.elapsed_s = elapsed_s
        self._cuda = device.type == "cuda"
        self._waits: list[tuple] = []
        self._start_s = 0.0
        self._step_s = self._wait_s = 0.0
        self._images = 0

    def begin_step(self) -> None:
        self._start_s = time.perf_counter()

    @contextlib.contextmanager
    def waiting_for_data(self) -> Iterator[None]:
        """Around what fetches a batch, be it drawn by workers or on the device itself."""
        start = self._now()
        yield
        self._waits.append((start, self._now()))

    def end_step(self, images: int) -> None:
        duration_s = time.perf_counter() - self._start_s
        self.elapsed_s += duration_s
        self._step_s += duration_s
        self._wait_s += sum(self._between_s(*wait) for wait in self._waits)
        self._images += images
        self._waits.clear()

    def take_rates(self) -> dict[str, float]:
        """``images_per_second`` and ``data_wait``, a share from 0 to 1, since the last call."""
        duration_s = max(self._step_s, 1e-9)
        rates = {"images_per_second": self._images / duration_s, "data_wait": min(1.0, self._wait_s / duration_s)}
        self._step_s = self._wait_s = 0.0
        self._images = 0
        return rates

    def _now(self):
        if not self._cuda:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def _between_s(self, start, end) -> float:
        return start.elapsed_time(end) / 1e3 if self._cuda else end - start
