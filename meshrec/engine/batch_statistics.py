"""Batch normalisation when a step consists of several micro-batches."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from meshrec.engine.distributed import World


class BatchStatistics:
    """Running statistics that move once a step, by the mean over the step's micro-batches.

    Each micro-batch is normalised by itself, as ever, and finds the running statistics that the step began with. So a
    step comes out the same in whatever order and in however many processes its micro-batches are computed. With one
    micro-batch a step this is what torch does.

    Args:
        model: whose normalisation layers are looked after.
        micro_batches: of a step, in all processes.
    """

    def __init__(self, model: nn.Module, micro_batches: int) -> None:
        self.micro_batches = micro_batches
        layers = [module for module in model.modules() if isinstance(module, _NormBase)]
        # Sorted by dtype, because sums over processes travel by dtype.
        self._running = sorted((buffer for layer in layers for buffer in layer.buffers(recurse=False)), key=_dtype)
        self._before: list[Tensor] = []
        self._sums: list[Tensor] = []

    @torch.no_grad()
    def begin_step(self) -> None:
        if self.micro_batches > 1:
            self._before = [buffer.clone() for buffer in self._running]
            self._sums = [torch.zeros_like(buffer) for buffer in self._running]

    @torch.no_grad()
    def end_micro_batch(self) -> None:
        """Takes note of the statistics and puts back those of the step's begin."""
        for running, before, total in zip(self._running, self._before, self._sums):
            total += running
            running.copy_(before)

    @torch.no_grad()
    def end_step(self, world: World) -> None:
        """Moves the statistics to the mean over the micro-batches of all processes."""
        world.add_up(self._sums)
        for running, total in zip(self._running, self._sums):
            mean = total / self.micro_batches if total.is_floating_point() else total // self.micro_batches
            running.copy_(mean)


def _dtype(buffer: Tensor) -> str:
    return str(buffer.dtype)
