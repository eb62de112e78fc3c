"""Errors of 3D joints, in millimetres.

Every function takes `valid`, (B, J), the joints that are labelled; without it all are. A person without enough labelled
joints has the error NaN, so that a mean over people can leave them out.
"""

from __future__ import annotations

import torch
from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.geometry.alignment import procrustes

PCK3D_THRESHOLD_MM = 150.0
# Mehta et al., "Monocular 3D human pose estimation in the wild using improved CNN supervision", 3DV 2017: the area is
# the mean of PCK at 0, 5, ..., 150 mm.
AUC3D_THRESHOLDS_MM = tuple(5.0 * step for step in range(31))
_FEWEST_TO_ALIGN = 3  # two points leave the rotation open


def root_aligned_distances_mm(
    predicted: Tensor, target: Tensor, root: int | tuple[int, ...] = 0, valid: Tensor | None = None
) -> Tensor:
    """Distance of every joint after moving both roots together.

    Args:
        predicted, target: (B, J, 3) metres, same axes.
        root: the joint, or the joints whose mean, is put at the origin.
        valid: (B, J) bool.
    Returns:
        (B, J) millimetres; NaN where the joint, or one of the roots, is not labelled.
    """
    valid = _checked(predicted, target, valid)
    difference = _centred(predicted, root) - _centred(target, root)
    return _known(1000 * difference.norm(dim=-1), valid & valid[:, _as_list(root)].all(1, keepdim=True))


def similarity_aligned_distances_mm(predicted: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Distance of every joint after the best similarity (Procrustes) alignment of each person over its labelled joints.

    Returns:
        (B, J) millimetres; NaN where the joint, or fewer than three joints, are labelled.
    """
    valid = _checked(predicted, target, valid)
    # Unlabelled joints may hold anything, also NaN, which a weight of zero would not remove.
    seen = valid[..., None]
    predicted, target = torch.where(seen, predicted, 0.0), torch.where(seen, target, 0.0)
    aligned = procrustes(predicted, target, valid.to(predicted)).apply(predicted)
    enough = valid.sum(1, keepdim=True) >= _FEWEST_TO_ALIGN
    return _known(1000 * (aligned - target).norm(dim=-1), valid & enough)


def mpjpe_mm(predicted: Tensor, target: Tensor, root: int | tuple[int, ...] = 0, valid: Tensor | None = None) -> Tensor:
    """Mean per-joint position error after moving both roots together, (B,) mm.

    Ionescu et al., "Human3.6M", PAMI 2014; the alignment at the root is protocol 1 of those who followed.
    """
    return root_aligned_distances_mm(predicted, target, root, valid).nanmean(1)


def pa_mpjpe_mm(predicted: Tensor, target: Tensor, valid: Tensor | None = None) -> Tensor:
    """Mean per-joint position error after the best similarity alignment of each person, (B,) mm.

    Protocol 2 of Human3.6M, also called reconstruction error (Bogo et al., "Keep it SMPL", ECCV 2016).
    """
    return similarity_aligned_distances_mm(predicted, target, valid).nanmean(1)


def n_mpjpe_mm(
    predicted: Tensor, target: Tensor, root: int | tuple[int, ...] = 0, valid: Tensor | None = None
) -> Tensor:
    """Mean per-joint position error after moving the roots together and the best scale, (B,) mm.

    Rhodin et al., "Unsupervised geometry-aware representation for 3D human pose estimation", ECCV 2018.
    """
    seen = _checked(predicted, target, valid)[..., None]
    predicted, target = _centred(predicted, root), _centred(target, root)
    product = torch.where(seen, predicted * target, 0.0).sum((1, 2))
    square = torch.where(seen, predicted.square(), 0.0).sum((1, 2))
    scale = torch.where(square > 0, product / square.clamp_min(torch.finfo(square.dtype).tiny), 1.0)
    return mpjpe_mm(scale[:, None, None] * predicted, target, root, valid)


def pck3d(distances_mm: Tensor, threshold_mm: float = PCK3D_THRESHOLD_MM) -> Tensor:
    """Share of joints within a distance: 3D PCK, at 150 mm the MPI-INF-3DHP measure (Mehta et al., 3DV 2017).

    Args:
        distances_mm: (B, J) from one of the functions above; NaN does not count.
    Returns:
        (B,) share from 0 to 1.
    """
    check_shapes(distances_mm=(distances_mm, "B J"))
    return _known((distances_mm <= threshold_mm).to(distances_mm), ~distances_mm.isnan()).nanmean(1)


def auc3d(distances_mm: Tensor, thresholds_mm: tuple[float, ...] = AUC3D_THRESHOLDS_MM) -> Tensor:
    """Mean of the 3D PCK over thresholds from 0 to 150 mm in steps of 5, (B,) from 0 to 1."""
    return torch.stack([pck3d(distances_mm, threshold) for threshold in thresholds_mm]).mean(0)


def _checked(predicted: Tensor, target: Tensor, valid: Tensor | None) -> Tensor:
    valid = torch.ones_like(predicted[..., 0], dtype=torch.bool) if valid is None else valid.bool()
    check_shapes(predicted=(predicted, "B J 3"), target=(target, "B J 3"), valid=(valid, "B J"))
    return valid


def _as_list(root: int | tuple[int, ...]) -> list[int]:
    return [root] if isinstance(root, int) else list(root)


def _centred(joints: Tensor, root: int | tuple[int, ...]) -> Tensor:
    return joints - joints[:, _as_list(root)].mean(1, keepdim=True)


def _known(values: Tensor, known: Tensor) -> Tensor:
    return torch.where(known, values, torch.nan)
