"""Figures of several runs compared: means with their standard errors, and differences seed by seed."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Figures of one variant: by seed, then by name.
FiguresBySeed = Mapping[int, Mapping[str, float]]


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds.

    Attributes:
        mean: NaN without values.
        error: standard error of the mean, the sample's deviation over the root of the count; NaN for fewer than two.
        values: by seed.
    """

    mean: float
    error: float
    values: dict[int, float]

    @classmethod
    def of(cls, values: Mapping[int, float]) -> Estimate:
        known = {seed: value for seed, value in values.items() if math.isfinite(value)}
        if not known:
            return cls(math.nan, math.nan, {})
        spread = statistics.stdev(known.values()) if len(known) > 1 else math.nan
        return cls(statistics.fmean(known.values()), spread / math.sqrt(len(known)), known)

    def __str__(self) -> str:
        """Rounded to two digits of the error, or to four digits where there is none."""
        if math.isnan(self.mean):
            return "—"
        if math.isnan(self.error):
            return f"{self.mean:.4g}"
        digits = 3 if self.error == 0 else max(0, 1 - math.floor(math.log10(self.error)))
        return f"{self.mean:.{digits}f} ± {self.error:.{digits}f}"


@dataclass(frozen=True)
class Comparison:
    """One variant beside the baseline.

    Attributes:
        means: by figure, over the variant's seeds.
        differences: by figure, variant minus baseline over the seeds that both have. Runs of one seed start from the
            same weights and, where the variant allows it, see the same samples, so that most of the chance cancels.
    """

    variant: str
    means: dict[str, Estimate]
    differences: dict[str, Estimate]


def compare(figures: Mapping[str, FiguresBySeed]) -> list[Comparison]:
    """Every variant with the first one, the baseline.

    Args:
        figures: by variant.
    """
    baseline = next(iter(figures.values()))
    return [
        Comparison(variant, _estimates(runs), _estimates(_differences(runs, baseline)))
        for variant, runs in figures.items()
    ]


def _estimates(runs: FiguresBySeed) -> dict[str, Estimate]:
    return {name: Estimate.of({seed: run[name] for seed, run in runs.items() if name in run}) for name in _names(runs)}


def _differences(runs: FiguresBySeed, baseline: FiguresBySeed) -> FiguresBySeed:
    return {
        seed: {name: run[name] - baseline[seed][name] for name in run if name in baseline[seed]}
        for seed, run in runs.items()
        if seed in baseline
    }


def _names(runs: FiguresBySeed) -> Sequence[str]:
    return list(dict.fromkeys(name for run in runs.values() for name in run))
