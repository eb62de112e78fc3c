"""Learning curves of a run as a picture."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

from meshrec.assets import write_atomically
from meshrec.engine.run_log import read_log


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
    with write_atomically(picture) as path:
        figure.savefig(path, dpi=110)
    return True
