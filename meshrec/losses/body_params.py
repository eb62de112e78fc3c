"""Losses on the parameters of bodies and on their cameras, as HMR (CVPR 2018) and SPIN (ICCV 2019) weigh them.

SPIN's total is ``60 (5 joint_loss_2d + 5 squared_joint_loss_3d + rotation_loss + 0.001 betas_loss + camera_prior)``.
HMR takes one mean over 216 rotation entries and 10 coefficients and halves it, so its ``60 * 0.5 * mean`` is
``28.7 rotation_loss + 1.33 betas_loss``; beside it stand ``60 joint_loss_2d_l1`` and ``30 squared_joint_loss_3d``.
"""

from __future__ import annotations

from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.losses.reduce import valid_mean
from meshrec.structures import BodyParams, WeakPerspectiveCamera

_CAMERA_STEEPNESS = 10.0  # SPIN's; a scale of 0.9, a person who fills the crop, costs 1.5e-8


def rotation_loss(params: BodyParams, target: BodyParams, valid: Tensor) -> Tensor:
    """Squared difference of rotation matrices, the root's among them, mean over all entries (SPIN's pose loss).

    The squares of one matrix' nine entries sum to ``4 (1 - cos angle)`` of the rotation between the two.

    Args:
        params, target: of B bodies.
        valid: (B,) which samples have parameters.
    """
    check_shapes(body_pose=(params.body_pose, "B J 3 3"), target=(target.body_pose, "B J 3 3"), valid=(valid, "B"))
    root = (params.global_orient - target.global_orient).square()[:, None]
    body = (params.body_pose - target.body_pose).square()
    joints = body.shape[1]
    return (valid_mean(root, valid) + joints * valid_mean(body, valid)) / (joints + 1)


def betas_loss(params: BodyParams, target: BodyParams, valid: Tensor) -> Tensor:
    """Squared difference of the shape coefficients (SPIN's betas loss).

    Args:
        params, target: of B bodies.
        valid: (B,) which samples have parameters.
    """
    check_shapes(betas=(params.betas, "B S"), target=(target.betas, "B S"), valid=(valid, "B"))
    return valid_mean((params.betas - target.betas).square(), valid)


def camera_prior(camera: WeakPerspectiveCamera) -> Tensor:
    """Keeps scales positive: mean of ``exp(-10 s)`` squared (SPIN); reprojection alone may turn a person inside out."""
    return (-_CAMERA_STEEPNESS * camera.scale).exp().square().mean()
