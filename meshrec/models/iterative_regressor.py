"""Body parameters from image features by repeated correction: the regressor of HMR (CVPR 2018) and SPIN (ICCV 2019)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from meshrec.checks import check_shapes
from meshrec.geometry.rotations import rotation_6d_to_matrix
from meshrec.models.mean_body import MeanBody
from meshrec.structures import BodyParams, WeakPerspectiveCamera

_SMALL_START = 0.01  # gain of the last layers (SPIN), so that training starts from the mean body


@dataclass(frozen=True)
class BodyEstimate:
    """What is believed of the people in a batch of crops.

    Attributes:
        params: their shape and pose, in camera axes.
        camera: weak perspective of the crops.
    """

    params: BodyParams
    camera: WeakPerspectiveCamera


class IterativeRegressor(nn.Module):
    """Starts from the mean body, and several times reads features and estimate together to correct the estimate.

    HMR has ReLUs after the two hidden layers and learns its mean, SPIN has neither; weights of the one give nonsense in
    the other. Rotations are regressed as pairs of columns (SPIN), which have no jumps, instead of HMR's axis-angle. The
    pair is corrected as it is; only what is given back is made a rotation.

    Args:
        features: length of the feature vector.
        joints: of the kinematic tree, with the root.
        betas: number of shape coefficients.
        width: of the two hidden layers.
        steps: corrections, all by the same layers.
        relu: HMR's form; False is SPIN's.
        mean: the first estimate; by default that of recorded motion.
        learn_mean: whether training moves the first estimate (HMR).
        dropout: share of the hidden values that training leaves out.
    Raises:
        ValueError: the mean is of another number of joints or betas.
    """

    mean_pose: Tensor
    mean_betas: Tensor
    mean_camera: Tensor

    def __init__(
        self,
        features: int,
        joints: int = 24,
        betas: int = 10,
        width: int = 1024,
        steps: int = 3,
        *,
        relu: bool,
        mean: MeanBody | None = None,
        learn_mean: bool = False,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        mean = MeanBody.of_motion(betas) if mean is None else mean
        check_shapes(mean_pose=(mean.pose, f"{joints} 3 2"), mean_betas=(mean.betas, f"{betas}"))
        self.features, self.steps, self.relu, self.dropout = features, steps, relu, dropout
        self.fc1 = nn.Linear(features + 6 * joints + betas + 3, width)
        self.fc2 = nn.Linear(width, width)
        self.pose_head, self.betas_head, self.camera_head = (nn.Linear(width, size) for size in (6 * joints, betas, 3))
        for head in (self.pose_head, self.betas_head, self.camera_head):
            nn.init.xavier_uniform_(head.weight, gain=_SMALL_START)
            nn.init.zeros_(head.bias)
        for name, value in (("mean_pose", mean.pose), ("mean_betas", mean.betas), ("mean_camera", mean.camera)):
            if learn_mean:
                self.register_parameter(name, nn.Parameter(value.float().clone()))
            else:
                self.register_buffer(name, value.float().clone())

    def forward(self, features: Tensor) -> tuple[BodyEstimate, ...]:
        """The estimate after every step, the best one last.

        Args:
            features: (B, F), as many as the constructor was told.
        """
        check_shapes(features=(features, f"B {self.features}"))
        pose, betas, camera = (
            mean.expand(len(features), *mean.shape) for mean in (self.mean_pose, self.mean_betas, self.mean_camera)
        )
        estimates = []
        for _ in range(self.steps):
            hidden = self._hidden(torch.cat([features, pose.flatten(1), betas, camera], dim=1))
            # In single precision: half of it moves a hand by millimetres, and the steps add up.
            pose = pose + self.pose_head(hidden).float().view_as(pose)
            betas = betas + self.betas_head(hidden).float()
            camera = camera + self.camera_head(hidden).float()
            estimates.append(_as_estimate(pose, betas, camera))
        return tuple(estimates)

    def _hidden(self, x: Tensor) -> Tensor:
        for layer in (self.fc1, self.fc2):
            x = layer(x)
            x = F.dropout(F.relu(x) if self.relu else x, self.dropout, self.training)
        return x


def _as_estimate(pose: Tensor, betas: Tensor, camera: Tensor) -> BodyEstimate:
    rotations = rotation_6d_to_matrix(pose)
    return BodyEstimate(BodyParams(betas, rotations[:, 0], rotations[:, 1:]), WeakPerspectiveCamera.from_vector(camera))
