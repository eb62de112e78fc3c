"""Losses on joints: in the image, in space, and as heatmaps.

The names in brackets are those of the trainer that the authors of DecoMR (CVPR 2020) released.
"""

from __future__ import annotations

import torch
from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.losses.reduce import valid_mean


def joint_loss_2d(joints_ndc: Tensor, target_ndc: Tensor, confidence: Tensor) -> Tensor:
    """Squared error in crop units, weighted by confidence (DecoMR's key2D, weight 1).

    Mean over the known coordinates; the released code divides by all of them.

    Args:
        joints_ndc: (B, J, 2), -1 to 1 between the crop's edges.
        target_ndc: (B, J, 2).
        confidence: (B, J), 0 where unknown.
    """
    check_shapes(joints_ndc=(joints_ndc, "B J 2"), target_ndc=(target_ndc, "B J 2"), confidence=(confidence, "B J"))
    return valid_mean((joints_ndc - target_ndc).square(), confidence)


def joint_loss_2d_l1(joints_ndc: Tensor, target_ndc: Tensor, confidence: Tensor) -> Tensor:
    """Absolute error in crop units, weighted by confidence (HMR's reprojection loss, weight 60).

    Args:
        joints_ndc: (B, J, 2), -1 to 1 between the crop's edges.
        target_ndc: (B, J, 2).
        confidence: (B, J), 0 where unknown.
    """
    check_shapes(joints_ndc=(joints_ndc, "B J 2"), target_ndc=(target_ndc, "B J 2"), confidence=(confidence, "B J"))
    return valid_mean((joints_ndc - target_ndc).abs(), confidence)


def robust_joint_loss_2d(joints_ndc: Tensor, target_ndc: Tensor, confidence: Tensor, sigma: float = 0.3) -> Tensor:
    """Geman-McClure on the distance in crop units, for labels that may be wrong (SMPLify, ECCV 2016).

    Near zero it equals the squared distance; far away it approaches ``sigma ** 2`` and the gradient vanishes.

    Args:
        joints_ndc: (B, J, 2).
        target_ndc: (B, J, 2).
        confidence: (B, J), 0 where unknown.
        sigma: distance, in crop units, at which half of the limit is reached.
    """
    check_shapes(joints_ndc=(joints_ndc, "B J 2"), target_ndc=(target_ndc, "B J 2"), confidence=(confidence, "B J"))
    squared = (joints_ndc - target_ndc).square().sum(dim=-1)
    return valid_mean(squared * sigma**2 / (squared + sigma**2), confidence)


def joint_loss_3d(joints: Tensor, target: Tensor, confidence: Tensor, hips: tuple[int, int]) -> Tensor:
    """L1 in metres after both sides are centred between the hips, weighted by confidence (DecoMR's key3D, weight 1).

    Args:
        joints: (B, J, 3).
        target: (B, J, 3).
        confidence: (B, J), 0 where unknown; bodies whose hips are unknown must be 0 throughout.
        hips: indices of the two hips.
    """
    return valid_mean(_error_from_hips(joints, target, confidence, hips).abs(), confidence)


def squared_joint_loss_3d(joints: Tensor, target: Tensor, confidence: Tensor, hips: tuple[int, int]) -> Tensor:
    """The same with squared error, square metres (SPIN's 3D keypoints, and twice those of HMR).

    Args:
        joints, target, confidence, hips: as for `joint_loss_3d`.
    """
    return valid_mean(_error_from_hips(joints, target, confidence, hips).square(), confidence)


def _error_from_hips(joints: Tensor, target: Tensor, confidence: Tensor, hips: tuple[int, int]) -> Tensor:
    """(B, J, 3) metres, after both sides are centred between the hips."""
    check_shapes(joints=(joints, "B J 3"), target=(target, "B J 3"), confidence=(confidence, "B J"))
    centred, goal = (points - points[:, hips].mean(dim=1, keepdim=True) for points in (joints, target))
    return centred - goal


def heatmap_loss(heatmaps: Tensor, target_ndc: Tensor, confidence: Tensor, sigma_cells: float = 1.0) -> Tensor:
    """Cross-entropy between the softmax over pixels and a Gaussian around the joint, less the Gaussian's own entropy.

    Zero for the perfect map. Joints outside the crop do not count.

    Args:
        heatmaps: (B, J, h, w) logits.
        target_ndc: (B, J, 2), -1 to 1 between the crop's edges.
        confidence: (B, J), 0 where unknown.
        sigma_cells: width of the Gaussian in pixels of the heatmap.
    """
    check_shapes(heatmaps=(heatmaps, "B J h w"), target_ndc=(target_ndc, "B J 2"), confidence=(confidence, "B J"))
    height, width = heatmaps.shape[-2:]
    inside = (target_ndc.abs() <= 1.0).all(dim=-1)
    place = torch.where(inside[..., None], target_ndc, torch.zeros_like(target_ndc)).float()
    log_x = _log_gaussian(place[..., 0], width, sigma_cells)
    log_y = _log_gaussian(place[..., 1], height, sigma_cells)
    log_target = (log_y[..., :, None] + log_x[..., None, :]).flatten(2)
    log_predicted = heatmaps.float().flatten(2).log_softmax(dim=-1)
    divergence = (log_target.exp() * (log_target - log_predicted)).sum(dim=-1)
    return valid_mean(divergence, confidence * inside)


def _log_gaussian(place: Tensor, cells: int, sigma: float) -> Tensor:
    """Log of a normalised Gaussian over ``cells`` pixel centres; place (B, J) in [-1, 1] -> (B, J, cells)."""
    centres = (torch.arange(cells, device=place.device) + 0.5) * (2 / cells) - 1
    deviation = (centres - place[..., None]) * (cells / 2 / sigma)
    return (-0.5 * deviation.square()).log_softmax(dim=-1)
