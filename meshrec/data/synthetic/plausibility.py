"""Which made-up poses push a limb through the body."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from meshrec.geometry.skinning import kinematic_chain
from meshrec.structures import SMPL24

# Bones as capsules, metres: how thick a medium body is around them, less a finger's breadth of soft tissue.
_CORE = (
    ("pelvis", "spine1", 0.09), ("spine1", "spine2", 0.09), ("spine2", "spine3", 0.09), ("spine3", "neck", 0.08),
    ("neck", "head", 0.06), ("left_hip", "left_knee", 0.055), ("right_hip", "right_knee", 0.055),
)  # fmt: skip
_ARM_POINTS = ("left_elbow", "left_wrist", "left_hand", "right_elbow", "right_wrist", "right_hand")
_KNEES_APART_M, _ANKLES_APART_M = 0.075, 0.06


def pushes_through(pose: Tensor, rest_joints: Tensor, parents: Sequence[int]) -> Tensor:
    """Whether an elbow, wrist or hand lies inside torso, neck or thighs, or the legs inside each other.

    Args:
        pose: (B, 23, 3, 3) rotations of the joints below the root.
        rest_joints: (24, 3) of a medium body, metres; parents: 24 indices.
    Returns:
        (B,) bool.
    """
    root = torch.eye(3, device=pose.device).expand(len(pose), 1, 3, 3)
    joints = kinematic_chain(torch.cat([root, pose], 1), rest_joints.expand(len(pose), -1, -1), parents)[..., 3]
    at = lambda names: joints[:, [SMPL24.index(name) for name in names]]  # noqa: E731
    start, end = at([bone[0] for bone in _CORE]), at([bone[1] for bone in _CORE])
    radius = torch.tensor([bone[2] for bone in _CORE], device=pose.device)
    inside = (_distance(at(_ARM_POINTS), start, end) < radius).flatten(1).any(1)
    apart = lambda left, right: (at([left]) - at([right])).norm(dim=-1)[:, 0]  # noqa: E731
    return (
        inside
        | (apart("left_knee", "right_knee") < _KNEES_APART_M)
        | (apart("left_ankle", "right_ankle") < _ANKLES_APART_M)
    )


def _distance(points: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """(B, P, S) distances of points (B, P, 3) from segments (B, S, 3)."""
    along, offset = (end - start)[:, None], points[:, :, None] - start[:, None]
    share = ((offset * along).sum(-1) / along.square().sum(-1).clamp_min(1e-9)).clamp(0, 1)
    return (offset - share[..., None] * along).norm(dim=-1)
