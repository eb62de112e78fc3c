"""Errors of 3D and 2D joints."""

from __future__ import annotations

import torch
from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.geometry.alignment import procrustes


def mpjpe_mm(predicted: Tensor, target: Tensor, root: int | tuple[int, ...] = 0) -> Tensor:
    """Mean per-joint position error after moving both roots together.

    Args:
        predicted, target: (B, J, 3) metres, same axes.
        root: the joint, or the joints whose mean, is put at the origin.
    Returns:
        (B,) millimetres.
    """
    check_shapes(predicted=(predicted, "B J 3"), target=(target, "B J 3"))
    root = [root] if isinstance(root, int) else list(root)
    difference = (predicted - predicted[:, root].mean(1, keepdim=True)) - (
        target - target[:, root].mean(1, keepdim=True)
    )
    return 1000 * difference.norm(dim=-1).mean(-1)


def pa_mpjpe_mm(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean per-joint position error after the best similarity (Procrustes) alignment of each person, (B,) mm."""
    check_shapes(predicted=(predicted, "B J 3"), target=(target, "B J 3"))
    return 1000 * (procrustes(predicted, target).apply(predicted) - target).norm(dim=-1).mean(-1)


def correct_keypoints(
    predicted_px: Tensor, target_px: Tensor, valid: Tensor, reference_px: Tensor, threshold: float = 0.2
) -> Tensor:
    """Which keypoints lie within a share of a reference length (PCK).

    Args:
        predicted_px, target_px: (B, J, 2) pixels.
        valid: (B, J) bool, the keypoint counts.
        reference_px: (B,) length in pixels, for PCK@0.2 of the torso the distance from mid-shoulder to mid-hip.
    Returns:
        (B, J) float: 1 correct, 0 wrong, NaN where it does not count, so that ``nanmean`` gives the PCK.
    """
    check_shapes(
        predicted_px=(predicted_px, "B J 2"),
        target_px=(target_px, "B J 2"),
        valid=(valid, "B J"),
        reference_px=(reference_px, "B"),
    )
    correct = (predicted_px - target_px).norm(dim=-1) <= threshold * reference_px[:, None]
    return torch.where(valid.bool(), correct.float(), torch.nan)
