"""Made-up files in the layout of SPIN's checkpoints: the names and shapes that are known of the real ones."""

from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

_BLOCKS = {"layer1": (3, 64), "layer2": (4, 128), "layer3": (6, 256), "layer4": (3, 512)}


def spin_state(seed: int = 0) -> dict[str, Tensor]:
    """Entry ``model`` of a checkpoint, with small random weights."""
    torch.manual_seed(seed)
    state = _convolution("conv1", 64, 3, 7) | _norm("bn1", 64)
    inputs = 64
    for stage, (blocks, width) in _BLOCKS.items():
        for block in range(blocks):
            prefix, outputs = f"{stage}.{block}", 4 * width
            state |= _convolution(f"{prefix}.conv1", width, inputs, 1) | _norm(f"{prefix}.bn1", width)
            state |= _convolution(f"{prefix}.conv2", width, width, 3) | _norm(f"{prefix}.bn2", width)
            state |= _convolution(f"{prefix}.conv3", outputs, width, 1) | _norm(f"{prefix}.bn3", outputs)
            if block == 0:
                state |= _convolution(f"{prefix}.downsample.0", outputs, inputs, 1)
                state |= _norm(f"{prefix}.downsample.1", outputs)
            inputs = outputs
    state |= _linear("fc1", 1024, 2205) | _linear("fc2", 1024, 1024)
    state |= _linear("decpose", 144, 1024) | _linear("decshape", 10, 1024) | _linear("deccam", 3, 1024)
    upright = torch.tensor([1.0, 0, 0, -1, 0, 0])  # columns (1, 0, 0) and (0, -1, 0), written row by row
    straight = torch.tensor([1.0, 0, 0, 1, 0, 0]).repeat(23)
    return state | {
        "init_pose": torch.cat([upright, straight])[None],
        "init_shape": torch.zeros(1, 10),
        "init_cam": torch.tensor([[0.9, 0.0, 0.0]]),
    }


def write_spin_file(path: Path, state: dict[str, Tensor], prefix: str = "") -> Path:
    """The container as the official saver writes it, bookkeeping included."""
    optimizer = {"state": {}, "param_groups": [{"lr": 5e-5, "betas": (0.9, 0.999)}]}
    torch.save(
        {
            "model": OrderedDict((prefix + name, value) for name, value in state.items()),
            "optimizer": optimizer,
            "epoch": 3,
            "batch_idx": 10,
            "batch_size": 64,
            "dataset_perm": np.random.permutation(20),
            "total_step_count": 5000,
        },
        path,
    )
    return path


def _convolution(name: str, outputs: int, inputs: int, size: int) -> dict[str, Tensor]:
    return {f"{name}.weight": 0.01 * torch.randn(outputs, inputs, size, size)}


def _norm(name: str, width: int) -> dict[str, Tensor]:
    return {
        f"{name}.weight": torch.rand(width),
        f"{name}.bias": 0.1 * torch.randn(width),
        f"{name}.running_mean": 0.1 * torch.randn(width),
        f"{name}.running_var": 1 + torch.rand(width),
        f"{name}.num_batches_tracked": torch.tensor(7),
    }


def _linear(name: str, outputs: int, inputs: int) -> dict[str, Tensor]:
    return {f"{name}.weight": 0.01 * torch.randn(outputs, inputs), f"{name}.bias": 0.01 * torch.randn(outputs)}
