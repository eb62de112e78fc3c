"""The batches of a stage, one after the other: drawn on the training device, or ahead of time by other processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import DataLoader, Dataset

from meshrec.data.mixture import Batch, BatchSource, step_seed

# More workers than this cost memory and hardly help: a GPU that is still hungry needs a source on its own device.
_MOST_WORKERS = 16


def load_batches(
    source: BatchSource, count: int, size: int, seeds: Sequence[int], workers: int, device: torch.device
) -> Iterator[Batch]:
    """One batch for each seed, on a device.

    A source with an attribute ``device`` that names a GPU draws there, in this process; all others draw on the CPU, in
    worker processes where there are any. A mixture may have sources of both kinds. Because a batch follows from its
    seed, workers change nothing but the speed.

    Args:
        count, size: samples of a batch and side of their crops.
        workers: processes; negative takes as many as the machine has for this process, if a GPU would wait for them.
    """
    # Of all sources: one with a small share has no part in some batches.
    drawn_here = [not _on_cpu(part) for part in _sources(source)]
    if workers < 0:
        workers = 0 if all(drawn_here) or device.type == "cpu" else min(_MOST_WORKERS, _own_cores())
    if workers and not all(drawn_here):
        _end_opencv_threads()
    loader = DataLoader(
        _CpuParts(source, count, size, seeds),
        batch_size=None,
        num_workers=0 if all(drawn_here) else workers,
        pin_memory=device.type == "cuda" and workers > 0,
        worker_init_fn=_settle_worker,
        # Its own generator, because the loader otherwise takes a number from that of the training.
        generator=torch.Generator(),
    )
    for seed, from_cpu in zip(seeds, loader):
        parts = [
            part.batch(number, size, part_seed) if given is None else given
            for (part, number, part_seed), given in zip(_parts(source, count, seed), from_cpu)
        ]
        parts = [part.to(device, non_blocking=True) for part in parts]
        yield parts[0] if len(parts) == 1 else type(parts[0]).concatenate(parts)


class StepSeeds(Sequence[int]):
    """The seeds of the micro-batches of a range of steps, one after the other; made when they are asked for.

    Args:
        share: numbers of the micro-batches of each step.
    """

    def __init__(self, seed: int, steps: range, share: range) -> None:
        self.seed, self.steps, self.share = seed, steps, share

    def __len__(self) -> int:
        return len(self.steps) * len(self.share)

    def __getitem__(self, place: int) -> int:
        if not 0 <= place < len(self):
            raise IndexError(place)
        step, number = divmod(place, len(self.share))
        return step_seed(self.seed, self.steps[step], self.share[number])


class _CpuParts(Dataset):
    """Item ``k``: the parts of the batch of seed ``k`` that are drawn on the CPU, None in place of the others."""

    def __init__(self, source: BatchSource, count: int, size: int, seeds: Sequence[int]) -> None:
        self.source, self.count, self.size, self.seeds = source, count, size, seeds

    def __len__(self) -> int:
        return len(self.seeds)

    def __getitem__(self, item: int) -> list[Batch | None]:
        return [
            part.batch(number, self.size, seed) if _on_cpu(part) else None
            for part, number, seed in _parts(self.source, self.count, self.seeds[item])
        ]


def _parts(source: BatchSource, count: int, seed: int) -> list[tuple[BatchSource, int, int]]:
    return source.parts(count, seed) if hasattr(source, "parts") else [(source, count, seed)]


def _sources(source: BatchSource) -> list[BatchSource]:
    return [part for part, _ in source.sources] if hasattr(source, "sources") else [source]


def _on_cpu(source: BatchSource) -> bool:
    return torch.device(getattr(source, "device", "cpu")).type == "cpu"


def _own_cores() -> int:
    """Cores of this machine for each of its training processes, one left for the training itself."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1")) - 1)


def _end_opencv_threads() -> None:
    """Before workers are forked: OpenCV's threads do not live on in them, and the first call that needs one hangs."""
    import cv2

    cv2.setNumThreads(1)


def _settle_worker(worker: int) -> None:
    """A wish to stop, which terminals and torchrun send to all processes, is the training's to answer.

    It ends its workers itself. Torch gives each worker one thread.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
