"""Alignment of point sets: by their root joints, or by the best similarity transform (Procrustes)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec.checks import check_shapes


@dataclass(frozen=True)
class Similarity:
    """Similarity transforms `p -> scale * R p + translation`.

    Attributes:
        scale: (...) not negative.
        rotation: (..., 3, 3) rotations.
        translation: (..., 3) in the units of the target.
    """

    scale: Tensor
    rotation: Tensor
    translation: Tensor

    def apply(self, points: Tensor) -> Tensor:
        """The transformed points, (..., N, 3) -> (..., N, 3)."""
        check_shapes(points=(points, "... N 3"))
        return self.scale[..., None, None] * (points @ self.rotation.mT) + self.translation[..., None, :]


def procrustes(source: Tensor, target: Tensor, weights: Tensor | None = None, with_scale: bool = True) -> Similarity:
    """Similarity that brings `source` closest to `target` in the weighted least-squares sense, never a reflection.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns", PAMI 1991. Points in a
    plane or on a line are fine; a rotation that they leave open is chosen freely and passes no gradient. Coinciding
    source points give scale one.

    Args:
        source, target: (..., N, 3) corresponding points.
        weights: (..., N) non-negative, or None for equal weights. Points of weight zero may hold anything finite.
        with_scale: False keeps the scale at one.
    Returns:
        The similarity; `procrustes(a, b).apply(a)` is the aligned source.
    """
    check_shapes(source=(source, "... N 3"), target=(target, "... N 3"))
    weights = torch.ones_like(source[..., 0]) if weights is None else weights
    check_shapes(source=(source, "... N 3"), weights=(weights, "... N"))
    tiny = torch.finfo(source.dtype).tiny
    share = (weights / weights.sum(-1, keepdim=True).clamp(min=tiny))[..., None]
    source_mean, target_mean = (share * source).sum(-2), (share * target).sum(-2)
    source_spread = source - source_mean[..., None, :]
    covariance = (share * (target - target_mean[..., None, :])).mT @ source_spread
    rotation = nearest_rotation(covariance)
    scale = torch.ones_like(source_mean[..., 0])
    if with_scale:
        variance = (share * source_spread.square()).sum((-2, -1))
        fitted = (rotation * covariance).sum((-2, -1)) / variance.clamp(min=tiny)
        scale = torch.where(variance > tiny, fitted, scale)
    moved_mean = scale[..., None] * (rotation @ source_mean[..., None]).squeeze(-1)
    return Similarity(scale, rotation, target_mean - moved_mean)


def nearest_rotation(matrix: Tensor) -> Tensor:
    """Rotation closest to a matrix in the Frobenius norm, by its singular values.

    Its derivative is written out, because that of the singular vectors is infinite where singular values coincide
    although the rotation is smooth there. Directions in which the rotation is undetermined get no gradient. First
    derivatives only.

    Args:
        matrix: (..., 3, 3) finite.
    Returns:
        (..., 3, 3) rotations.
    """
    check_shapes(matrix=(matrix, "... 3 3"))
    left, values, right_transposed = torch.linalg.svd(matrix.detach())
    handedness = torch.linalg.det(left @ right_transposed).sign()
    signs = torch.stack([torch.ones_like(handedness), torch.ones_like(handedness), handedness], -1)
    right, values = right_transposed.mT * signs[..., None, :], values * signs
    rotation = left @ right.mT
    if not matrix.requires_grad:
        return rotation
    # With M = R P and P symmetric, dR = U X V^T with X_ij = (A - A^T)_ij / (s_i + s_j) and A = U^T dM V.
    # The value of dM is zero here, only its gradient matters.
    change = left.mT @ (matrix - matrix.detach()) @ right
    sums = values[..., :, None] + values[..., None, :]
    determined = sums > 10 * torch.finfo(matrix.dtype).eps * values[..., :1, None]
    turn = (change - change.mT) / torch.where(determined, sums, torch.ones_like(sums)) * determined
    return rotation + left @ turn @ right.mT


def align_roots(source: Tensor, target: Tensor, root: Sequence[int]) -> Tensor:
    """Source points moved so that the mean of their root joints meets the target's.

    Args:
        source, target: (..., J, 3) corresponding joints.
        root: indices of the joints whose mean is the root, such as one pelvis or two hips.
    Returns:
        (..., J, 3) moved source.
    """
    check_shapes(source=(source, "... J 3"), target=(target, "... J 3"))
    root = list(root)
    return source + (target[..., root, :].mean(-2, keepdim=True) - source[..., root, :].mean(-2, keepdim=True))
