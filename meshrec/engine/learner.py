"""What learns in a stage, and how it moves by one step: weights, optimiser, running mean, batch statistics."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from meshrec.engine.batch_statistics import BatchStatistics
from meshrec.engine.distributed import World
from meshrec.engine.precision import Precision
from meshrec.engine.stages import Stage
from meshrec.errors import CheckpointMismatch

_MOMENTUM = 0.9
_RATE_FACTOR = "rate_factor"  # of a group of parameters


class Learner:
    """The nets of a stage with all that is needed to train them, the same in every process.

    Args:
        model: on its device; the nets of the stage learn, the others are frozen.
        world: the processes that share the micro-batches of a step.

    Attributes:
        micro_batches: of a step, in all processes.
        share: the numbers of those that this process computes.
        average: running mean of the model, which is what is kept and shown.
    """

    def __init__(self, model: nn.Module, stage: Stage, precision: Precision, world: World) -> None:
        self.model, self.stage, self.precision, self.world = model, stage, precision, world
        self.micro_batches = stage.micro_batches or world.size
        self.share = world.share(self.micro_batches)
        model.requires_grad_(False)
        for name in stage.nets:
            getattr(model, name).requires_grad_(True)
        self.trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.optimizer = _optimizer(stage, _parameter_groups(model, stage, self.trained))
        self.average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(stage.average_decay), use_buffers=True)
        self._statistics = BatchStatistics(model, self.micro_batches)
        self._losses: dict[str, Tensor] = {}

    def begin_step(self, step: int, elapsed_s: float) -> None:
        set_learning_rate(self.optimizer, self.stage, step, elapsed_s)
        self.optimizer.zero_grad(set_to_none=True)
        self._statistics.begin_step()
        self._losses = {}

    def learn_from(self, losses: dict[str, Tensor]) -> None:
        """Adds the gradient of a micro-batch; its losses are weighted by the stage and averaged over the step."""
        losses = {"total": sum(self.stage.losses[name] * value for name, value in losses.items()), **losses}
        self.precision.backward(losses["total"] / self.micro_batches)
        self._statistics.end_micro_batch()
        for name, value in losses.items():
            self._losses[name] = self._losses.get(name, 0.0) + value.detach().float() / self.micro_batches

    def gather(self) -> dict[str, float]:
        """Brings gradients and statistics of all processes together; returns the step's means, the same in all."""
        self.world.add_up_gradients(self.trained)
        self._statistics.end_step(self.world)
        means = torch.stack(list(self._losses.values()))
        self.world.add_up([means])
        norm = self.precision.clip(self.optimizer, self.trained, self.stage.clip_norm)
        # One transfer for all of them, because each would wait for the GPU.
        *values, norm = torch.cat([means, norm.reshape(1).float()]).tolist()
        rate = self.optimizer.param_groups[0]["lr"]
        return {**dict(zip(self._losses, values)), "gradient_norm": norm, "learning_rate": rate}

    def why_no_step(self, means: dict[str, float]) -> str:
        """What keeps the step from being taken, in words; nothing for a good one."""
        if not math.isfinite(means["total"]):
            terms = [name for name in self._losses if name != "total" and not math.isfinite(means[name])]
            return f"The loss is {means['total']} ({', '.join(terms) or 'the sum'})"
        if not math.isfinite(means["gradient_norm"]) and not self.precision.overflows_are_normal:
            return f"The gradient's length is {means['gradient_norm']}"
        return ""

    def take_step(self) -> None:
        self.precision.step(self.optimizer)
        self.average.update_parameters(self.model)

    def state(self) -> dict[str, Any]:
        """Everything from which learning goes on exactly."""
        return {"micro_batches": self.micro_batches} | {name: part.state_dict() for name, part in self._parts().items()}

    def restore(self, state: dict[str, Any], folder: Path) -> None:
        """Goes on from a state of the run folder.

        Raises:
            CheckpointMismatch: it belongs to another net, or to steps of another size.
        """
        if state.get("micro_batches") != self.micro_batches:
            raise CheckpointMismatch(
                f"The checkpoint in {folder} was made with {state.get('micro_batches', 'an unknown number of')} "
                f"micro-batches a step, this run has {self.micro_batches}: set micro_batches of stage "
                f"{self.stage.name} to that number, or choose another run folder."
            )
        try:
            for name, part in self._parts().items():
                part.load_state_dict(state[name])
        except Exception as error:
            raise CheckpointMismatch(
                f"The checkpoint in {folder} cannot be resumed with this configuration ({type(error).__name__}); "
                "choose another run folder."
            ) from error

    def _parts(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "average": self.average,
            "optimizer": self.optimizer,
            "scaler": self.precision.scaler,
        }


def _parameter_groups(model: nn.Module, stage: Stage, trained: list[nn.Parameter]) -> list[dict[str, Any]]:
    """All that learns, apart from the nets that have learning rates of their own."""
    groups = [{"params": trained, _RATE_FACTOR: 1.0}]
    for name, factor in stage.rate_factors.items():
        own = {id(parameter) for parameter in getattr(model, name).parameters()}
        groups.append({"params": [value for value in trained if id(value) in own], _RATE_FACTOR: factor})
        groups[0]["params"] = [value for value in groups[0]["params"] if id(value) not in own]
    return [group for group in groups if group["params"]]


def _optimizer(stage: Stage, parameters: list[dict[str, Any]]) -> torch.optim.Optimizer:
    options = {"lr": stage.learning_rate, "weight_decay": stage.weight_decay, "fused": True}
    if stage.optimizer == "sgd":
        return torch.optim.SGD(parameters, momentum=_MOMENTUM, **options)
    return torch.optim.AdamW(parameters, **options)


def set_learning_rate(optimizer: torch.optim.Optimizer, stage: Stage, step: int, elapsed_s: float = 0.0) -> None:
    """Linear warm-up, then the stage's schedule, by steps or by time, whichever is further."""
    done = max(step / stage.steps, elapsed_s / stage.seconds if stage.seconds else 0.0)
    warm = min(1.0, (step + 1) / max(1, stage.warmup_steps))
    fall = 0.505 + 0.495 * math.cos(math.pi * min(1.0, done)) if stage.schedule == "cosine" else 1.0
    fall *= 0.1 ** sum(done >= drop for drop in stage.drops)
    for group in optimizer.param_groups:
        group["lr"] = group.get(_RATE_FACTOR, 1.0) * stage.learning_rate * warm * fall
