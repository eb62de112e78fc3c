"""What an ablation is: variants of one training, seeds, a budget that is the same for all, and a test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from meshrec.config import load_one_of
from meshrec.engine.stages import StageConfig
from meshrec.errors import InvalidInput
from meshrec.training.run import TASKS, RunConfig

# A stage that ends by the clock needs some number of steps that it does not reach.
_UNREACHED_STEPS = 10_000_000


@dataclass(frozen=True)
class VariantConfig:
    """One way to train."""

    name: str
    """names its row of the table and its folder."""
    overrides: tuple[str, ...] = ()
    """changes to the training's configuration, ``key=value`` words as for ``tools/train.py``."""
    config: str = ""
    """configuration of a training of its own, relative to the plan's file; without one, the plan's. It must take the
    plan's overrides."""
    start_from: tuple[str, ...] = ()
    """weights to start from, ``NET=FILE`` words as for ``tools/train.py``; random ones without."""


@dataclass(frozen=True)
class BudgetConfig:
    """How much every run may train; stages share it in proportion to their configured steps."""

    steps: int = 0
    """optimiser steps of all stages together; 0 leaves the configured ones."""
    seconds: float = 0.0
    """seconds of steps of all stages together, on this machine, in place of steps."""

    def __post_init__(self) -> None:
        if self.steps < 0 or self.seconds < 0 or (self.steps and self.seconds):
            raise ValueError("give steps or seconds, not both and nothing negative")


@dataclass(frozen=True)
class TestConfig:
    """What every run is measured on; the data of the plan's own configuration, whatever a variant trains on."""

    people: int = 300
    """synthetic test people."""
    photos: dict[str, str] = field(default_factory=dict)
    """labelled photographs by name, as for ``tools/eval.py --data``; those that are not there are left out."""
    figures: tuple[str, ...] = (
        "synthetic/pve_mm",
        "synthetic/pa_pve_mm",
        "synthetic/pa_mpjpe_mm",
        "synthetic/mask_iou",
    )
    """``SET/FIGURE`` words that the table and the chart show; the JSON has all."""


@dataclass(frozen=True)
class AblationConfig:
    """A question and the runs that answer it."""

    question: str
    config: str
    """configuration of the training, relative to the plan's file."""
    variants: tuple[VariantConfig, ...]
    """the first one is the baseline that the others are compared to."""
    overrides: tuple[str, ...] = ()
    """changes to the training's configuration for all variants."""
    seeds: tuple[int, ...] = (1, 2, 3)
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    test: TestConfig = field(default_factory=TestConfig)

    def __post_init__(self) -> None:
        for kind, words in (("variants", [variant.name for variant in self.variants]), ("seeds", self.seeds)):
            twice = [str(word) for word, count in Counter(words).items() if count > 1]
            if not words or twice:
                raise ValueError(f"{kind} must be there and differ{': ' + ', '.join(twice) if twice else ''}")


@dataclass(frozen=True)
class Run:
    """One training of a plan."""

    variant: str
    seed: int
    config: RunConfig
    folder: Path
    start_from: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.variant}, seed {self.seed}"


def planned_runs(plan: AblationConfig, place: Path, folder: Path) -> Iterator[Run]:
    """All runs, seed by seed, so that an unfinished ablation can be compared too.

    Args:
        place: folder of the plan's file, from which its configurations are named.
        folder: of all runs.
    Raises:
        InvalidInput: overrides that the configuration does not take; found before anything is trained.
    """
    for seed in plan.seeds:
        for variant in plan.variants:
            words = [*plan.overrides, *variant.overrides, f"seed={seed}"]
            try:
                config = load_one_of(TASKS, "task", place / (variant.config or plan.config), words)
            except InvalidInput as error:
                raise InvalidInput(f"Variant {variant.name}: {error}") from error
            stages = share_budget(config.stages, plan.budget)
            config = replace(config, stages=stages)
            yield Run(variant.name, seed, config, folder / variant.name / f"seed{seed}", variant.start_from)


def share_budget(stages: Sequence[StageConfig], budget: BudgetConfig) -> tuple[StageConfig, ...]:
    """Stages that together take the budget, in the proportions of their steps."""
    total = sum(stage.steps for stage in stages)
    if budget.seconds:
        return tuple(
            replace(stage, seconds=budget.seconds * stage.steps / total, steps=_UNREACHED_STEPS) for stage in stages
        )
    if not budget.steps:
        return tuple(stages)
    if budget.steps < len(stages):
        raise InvalidInput(f"{len(stages)} stages cannot share {budget.steps} steps.")
    # The rounded sums of shares, with room for the stages that follow, make the total exact.
    done, ends = 0, [0]
    for place, stage in enumerate(stages, start=1):
        done += stage.steps
        end = max(ends[-1] + 1, round(budget.steps * done / total))
        ends.append(min(end, budget.steps - (len(stages) - place)))
    return tuple(replace(stage, steps=end - start) for stage, start, end in zip(stages, ends, ends[1:]))
