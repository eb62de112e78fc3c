"""Errors of mesh vertices."""

from __future__ import annotations

from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.geometry.alignment import procrustes


def pve_mm(predicted: Tensor, target: Tensor, predicted_root: Tensor, target_root: Tensor) -> Tensor:
    """Mean per-vertex error after moving both roots together (PVE).

    Args:
        predicted, target: (B, V, 3) metres, same axes.
        predicted_root, target_root: (B, 3) the point of each, usually the pelvis, that is put at the origin.
    Returns:
        (B,) millimetres.
    """
    check_shapes(
        predicted=(predicted, "B V 3"),
        target=(target, "B V 3"),
        predicted_root=(predicted_root, "B 3"),
        target_root=(target_root, "B 3"),
    )
    difference = (predicted - predicted_root[:, None]) - (target - target_root[:, None])
    return 1000 * difference.norm(dim=-1).mean(-1)


def pa_pve_mm(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean per-vertex error after the best similarity alignment of each person, (B,) mm."""
    check_shapes(predicted=(predicted, "B V 3"), target=(target, "B V 3"))
    return 1000 * (procrustes(predicted, target).apply(predicted) - target).norm(dim=-1).mean(-1)
