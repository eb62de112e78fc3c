"""The training loop, top to bottom: batches in, steps taken, progress logged, everything resumable.

A run folder holds ``config.yaml``, ``latest.pt`` (the exact state, written atomically) and ``previous.pt``,
``STAGE.csv`` with its learning curves, TensorBoard events, pictures of predictions, and ``STAGE.safetensors`` with each
finished stage's averaged weights.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from meshrec.data.mixture import Batch, BatchSource
from meshrec.engine.distributed import World
from meshrec.engine.interruption import StopRequest
from meshrec.engine.learner import Learner
from meshrec.engine.loading import StepSeeds, load_batches
from meshrec.engine.precision import PRECISIONS, Precision
from meshrec.engine.stage_record import StageRecord
from meshrec.engine.stages import Stage
from meshrec.engine.timing import StepClock
from meshrec.errors import MeshrecError

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoopConfig:
    """How a run is carried out, whatever it trains."""

    device: str = "auto"
    """``auto`` takes a GPU where there is one; of several processes on a machine each takes its own."""
    precision: str = "bf16"
    """``bf16`` and ``fp16`` autocast, the latter with scaled losses (for GPUs without bfloat16); ``fp32`` does not."""
    workers: int = -1
    """processes that prepare batches ahead of the step, for each training process; 0 prepares them in the training
    process, a negative number decides by the machine. Sources that live on the GPU draw there and need none."""
    log_every: int = 20
    """steps between lines of the log."""
    save_every: int = 200
    """steps between checkpoints, each with learning curves and pictures of predictions."""

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {PRECISIONS}, got {self.precision!r}")
        if self.log_every < 1 or self.save_every < 1:
            raise ValueError("log_every and save_every must be at least 1")


class Memory(Protocol):
    """What a training knows beside its weights, moves with every step, and has to know again when it goes on."""

    def end_step(self, world: World) -> None:
        """After every step, in every process: take in what all processes have learnt in it."""

    def state(self) -> dict[str, Any]:
        """Tensors and plain values by name, the same in every process."""

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state; raises CheckpointMismatch where it belongs to something else."""


StepLosses = Callable[[nn.Module, Batch, Stage, int], dict[str, Tensor]]
DrawPictures = Callable[[nn.Module, Batch, Stage, Path], None]


def train_stage(
    model: nn.Module,
    source: BatchSource,
    stage: Stage,
    step_losses: StepLosses,
    loop: LoopConfig,
    folder: Path,
    *,
    seed: int,
    world: World = World(),
    draw_pictures: DrawPictures | None = None,
    memory: Memory | None = None,
    progress: Callable[[range], object] = iter,
    report: Callable[[dict[str, float]], None] = lambda line: None,
) -> nn.Module:
    """Train one stage, continuing from the run folder's checkpoint of the same stage if there is one.

    A step consists of micro-batches, whose number and content do not depend on how many processes share them; its
    gradient is the mean of theirs.

    Args:
        model: trained in place; ends with the averaged weights. All processes start from the first one's.
        source: draws the batches.
        step_losses: the losses of a micro-batch by name; each is weighted by ``stage.losses``.
        world: the processes of this training; every one of them calls this function.
        memory: what the losses remember from step to step; a part of the checkpoints.
        progress: wraps the range of steps, for a progress bar.
        report: gets every line of the log.
    Returns:
        The model.
    Raises:
        MeshrecError: the loss became infinite or NaN, or the disk is full; the last good checkpoint is named.
        CheckpointMismatch: the checkpoint in the folder belongs to another net.
        Stopped: after Ctrl-C or SIGTERM; everything is saved.
    """
    device = world.pick_device(loop.device)
    model.to(device, memory_format=torch.channels_last).train()
    world.copy_from_first(model)
    learner = Learner(model, stage, Precision(loop.precision, device), world)
    record, clock = StageRecord(folder, stage.name, world), StepClock(device)

    start = 0
    if (state := record.open()) is not None:
        learner.restore(state, folder)
        if memory is not None:
            memory.restore(state.get("memory", {}))
        start, clock.elapsed_s = state["step"], state["elapsed_s"]
        _log.info("Resuming stage %s at step %d.", stage.name, start)
    steps = range(start, stage.steps if not _time_is_up(stage, clock) else start)
    seeds = StepSeeds(seed, steps, learner.share)
    batches = zip(seeds, load_batches(source, stage.batch, stage.size, seeds, loop.workers, device))

    with StopRequest() as stop:
        for step in progress(steps):
            clock.begin_step()
            learner.begin_step(step, clock.elapsed_s)
            for _ in learner.share:
                with clock.waiting_for_data():
                    batch_seed, batch = next(batches)
                torch.manual_seed(batch_seed)  # dropout and the like: the same after a resume and in every process
                with learner.precision.autocast():
                    losses = step_losses(model, batch, stage, batch_seed)
                learner.learn_from(losses)
            means = learner.gather()
            if problem := learner.why_no_step(means):
                advice = f"{record.newest}; lower the learning rate and give the same command to go on."
                raise world.common_end(MeshrecError(f"{problem} at step {step} of stage {stage.name}. {advice}"))
            learner.take_step()
            if memory is not None:
                memory.end_step(world)
            clock.end_step(images=stage.batch * learner.micro_batches)

            stops, clock.elapsed_s = world.sums(stop.signal is not None, clock.elapsed_s if world.is_first else 0.0)
            ends = step + 1 == stage.steps or _time_is_up(stage, clock)
            record.note(means)
            if ends or (step + 1) % loop.log_every == 0:
                report(record.write_line(step, clock.take_rates()))
            if ends or stops or (step + 1) % loop.save_every == 0:
                record.keep(
                    step + 1,
                    state=lambda: (
                        learner.state()
                        | {"elapsed_s": clock.elapsed_s}
                        | ({"memory": memory.state()} if memory is not None else {})
                    ),
                    draw=draw_pictures and (lambda path: draw_pictures(learner.average.module, batch, stage, path)),  # noqa: B023
                )
            if stops:
                advice = f"{record.newest}; the same command goes on from there."
                raise world.common_end(stop.stopped(f"after step {step} of stage {stage.name}. {advice}"))
            if ends:
                break
    record.close()
    model.load_state_dict(learner.average.module.state_dict())
    return model.eval()


def _time_is_up(stage: Stage, clock: StepClock) -> bool:
    return 0 < stage.seconds <= clock.elapsed_s
