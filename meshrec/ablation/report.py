"""The result of an ablation as Markdown, JSON and a chart."""

from __future__ import annotations

import dataclasses
import importlib.util
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from meshrec.ablation.comparison import Comparison, Estimate
from meshrec.ablation.plan import AblationConfig
from meshrec.assets import write_atomically, write_json

_NOTHING = Estimate(math.nan, math.nan, {})


def write_report(
    plan: AblationConfig,
    rows: Sequence[Comparison],
    failures: Mapping[str, str],
    folder: Path,
    unfinished: Sequence[str] = (),
) -> str:
    """Writes ``table.md`` and ``table.json``; returns the Markdown.

    Args:
        failures: what went wrong, by the runs' names.
        unfinished: names of runs that the rows lack.
    """
    text = markdown(plan, rows, failures, unfinished)
    with write_atomically(folder / "table.md") as path:
        path.write_text(text, encoding="utf-8")
    content = {"plan": dataclasses.asdict(plan), "results": [dataclasses.asdict(row) for row in rows]}
    write_json(content | {"failures": dict(failures)}, folder / "table.json")
    return text


def markdown(
    plan: AblationConfig, rows: Sequence[Comparison], failures: Mapping[str, str], unfinished: Sequence[str] = ()
) -> str:
    """Means, differences to the baseline and what they rest on."""
    baseline = plan.variants[0].name
    parts = [
        f"# {plan.question}",
        _table("mean ± standard error", plan.test.figures, {row.variant: row.means for row in rows}),
        f"Difference to {baseline}, paired by seed:",
        _table("difference", plan.test.figures, {row.variant: row.differences for row in rows[1:]}),
        f"{_budget(plan)}, seeds {', '.join(map(str, plan.seeds))}; measured on {plan.test.people} synthetic people"
        f"{''.join(f' and {name}' for name in plan.test.photos)}. A difference below two or three standard errors may "
        "be chance.",
    ]
    parts += [f"Failed: {name}: {reason}" for name, reason in failures.items()]
    if waiting := [name for name in unfinished if name not in failures]:
        parts.append(f"Not finished: {'; '.join(waiting)}.")
    return "\n\n".join(parts) + "\n"


def draw_chart(rows: Sequence[Comparison], figures: Sequence[str], picture: Path) -> bool:
    """A panel of bars per figure, one bar per variant with its standard error and a dot for each seed.

    False where matplotlib is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        return False
    from matplotlib.figure import Figure

    canvas = Figure(figsize=(1.2 + 2.6 * len(figures), 1.2 + 0.45 * max(4, len(rows))), layout="constrained")
    for place, figure in enumerate(figures, start=1):
        axes = canvas.add_subplot(1, len(figures), place)
        for height, row in enumerate(rows):
            estimate = row.means.get(figure, _NOTHING)
            if not estimate.values:
                continue
            error = 0.0 if math.isnan(estimate.error) else estimate.error
            axes.barh(height, estimate.mean, xerr=error, color="tab:gray" if height == 0 else "tab:blue", alpha=0.7)
            axes.plot(list(estimate.values.values()), [height] * len(estimate.values), "k.", markersize=4)
        axes.set_yticks(range(len(rows)), [row.variant if place == 1 else "" for row in rows], fontsize=8)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_title(figure, fontsize=8)
        axes.tick_params(axis="x", labelsize=7)
        _zoom(axes, [row.means.get(figure, _NOTHING) for row in rows])
    with write_atomically(picture) as path:
        canvas.savefig(path, dpi=110)
    return True


def _zoom(axes, estimates: Sequence[Estimate]) -> None:
    """Bars need not start at zero where all of them are long: their differences are what matters."""
    values = [value for estimate in estimates for value in estimate.values.values()]
    spread = max(values, default=0.0) - min(values, default=0.0)
    if values and 0 < spread < 0.5 * abs(min(values)):
        axes.set_xlim(min(values) - spread, max(values) + 0.5 * spread)
        axes.set_xlabel("the axis does not start at 0", fontsize=6)


def _table(corner: str, figures: Sequence[str], rows: Mapping[str, Mapping[str, Estimate]]) -> str:
    lines = [f"| {corner} | {' | '.join(figures)} |", "|---" * (1 + len(figures)) + "|"]
    for variant, estimates in rows.items():
        cells = (str(estimates.get(figure, _NOTHING)) for figure in figures)
        lines.append(f"| {variant} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _budget(plan: AblationConfig) -> str:
    if plan.budget.seconds:
        return f"{plan.budget.seconds:g} seconds of training each"
    return f"{plan.budget.steps} steps each" if plan.budget.steps else "The configured steps each"
