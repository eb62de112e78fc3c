"""Devices by name."""

from __future__ import annotations

import torch

from meshrec.errors import MeshrecError


def pick_device(name: str) -> torch.device:
    """A device by name; ``auto`` is the first GPU, or the CPU.

    Raises:
        MeshrecError: the device is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise MeshrecError(f"The device {name!r} is not available here; use cpu.") from error
    return device
