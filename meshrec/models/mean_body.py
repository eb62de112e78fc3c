"""Where an iterative regressor starts: mean pose of recorded motion, mean shape, a camera that fits the crop."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.geometry.rotations import axis_angle_to_matrix, matrix_to_rotation_6d
from meshrec.structures import SMPL24

# Axis-angle of each joint relative to its parent, radians: the chordal mean over the 45,533 frames of the training
# clips by CMU in our motion pack (free for all uses) and their mirror images, to two digits. Joints that are not
# listed are straight; the right side mirrors the left one.
_MEAN_POSE_RAD = {
    "left_hip": (-0.40, 0.04, 0.05),
    "left_knee": (0.71, -0.01, 0.00),
    "left_ankle": (-0.18, 0.09, 0.02),
    "left_foot": (0.01, 0.00, 0.00),
    "spine1": (0.12, 0.00, 0.00),
    "spine2": (0.01, 0.00, 0.00),
    "spine3": (-0.05, 0.00, 0.00),
    "neck": (0.06, 0.00, 0.00),
    "head": (-0.03, 0.00, 0.00),
    "left_shoulder": (0.21, -0.56, -1.05),
    "left_elbow": (-0.06, -0.92, 0.52),
    "left_wrist": (-0.06, 0.03, 0.09),
}
_CAMERA = (0.9, 0.0, 0.0)  # HMR's: a person of 1.9 m spans 0.86 of the crop


@dataclass(frozen=True)
class MeanBody:
    """Parameters of the body that is predicted where nothing is seen.

    Attributes:
        pose: (J, 3, 2) first two columns of every joint's rotation, the root's first.
        betas: (S,).
        camera: (3,) weak perspective s, tx, ty.
    """

    pose: Tensor
    betas: Tensor
    camera: Tensor

    def __post_init__(self) -> None:
        check_shapes(pose=(self.pose, "J 3 2"), betas=(self.betas, "S"), camera=(self.camera, "3"))

    @classmethod
    def of_motion(cls, betas: int = 10) -> MeanBody:
        """The mean pose of recorded motion, upright in front of the camera; mean shape."""
        rotations = axis_angle_to_matrix(torch.tensor([_joint_rad(name) for name in SMPL24.names]))
        rotations[0] = torch.diag(torch.tensor([1.0, -1.0, -1.0]))  # facing the camera
        return cls(matrix_to_rotation_6d(rotations), torch.zeros(betas), torch.tensor(_CAMERA))


def _joint_rad(name: str) -> tuple[float, float, float]:
    """A mirror across x = 0 turns a rotation's axis, but not its x."""
    if name.startswith("right_"):
        x, y, z = _joint_rad(name.replace("right_", "left_"))
        return x, -y, -z
    return _MEAN_POSE_RAD.get(name, (0.0, 0.0, 0.0))
