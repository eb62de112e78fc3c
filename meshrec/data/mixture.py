"""Several sources in fixed shares, and the seeds of training steps."""

from __future__ import annotations

import math
from itertools import accumulate
from typing import Protocol

import torch
from torch import Generator

from meshrec.structures import SceneBatch, TrainingBatch

Batch = TrainingBatch | SceneBatch


class BatchSource(Protocol):
    """Anything that draws batches; the same seed must give the same batch."""

    def batch(self, count: int, size: int, seed: int) -> Batch: ...


class Mixture:
    """Draws every batch from several sources.

    Args:
        sources: pairs of a source and its share of each batch; shares are positive and add up to 1.
        device: where the batches come together, whatever the devices of the sources.
    """

    def __init__(self, sources: list[tuple[BatchSource, float]], device: torch.device | str = "cpu") -> None:
        total = sum(share for _, share in sources)
        if not sources or abs(total - 1) > 1e-6 or min(share for _, share in sources) <= 0:
            raise ValueError(f"Shares must be positive and add up to 1, got {[share for _, share in sources]}.")
        self.sources, self.device = sources, torch.device(device)

    def batch(self, count: int, size: int, seed: int) -> Batch:
        """A batch with samples of every source, in the sources' order."""
        parts = [source.batch(number, size, part_seed) for source, number, part_seed in self.parts(count, seed)]
        return type(parts[0]).concatenate(parts)

    def parts(self, count: int, seed: int) -> list[tuple[BatchSource, int, int]]:
        """What a batch is put together from, in order: source, number of its samples and its seed.

        Each share is rounded up or down at random, so that the mean over many seeds is the share exactly, however
        small share and batch are: one offset is added to the running sum before it is rounded (systematic sampling).
        """
        offset = torch.rand((), generator=Generator().manual_seed(seed), dtype=torch.float64).item()
        ends = [math.floor(end + offset) for end in accumulate(count * share for _, share in self.sources)]
        ends[-1] = count  # the shares add up to 1 but for rounding errors
        counts = [end - start for start, end in zip([0, *ends], ends)]
        return [
            (source, number, seed + 7919 * place)
            for place, ((source, _), number) in enumerate(zip(self.sources, counts))
            if number
        ]


def step_seed(seed: int, step: int, micro_batch: int = 0) -> int:
    """The seed of everything random in a micro-batch of a step."""
    return seed * 1_000_003 + step + 15_485_863 * micro_batch
