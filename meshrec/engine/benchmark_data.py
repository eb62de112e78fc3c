"""How fast synthetic people are made, beside how fast a training step uses them up, in one run."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from dataclasses import dataclass

import torch

from meshrec.data.mixture import BatchSource
from meshrec.engine.benchmark import call_times_s
from meshrec.engine.benchmark_nets import light_pair, run_pair


@dataclass(frozen=True)
class DataTiming:
    """Speeds of both sides.

    Attributes:
        made_per_second: images that the source makes, all processes together.
        processes: that made them.
        used_per_second: images that a training step of the light nets takes on all threads.
        batch, size_px: of both.
    """

    made_per_second: float
    processes: int
    used_per_second: float
    batch: int
    size_px: int


def benchmark_data(
    source: BatchSource, *, batch: int, size_px: int, processes: int, device: str = "cpu", seconds: float = 10.0
) -> DataTiming:
    """Time the making and the using of training images, one after the other.

    Args:
        source: what is timed; it must live on the device.
        processes: on a CPU, processes of one thread each that make batches at once; on a GPU one makes them all.
        seconds: that each side is timed for, about.
    """
    place = torch.device(device)
    if place.type == "cuda":
        processes, made = 1, _made_per_second(source, batch, size_px, seconds, place)
    else:
        made = _made_by_processes(source, batch, size_px, processes, seconds)
    return DataTiming(made, processes, _used_per_second(batch, size_px, place, seconds), batch, size_px)


def _made_by_processes(source: BatchSource, batch: int, size_px: int, processes: int, seconds: float) -> float:
    # Forked, as a data loader's workers are: they share the tables of the source.
    context = multiprocessing.get_context("fork")
    rates, start = context.Queue(), context.Barrier(processes)
    workers = [
        context.Process(target=_make, args=(source, batch, size_px, seconds, rates, start, number))
        for number in range(processes)
    ]
    for worker in workers:
        worker.start()
    total = sum(rates.get() for _ in workers)
    for worker in workers:
        worker.join()
    return total


def _make(source: BatchSource, batch: int, size_px: int, seconds: float, rates, start, number: int) -> None:
    torch.set_num_threads(1)
    source.batch(batch, size_px, number)
    start.wait()
    rates.put(_made_per_second(source, batch, size_px, seconds, torch.device("cpu"), 1000 * number))


def _made_per_second(
    source: BatchSource, batch: int, size_px: int, seconds: float, device: torch.device, first_seed: int = 0
) -> float:
    seed, start = first_seed, time.perf_counter()
    source.batch(batch, size_px, seed)
    while time.perf_counter() - start < seconds:
        seed += 1
        source.batch(batch, size_px, seed)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
    return (seed - first_seed + 1) * batch / (time.perf_counter() - start)


def _used_per_second(batch: int, size_px: int, device: torch.device, seconds: float) -> float:
    nets = [net.to(device, memory_format=torch.channels_last).train() for net in light_pair()]
    optimizer = torch.optim.AdamW([value for net in nets for value in net.parameters()], lr=1e-4)
    images = torch.rand(batch, 3, size_px, size_px, device=device).to(memory_format=torch.channels_last)

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16):
            loss = run_pair(*nets, images).square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return batch / statistics.median(call_times_s(step, device, seconds=seconds))
