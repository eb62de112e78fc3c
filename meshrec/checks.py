"""Shape checks with named axes, so that a wrong tensor is reported where it enters and not where it breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def check_shapes(**named: tuple[Tensor, str]) -> dict[str, int]:
    """Check tensors against shape patterns and bind the letters across all of them.

    A pattern is a string of axes separated by spaces: a number must match exactly, a name must have the same size
    wherever it occurs, and a leading ``...`` stands for any number of batch axes.

    Example::

        sizes = check_shapes(vertices=(vertices, "... V 3"), faces=(faces, "F 3"))

    Returns:
        The size of every named axis.
    Raises:
        ValueError: names the argument, the expected pattern and the shape that came.
    """
    sizes: dict[str, int] = {}
    for name, (tensor, pattern) in named.items():
        shape = tuple(tensor.shape)
        axes = pattern.split()
        any_batch = bool(axes) and axes[0] == "..."
        axes = axes[1:] if any_batch else axes
        if len(shape) < len(axes) or (len(shape) > len(axes) and not any_batch):
            raise ValueError(f"{name} must have shape ({', '.join(pattern.split())}), got {shape}.")
        for axis, size in zip(axes, shape[len(shape) - len(axes) :]):
            expected = int(axis) if axis.isdigit() else sizes.setdefault(axis, size)
            if size != expected:
                bound = "" if axis.isdigit() else f" with {axis} = {expected}"
                raise ValueError(f"{name} must have shape ({', '.join(pattern.split())}){bound}, got {shape}.")
    return sizes
