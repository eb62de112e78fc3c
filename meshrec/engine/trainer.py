"""The training loop, top to bottom: batches in, steps taken, progress logged, everything resumable.

A run folder holds ``config.yaml``, ``latest.pt`` (the exact state, written atomically), ``STAGE.csv``,
TensorBoard events, pictures of predictions, and ``STAGE.safetensors`` with each finished stage's averaged weights.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from meshrec.assets import write_atomically
from meshrec.data.mixture import BatchSource, StepBatches, step_seed
from meshrec.engine.run_log import RunLog
from meshrec.engine.stages import StageConfig
from meshrec.errors import CheckpointMismatch, MeshrecError
from meshrec.structures import TrainingBatch

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoopConfig:
    """How a run is carried out, whatever it trains."""

    device: str = "auto"
    """``auto`` takes a GPU where there is one."""
    precision: str = "bf16"
    """``bf16`` autocasts, ``fp32`` does not."""
    workers: int = 0
    """processes that prepare batches; 0 prepares them in the training process."""
    log_every: int = 20
    """steps between lines of the log."""
    save_every: int = 200
    """steps between checkpoints, and between pictures of predictions."""

    def __post_init__(self) -> None:
        if self.precision not in ("bf16", "fp32"):
            raise ValueError(f"precision must be 'bf16' or 'fp32', got {self.precision!r}")


StepLosses = Callable[[nn.Module, TrainingBatch, StageConfig, int], dict[str, Tensor]]
DrawPictures = Callable[[nn.Module, TrainingBatch, StageConfig, Path], None]


def train_stage(
    model: nn.Module,
    source: BatchSource,
    stage: StageConfig,
    step_losses: StepLosses,
    loop: LoopConfig,
    folder: Path,
    *,
    seed: int,
    draw_pictures: DrawPictures | None = None,
    progress: Callable[[range], object] = iter,
) -> nn.Module:
    """Train one stage, continuing from the run folder's checkpoint of the same stage if there is one.

    Args:
        model: trained in place; ends with the averaged weights.
        source: draws the batches.
        step_losses: the losses of a batch by name; each is weighted by ``stage.losses``.
        progress: wraps the range of steps, for a progress bar.
    Returns:
        The model.
    Raises:
        MeshrecError: the loss became infinite or NaN; the last checkpoint is kept.
        CheckpointMismatch: the checkpoint in the folder belongs to another net.
    """
    device = pick_device(loop.device)
    model.to(device, memory_format=torch.channels_last).train()
    trained = [parameter for name in stage.nets for parameter in getattr(model, name).parameters()]
    for parameter in model.parameters():
        parameter.requires_grad_(any(parameter is other for other in trained))
    optimizer = torch.optim.AdamW(trained, lr=stage.learning_rate, weight_decay=stage.weight_decay, fused=True)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(stage.average_decay), use_buffers=True)
    start = _resume(folder, stage, model, average, optimizer, device)
    steps = range(start, stage.steps)
    batches = DataLoader(
        StepBatches(source, stage.batch, stage.size, seed, steps),
        batch_size=None,
        num_workers=loop.workers,
        persistent_workers=loop.workers > 0,
    )
    log = RunLog(folder, stage.name)
    for step, batch in zip(progress(steps), batches):
        set_learning_rate(optimizer, stage, step)
        torch.manual_seed(step_seed(seed, step))  # dropout and the like: the same after a resume
        batch = batch.to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=loop.precision == "bf16"):
            losses = step_losses(model, batch, stage, step_seed(seed, step))
        total = sum(stage.losses[name] * value for name, value in losses.items())
        if not torch.isfinite(total):
            raise MeshrecError(
                f"The loss is {total.item()} at step {step} of stage {stage.name} "
                f"({', '.join(name for name, value in losses.items() if not torch.isfinite(value))}); "
                f"the last good state is {folder / 'latest.pt'}. Lower the learning rate and resume."
            )
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        if stage.clip_norm:
            nn.utils.clip_grad_norm_(trained, stage.clip_norm)
        optimizer.step()
        average.update_parameters(model)
        log.record(step, {"total": total, **losses, "learning_rate": optimizer.param_groups[0]["lr"]})
        if (step + 1) % loop.log_every == 0:
            log.flush(step)
        if (step + 1) % loop.save_every == 0 or step + 1 == stage.steps:
            save_state(folder, stage, step + 1, model, average, optimizer)
            if draw_pictures is not None:
                draw_pictures(average.module, batch, stage, folder / f"{stage.name}-{step + 1:07d}.png")
    log.close()
    model.load_state_dict(average.module.state_dict())
    return model.eval()


def pick_device(name: str) -> torch.device:
    """A device by name; ``auto`` is the first GPU, or the CPU."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise MeshrecError(f"The device {name!r} is not available here; use cpu.") from error
    return device


def set_learning_rate(optimizer: torch.optim.Optimizer, stage: StageConfig, step: int) -> None:
    """Linear warm-up, then constant or a cosine down to a hundredth."""
    warm = min(1.0, (step + 1) / max(1, stage.warmup_steps))
    fall = 1.0 if stage.schedule == "constant" else 0.505 + 0.495 * math.cos(math.pi * step / stage.steps)
    for group in optimizer.param_groups:
        group["lr"] = stage.learning_rate * warm * fall


def save_state(
    folder: Path, stage: StageConfig, step: int, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    """Write ``latest.pt``, from which training goes on exactly."""
    with write_atomically(folder / "latest.pt") as path:
        torch.save(
            {
                "stage": stage.name,
                "step": step,
                "model": model.state_dict(),
                "average": average.state_dict(),
                "optimizer": optimizer.state_dict(),
            },
            path,
        )


def _resume(
    folder: Path,
    stage: StageConfig,
    model: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
    device: torch.device,
) -> int:
    """Step to go on from: 0 without a checkpoint of this stage."""
    path = folder / "latest.pt"
    if not path.exists():
        return 0
    try:
        state = torch.load(path, map_location=device, weights_only=True)
        if state["stage"] != stage.name:
            return 0
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
    except Exception as error:
        raise CheckpointMismatch(
            f"{path} cannot be resumed with this configuration ({type(error).__name__}); choose another run folder."
        ) from error
    _log.info("Resuming stage %s at step %d.", stage.name, state["step"])
    return state["step"]
