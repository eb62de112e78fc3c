"""Parameters of bodies seen in turned camera axes, or in a mirror: what cropping does to a person does to them too."""

from __future__ import annotations

import torch
from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.structures.body import BodyParams
from meshrec.structures.joints import SMPL24

_MIRROR_X = torch.diag(torch.tensor([-1.0, 1.0, 1.0]))


def turn_params(params: BodyParams, turn_cam: Tensor) -> BodyParams:
    """Parameters of the turned and, where the turn is a reflection, mirrored bodies.

    A mirrored body is posed by the mirrored rotations of the opposite joints, because rest bodies are symmetric. The
    transposed turns undo it: ``turn_params(turn_params(params, turns), turns.mT)`` are the same parameters.

    Args:
        turn_cam: (B, 3, 3) orthogonal, what becomes of points in camera axes, for example ``CropView.turn_cam``.
    Raises:
        ValueError: a body without SMPL's joints shall be mirrored.
    """
    check_shapes(turn_cam=(turn_cam, "B 3 3"), betas=(params.betas, "B S"))
    mirror = torch.linalg.det(turn_cam) < 0
    orient = turn_cam @ params.global_orient
    if not mirror.any():
        return BodyParams(params.betas, orient, params.body_pose)
    if (joints := params.body_pose.shape[1] + 1) != len(SMPL24):
        raise ValueError(f"Only bodies with the {len(SMPL24)} joints of SMPL can be mirrored, got {joints}.")
    opposite = [index - 1 for index in SMPL24.mirror[1:]]
    flip = _MIRROR_X.to(orient)
    pose = torch.where(mirror[:, None, None, None], flip @ params.body_pose[:, opposite] @ flip, params.body_pose)
    return BodyParams(params.betas, torch.where(mirror[:, None, None], orient @ flip, orient), pose)
