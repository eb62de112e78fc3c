"""Several sources in fixed shares, and the batches of a training stage by step number."""

from __future__ import annotations

from typing import Protocol

from torch.utils.data import Dataset

from meshrec.structures import TrainingBatch


class BatchSource(Protocol):
    """Anything that draws batches; the same seed must give the same batch."""

    def batch(self, count: int, size: int, seed: int) -> TrainingBatch: ...


class Mixture:
    """Draws every batch from several sources.

    Args:
        sources: pairs of a source and its share of each batch; shares are positive and add up to 1.
    """

    def __init__(self, sources: list[tuple[BatchSource, float]]) -> None:
        total = sum(share for _, share in sources)
        if not sources or abs(total - 1) > 1e-6 or min(share for _, share in sources) <= 0:
            raise ValueError(f"Shares must be positive and add up to 1, got {[share for _, share in sources]}.")
        self.sources = sources

    def batch(self, count: int, size: int, seed: int) -> TrainingBatch:
        """A batch with each source's share of samples, rounded; the first source takes what rounding leaves."""
        counts = [round(count * share) for _, share in self.sources]
        counts[0] += count - sum(counts)
        return TrainingBatch.concatenate(
            [
                source.batch(number, size, seed + 7919 * place)
                for place, ((source, _), number) in enumerate(zip(self.sources, counts))
                if number
            ]
        )


class StepBatches(Dataset):
    """The batches of a stage as a map-style data set: item ``k`` is the batch of step ``k``.

    Because every batch follows from its step's number, training resumes exactly and any number of workers gives the
    same data.
    """

    def __init__(self, source: BatchSource, count: int, size: int, seed: int, steps: range) -> None:
        self.source, self.count, self.size, self.seed, self.steps = source, count, size, seed, steps

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, item: int) -> TrainingBatch:
        return self.source.batch(self.count, self.size, step_seed(self.seed, self.steps[item]))


def step_seed(seed: int, step: int) -> int:
    """The seed of everything random in one step."""
    return seed * 1_000_003 + step
