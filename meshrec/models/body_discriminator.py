"""Tells recorded bodies from predicted ones: HMR's discriminators of each joint, of the whole pose and of the shape."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from meshrec.structures import BodyParams


class BodyDiscriminator(nn.Module):
    """HMR's factorised discriminator (CVPR 2018, section 3.2): it needs few recordings, because its parts see little.

    All joints pass through the same two layers, and then each through a last one of its own. The whole pose is judged
    by the joints' common features. Where a person stands and turns to says nothing about bodies, so the root's rotation
    is not read.

    Args:
        joints: of the kinematic tree, with the root.
        betas: number of shape coefficients.
        joint_width: features of a joint.
        pose_width: of the hidden layers that judge the whole pose.
    """

    def __init__(self, joints: int = 24, betas: int = 10, joint_width: int = 32, pose_width: int = 1024) -> None:
        super().__init__()
        self.of_rotation = _layers(9, joint_width, joint_width)
        self.each_joint = nn.Conv1d((joints - 1) * joint_width, joints - 1, kernel_size=1, groups=joints - 1)
        self.pose = nn.Sequential(_layers((joints - 1) * joint_width, pose_width, pose_width), nn.Linear(pose_width, 1))
        self.shape = nn.Sequential(_layers(betas, 10, 5), nn.Linear(5, 1))

    def forward(self, params: BodyParams) -> Tensor:
        """How real bodies look; trained towards 1 for recorded and 0 for predicted ones (`meshrec.losses`).

        Returns:
            (B, J + 1): the joints but for the root, the whole pose, the shape. 25 values for 24 joints.
        """
        features = self.of_rotation(params.body_pose.flatten(2)).flatten(1)
        joints = self.each_joint(features[..., None])[..., 0]
        return torch.cat([joints, self.pose(features), self.shape(params.betas)], dim=1)


def _layers(*widths: int) -> nn.Sequential:
    """Linear layers, each followed by a ReLU."""
    layers: list[nn.Module] = []
    for a, b in zip(widths[:-1], widths[1:], strict=True):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers)
