"""Labelled people of several sources, counted through."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from meshrec.data.mixture import BatchSource
from meshrec.structures import TrainingBatch


@dataclass(frozen=True)
class NumberedPeople:
    """A source whose people are told from those of other sources by their numbers.

    Attributes:
        source: counts its people from 0, see `TrainingBatch.person`.
        first: number of its first person here.
    """

    source: BatchSource
    first: int

    def batch(self, count: int, size: int, seed: int) -> TrainingBatch:
        batch = self.source.batch(count, size, seed)
        return batch.replace(person=torch.where(batch.person >= 0, batch.person + self.first, -1))
