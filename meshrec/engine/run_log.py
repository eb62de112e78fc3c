"""The log of a run: a CSV file, TensorBoard events where it is installed, and learning curves as a picture."""

from __future__ import annotations

import csv
import importlib.util
import math
from collections import defaultdict
from pathlib import Path

from torch import Tensor


class RunLog:
    """Means of the recorded values between two flushes, one CSV row and one set of events per flush."""

    def __init__(self, folder: Path, stage: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path, self.stage = folder / f"{stage}.csv", stage
        self._sums: dict[str, float] = defaultdict(float)
        self._counts: dict[str, int] = defaultdict(int)
        self._writer = None
        if importlib.util.find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(folder / "tensorboard"))

    def record(self, step: int, values: dict[str, Tensor | float]) -> None:
        """Adds the values of a step to the means."""
        for name, value in values.items():
            self._sums[name] += float(value.detach() if isinstance(value, Tensor) else value)
            self._counts[name] += 1

    def flush(self, step: int) -> None:
        """Writes the means since the last flush."""
        means = {name: self._sums[name] / self._counts[name] for name in self._sums}
        self._sums.clear(), self._counts.clear()
        rows = read_log(self.path)
        rows = [row for row in rows if row["step"] < step] + [{"step": float(step), **means}]
        # Rewritten whole: a resumed run may repeat steps, and each step must stand there once.
        with open(self.path, "w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(dict.fromkeys(name for row in rows for name in row)))
            writer.writeheader()
            writer.writerows(rows)
        if self._writer is not None:
            for name, value in means.items():
                self._writer.add_scalar(f"{self.stage}/{name}", value, step)

    def close(self) -> None:
        """Ends the event file and draws the learning curves."""
        if self._writer is not None:
            self._writer.close()
        draw_curves(self.path, self.path.with_suffix(".curves.png"))


def read_log(path: Path) -> list[dict[str, float]]:
    """Rows of a log; empty where there is none."""
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]


def draw_curves(log: Path, picture: Path) -> bool:
    """Draws every logged value over the steps; False where matplotlib is not installed or the log is empty."""
    rows = read_log(log)
    if not rows or importlib.util.find_spec("matplotlib") is None:
        return False
    from matplotlib.figure import Figure

    names = [name for name in rows[-1] if name != "step"]
    columns = min(4, len(names))
    figure = Figure(figsize=(3.2 * columns, 2.4 * math.ceil(len(names) / columns)), layout="constrained")
    for place, name in enumerate(names, start=1):
        axes = figure.add_subplot(math.ceil(len(names) / columns), columns, place)
        points = [(row["step"], row[name]) for row in rows if name in row]
        axes.plot(*zip(*points), linewidth=1)
        axes.set_title(name, fontsize=8)
        axes.tick_params(labelsize=6)
    figure.savefig(picture, dpi=110)
    return True
