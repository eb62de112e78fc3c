"""Which of the people that a net found are worth keeping."""

from __future__ import annotations

from dataclasses import dataclass

from meshrec.errors import CheckpointMismatch, InvalidInput
from meshrec.iuv.decode import decode_people
from meshrec.iuv.results import ChartOutput, PersonIuv


@dataclass(frozen=True)
class PeopleLimits:
    """How certain a detection must be, and how many are kept."""

    min_score: float = 0.5
    """confidence that a person must exceed, 0 to 1."""
    max_people: int = 100
    """in one photo, the best scored ones."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.min_score <= 1.0:
            raise InvalidInput(f"The smallest score must lie between 0 and 1, got {self.min_score}.")
        if self.max_people < 1:
            raise InvalidInput(f"The number of people must be at least 1, got {self.max_people}.")


def decode_best(output: ChartOutput, limits: PeopleLimits) -> list[PersonIuv]:
    """The people within the limits, best scored first, with their charts.

    Raises:
        CheckpointMismatch: the net gave numbers that are not finite.
    """
    best = output.scores.argsort(descending=True, stable=True)[: limits.max_people]
    return decode_finite(output[best[~(output.scores[best] <= limits.min_score)]])


def decode_finite(output: ChartOutput) -> list[PersonIuv]:
    """Everybody, in the order of the output, with their charts.

    Raises:
        CheckpointMismatch: the net gave numbers that are not finite.
    """
    if not all(bool(tensor.isfinite().all()) for tensor in output.tensors()):
        raise CheckpointMismatch(
            "The DensePose network gave numbers that are not finite, so its weights are damaged; load other weights."
        )
    return decode_people(output)
