"""Random draws, seeded, on the device where the samples are made."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Generator, Tensor


class Dice:
    """One stream of random numbers: the same seed on the same kind of device gives the same draws.

    Args:
        seed: any integer.
        device: where the draws are wanted.
    """

    def __init__(self, seed: int, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.generator = Generator(self.device).manual_seed(seed)

    def uniform(self, *shape: int, low: float | Tensor = 0.0, high: float | Tensor = 1.0) -> Tensor:
        """Evenly between two bounds."""
        return low + (high - low) * torch.rand(shape, generator=self.generator, device=self.device)

    def normal(self, *shape: int) -> Tensor:
        """With mean 0 and deviation 1."""
        return torch.randn(shape, generator=self.generator, device=self.device)

    def chance(self, probability: float | Tensor, *shape: int) -> Tensor:
        """True with a probability."""
        return self.uniform(*shape) < probability

    def integers(self, high: int, *shape: int) -> Tensor:
        """Long, 0 to high - 1."""
        return torch.randint(high, shape, generator=self.generator, device=self.device)

    def choose(self, weights: Sequence[float], count: int) -> Tensor:
        """(count,) long, each index with its weight."""
        table = torch.tensor(weights, dtype=torch.float, device=self.device)
        return torch.multinomial(table, count, replacement=True, generator=self.generator)
