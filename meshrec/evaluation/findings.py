"""What an evaluation has found so far, set by set, and what it writes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from tqdm import tqdm

from meshrec.engine.distributed import World
from meshrec.evaluation.options import EvaluationOptions
from meshrec.evaluation.pictures import Draw, ranked_sheet
from meshrec.evaluation.report import Report, table, write_reports, write_rows
from meshrec.evaluation.rows import Row
from meshrec.vis.contact_sheet import save_png


class Findings:
    """Reports and rows by set; only the first process writes."""

    def __init__(self, options: EvaluationOptions, world: World) -> None:
        self.options, self.world = options, world
        self.reports: dict[str, Report] = {}
        self.rows: dict[str, Sequence[Row]] = {}
        if options.pictures is not None:
            Path(options.pictures).mkdir(parents=True, exist_ok=True)

    def bar(self, name: str) -> Callable:
        """A progress bar for one set."""
        return lambda items: tqdm(items, desc=name, mininterval=1, disable=not self.world.is_first)

    def keep(self, name: str, rows: Sequence[Row], report: Report, draw: Draw) -> None:
        """One set's, with its sheet of pictures if those are wanted."""
        self.rows[name], self.reports[name] = rows, report
        if self.options.pictures is not None and self.world.is_first:
            sheet = ranked_sheet(rows, draw)
            if sheet is not None:
                save_png(sheet, Path(self.options.pictures) / f"{name}.png")

    def finish(self) -> str:
        """Write what was asked for; the tables, nothing in processes other than the first."""
        if not self.world.is_first:
            return ""
        if self.options.json is not None:
            write_reports(self.reports, self.options.json)
        if self.options.csv is not None:
            write_rows(self.rows, self.options.csv)
        return "\n\n".join(table(name, report) for name, report in self.reports.items())
