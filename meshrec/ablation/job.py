"""A whole ablation: every run trained, measured and compared, however often it is interrupted.

Processes that are given the same command share the runs: each takes the next one that nobody works on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from meshrec.ablation.comparison import compare
from meshrec.ablation.plan import AblationConfig, Run, planned_runs
from meshrec.ablation.report import draw_chart, write_report
from meshrec.ablation.sharing import taken
from meshrec.assets import sha256_of_file, write_atomically, write_json
from meshrec.command_line import one_line
from meshrec.config import config_to_yaml, load_config
from meshrec.errors import AssetNotFound, InvalidInput, Stopped
from meshrec.evaluation import EvaluationOptions, run_evaluation
from meshrec.training import train_stages

_WEIGHTS, _FIGURES, _TEST, _START = "weights.safetensors", "figures.json", "test.json", "start_from.json"


@dataclass(frozen=True)
class AblationOutcome:
    """The table, and why runs failed, by their names."""

    table: str
    failures: dict[str, str]


def run_ablation(path: str | Path, overrides: Sequence[str] = (), folder: str | Path | None = None) -> AblationOutcome:
    """Train and measure every run of a plan that the folder does not hold yet; the table is renewed after each.

    A run that fails is passed over and reported; giving the same command again tries it once more. So is a run that
    another process has in hand.

    Args:
        path: YAML of an ``AblationConfig``.
        overrides: ``key=value`` words that change the plan.
        folder: for the runs and the table; ``runs/ablations/NAME`` without one.
    Raises:
        InvalidInput: the plan is wrong, or the folder holds runs of other settings.
        AssetNotFound: there are no such weights to start from.
        Stopped: after Ctrl-C; the same command goes on.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InvalidInput("An ablation runs in one process; start tools/ablate.py without torchrun.")
    plan = load_config(AblationConfig, path, list(overrides))
    folder = Path("runs/ablations") / Path(path).stem if folder is None else Path(folder)
    place = Path(path).parent
    runs = list(planned_runs(plan, place, folder))
    for run in runs:
        _claim(run)
    failures: dict[str, str] = {}
    for run in (bar := tqdm(runs, desc="runs")):
        bar.set_postfix_str(run.name)
        try:
            with taken(run.folder) as free:
                if free:
                    _finish(run, plan, place / plan.config)
        except Stopped:
            raise
        except Exception as error:  # out of memory, say: the other variants still deserve their turn
            failures[run.name] = one_line(error)
        rows = compare(_figures(plan, runs))
        table = write_report(plan, rows, failures, folder, [run.name for run in runs if not _is_measured(run, plan)])
    draw_chart(rows, plan.test.figures, folder / "chart.png")
    return AblationOutcome(table, failures)


def measure(run: Run, plan: AblationConfig, training: Path) -> None:
    """Writes the figures of a trained run on the plan's own test set; the one place that knows the evaluation."""
    test = _test(plan)
    options = EvaluationOptions(
        weights=str(run.folder / _WEIGHTS),
        data=tuple(f"{name}={place}" for name, place in test["photos"].items()),
        people=plan.test.people,
        json=str(run.folder / _FIGURES),
        device=run.config.loop.device,
        fast=True,  # what training made of the nets, not what fitting makes of their answers
    )
    run_evaluation(training, plan.overrides, options)
    write_json(test, run.folder / _TEST)


def _claim(run: Run) -> None:
    """Writes what the run is into its folder, or finds that the folder is another's."""
    identity = {"config.yaml": config_to_yaml(run.config), _START: json.dumps(_checksums(run.start_from), indent=2)}
    for name, settings in identity.items():
        written = run.folder / name
        if written.exists() and written.read_text() != settings:
            raise InvalidInput(
                f"{run.folder} holds a run of other settings (see its {name}); delete it, or choose another --folder."
            )
    run.folder.mkdir(parents=True, exist_ok=True)
    for name, settings in identity.items():
        with write_atomically(run.folder / name) as path:
            path.write_text(settings)


def _checksums(start_from: Sequence[str]) -> dict[str, str]:
    """SHA-256 of the files of ``NET=FILE`` words."""
    for word in start_from:
        if not Path(word.partition("=")[2]).is_file():
            raise AssetNotFound(f"There is no file of weights to start from: {word!r}.")
    return {word: sha256_of_file(word.partition("=")[2]) for word in start_from}


def _finish(run: Run, plan: AblationConfig, training: Path) -> None:
    """Brings a run to its figures from wherever it is."""
    if not (run.folder / _WEIGHTS).exists():  # the last file that a training writes
        train_stages(run.config, run.folder, starts=run.start_from)
    _tidy(run)
    if not _is_measured(run, plan):
        measure(run, plan, training)


def _test(plan: AblationConfig) -> dict:
    """What runs are measured on here."""
    photos = {name: place for name, place in plan.test.photos.items() if Path(place).exists()}
    return {"people": plan.test.people, "photos": photos}


def _is_measured(run: Run, plan: AblationConfig) -> bool:
    """Whether the figures of a run are there, and those of the plan's own test."""
    path = run.folder / _TEST
    return path.exists() and json.loads(path.read_text()) == _test(plan)


def _tidy(run: Run) -> None:
    """A finished run needs no checkpoints, which are many times as large as its weights."""
    for stage in run.config.stages:
        (run.folder / f"{stage.name}.safetensors").unlink(missing_ok=True)
    for name in ("latest.pt", "previous.pt"):
        (run.folder / name).unlink(missing_ok=True)


def _figures(plan: AblationConfig, runs: Sequence[Run]) -> dict[str, dict[int, dict[str, float]]]:
    """Figures of the finished runs by variant and seed, named ``SET/FIGURE``."""
    found: dict[str, dict[int, dict[str, float]]] = {variant.name: {} for variant in plan.variants}
    for run in runs:
        if _is_measured(run, plan):
            reports = json.loads((run.folder / _FIGURES).read_text())
            found[run.variant][run.seed] = {
                f"{name}/{figure}": value
                for name, report in reports.items()
                for figure, value in report["figures"]["model"].items()
                if value is not None
            }
    return found
