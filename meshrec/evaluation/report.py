"""The result of an evaluation: figures with their definitions and protocol, as text, JSON and CSV."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from meshrec.assets import write_atomically, write_json
from meshrec.evaluation.figures import FIGURES
from meshrec.evaluation.rows import Row
from meshrec.evaluation.summary import summarise

_NAMES_SHOWN = 5


@dataclass(frozen=True)
class Report:
    """Figures of one test set.

    Attributes:
        figures: by method, then by name; the methods are the model and, where there is 3D truth, the baselines.
        counts: how many people, joints, limbs, pixels, points or moments each figure was taken over.
        definitions: what each figure is, with its unit and alignment.
        protocol: what was measured, on what and with what, in words and checksums.
        left_out: what could not be read, with the reason.
    """

    figures: dict[str, dict[str, float]]
    protocol: dict[str, str]
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    definitions: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Sequence[Row], protocol: dict[str, str], left_out: dict[str, str] | None = None) -> Report:
        """From the rows of all people under all methods."""
        methods = list(dict.fromkeys(row.method for row in rows))
        methods.sort(key=lambda method: method != "model")
        parts = {method: summarise([row for row in rows if row.method == method]) for method in methods}
        figures = {method: values for method, (values, _) in parts.items()}
        names = [name for name in FIGURES if any(name in values for values in figures.values())]
        return cls(
            figures,
            protocol,
            {method: counts for method, (_, counts) in parts.items()},
            {name: FIGURES[name].words for name in names},
            dict(left_out or {}),
        )


def table(name: str, report: Report) -> str:
    """A report as aligned text: a line per figure with its definition, the protocol and what was left out below."""
    methods = list(report.figures)
    lines = [f"{name:<22}{'':>9}" + "".join(f"{method:>11}" for method in methods)]
    for figure, words in report.definitions.items():
        values = (report.figures[method].get(figure) for method in methods)
        cells = "".join(f"{'' if value is None else f'{value:.3f}':>11}" for value in values)
        count = max(report.counts[method].get(figure, 0) for method in methods)
        lines.append(f"  {figure:<20}{f'n={_short(count)}':>9}{cells}  {words}")
    lines += [f"  ({key}: {value})" for key, value in report.protocol.items()]
    return "\n".join(lines + _left_out(report))


def write_reports(reports: dict[str, Report], path: str | Path) -> None:
    """All reports as JSON, by the names of their sets."""
    write_json({name: dataclasses.asdict(report) for name, report in reports.items()}, path)


def write_rows(rows: dict[str, Sequence[Row]], path: str | Path) -> None:
    """Every person's own figures as CSV, empty where not measurable."""
    measured = {name for people in rows.values() for row in people for name in (*row.values, *row.hits)}
    names = [name for name in FIGURES if name in measured]
    with write_atomically(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["set", "method", "person", *names])
        for test_set, people in rows.items():
            for row in people:
                values = (row.figure(name) for name in names)
                writer.writerow([test_set, row.method, row.key, *("" if v != v else repr(v) for v in values)])


def _left_out(report: Report) -> list[str]:
    if not report.left_out:
        return []
    shown = [f"  left out {name}: {reason}" for name, reason in list(report.left_out.items())[:_NAMES_SHOWN]]
    more = len(report.left_out) - len(shown)
    return shown + ([f"  left out {more} more, see the JSON"] if more else [])


def _short(count: int) -> str:
    """A count in at most five characters: 987, 12.3k, 4.6M."""
    if count < 10_000:
        return str(count)
    return f"{count / 1e3:.1f}k" if count < 1e6 else f"{count / 1e6:.1f}M"
