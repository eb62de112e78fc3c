"""How a sequence of joints moves: its acceleration, and the error of that."""

from __future__ import annotations

import torch
from torch import Tensor

from meshrec.checks import check_shapes


def acceleration_mm(joints: Tensor, valid: Tensor | None = None, frame_rate_hz: float | None = None) -> Tensor:
    """Mean length of the joints' acceleration at every inner frame, by second differences.

    Args:
        joints: (..., T, J, 3) metres, of frames at equal intervals.
        valid: (..., T) bool, the frame exists.
        frame_rate_hz: gives mm / s^2; without it mm / frame^2, as VIBE's code (Kocabas et al., CVPR 2020) and HMMR's
            (Kanazawa et al., "Learning 3D human dynamics from video", CVPR 2019) have it, whatever their tables say.
    Returns:
        (..., T - 2); NaN where one of the three frames is missing. Fewer than three frames have none.
    """
    check_shapes(joints=(joints, "... T J 3"))
    return _length_mm(_second_difference(joints), valid, frame_rate_hz)


def acceleration_error_mm(
    predicted: Tensor, target: Tensor, valid: Tensor | None = None, frame_rate_hz: float | None = None
) -> Tensor:
    """Mean length of the difference between predicted and true acceleration at every inner frame.

    Arguments and units as in `acceleration_mm`. Joints are put at their root before, where the root's motion shall not
    count, as in VIBE.
    """
    check_shapes(predicted=(predicted, "... T J 3"), target=(target, "... T J 3"))
    return _length_mm(_second_difference(predicted) - _second_difference(target), valid, frame_rate_hz)


def _second_difference(joints: Tensor) -> Tensor:
    return joints[..., :-2, :, :] - 2 * joints[..., 1:-1, :, :] + joints[..., 2:, :, :]


def _length_mm(change: Tensor, valid: Tensor | None, frame_rate_hz: float | None) -> Tensor:
    length = 1000 * (frame_rate_hz or 1.0) ** 2 * change.norm(dim=-1).mean(-1)
    if valid is None:
        return length
    check_shapes(valid=(valid, "... T"))
    seen = valid[..., :-2] & valid[..., 1:-1] & valid[..., 2:]
    return torch.where(seen, length, torch.nan)
