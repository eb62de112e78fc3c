"""Numbers of a training step: full, bfloat16 or float16 with scaled gradients."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

PRECISIONS = ("bf16", "fp16", "fp32")
_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


class Precision:
    """How a stage computes and steps.

    float16 has few exponents, so its losses are multiplied by a large factor before the backward pass; a step whose
    gradients overflow is left out and the factor halved (torch's GradScaler). The other two need none of this, and
    the scaler then passes everything through.

    Args:
        name: one of ``PRECISIONS``.
        device: where the nets are.
    """

    def __init__(self, name: str, device: torch.device) -> None:
        self.name, self.device = name, device
        self.scaler = torch.amp.GradScaler(device.type, enabled=name == "fp16")

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, _AUTOCAST[self.name], enabled=self.name != "fp32")

    def backward(self, loss: Tensor) -> None:
        self.scaler.scale(loss).backward()

    def clip(self, optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter], longest: float) -> Tensor:
        """Takes the factor out of the gradients and shortens them; returns their length before, a scalar."""
        self.scaler.unscale_(optimizer)
        return nn.utils.clip_grad_norm_(parameters, longest or torch.inf)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        self.scaler.step(optimizer)
        self.scaler.update()

    @property
    def overflows_are_normal(self) -> bool:
        """Whether an infinite gradient only means that the factor is still too large."""
        return self.name == "fp16" and self.scaler.get_scale() > 1.0
