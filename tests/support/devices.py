"""Catching tensors that are made on the wrong device, on a machine that has only one."""

from __future__ import annotations

import torch
from torch.overrides import TorchFunctionMode

_FACTORIES = {
    getattr(torch, name)
    for name in (
        "arange", "empty", "eye", "full", "linspace", "ones", "rand", "randint", "randn", "randperm", "tensor", "zeros"
    )
}  # fmt: skip


class DevicesAreNamed(TorchFunctionMode):
    """Fails when a factory function is called without a device, which would put its tensor on the CPU."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function in _FACTORIES and kwargs.get("device") is None:
            raise AssertionError(f"torch.{function.__name__} was called without a device")
        return function(*args, **kwargs)
