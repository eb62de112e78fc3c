"""What is known of bodies without seeing them: likely poses, joints that bend one way, common shapes, no lean."""

from __future__ import annotations

import torch
from torch import Tensor

from meshrec.body.pose_prior import PosePrior
from meshrec.fitting.normal_equations import NormalEquations
from meshrec.fitting.robust import geman_mcclure
from meshrec.fitting.state import ORIENTATION, BodyState, pose_columns, shape_columns
from meshrec.geometry.rotations import axis_angle_to_matrix
from meshrec.structures import SMPL24

_RARE_LEAN = 3.0  # deviations; bending over or lying towards the camera costs no more than this squared, halved


class PoseTerm:
    """Energy of the pose under the prior's best component.

    Args:
        prior: learnt from recorded motion.
        weight: of its energy.
    """

    def __init__(self, prior: PosePrior, weight: float) -> None:
        self.prior, self.weight = prior, weight

    def energy(self, state: BodyState) -> Tensor:
        """(B,)."""
        return 0.5 * self.weight * self.prior.residuals(state.params.body_pose).square().sum(-1)

    def add_to(self, equations: NormalEquations, state: BodyState) -> None:
        residuals, jacobian = self.prior.linearise(state.params.body_pose)
        factor = self.weight**0.5
        joints = state.params.body_pose.shape[1] + 1
        equations.add(factor * residuals, factor * jacobian, pose_columns(joints))


class HingeTerm:
    """Energy of knees and elbows that bend the wrong way or too far.

    Args:
        prior: it knows their ranges.
        weight: of its energy.
    """

    def __init__(self, prior: PosePrior, weight: float) -> None:
        self.hinges, self.weight = prior.hinges, weight
        self._joints = [SMPL24.index(name) - 1 for name in prior.hinges.names]

    def energy(self, state: BodyState) -> Tensor:
        """(B,)."""
        return self.weight * self.hinges.energy(state.params.body_pose)

    def add_to(self, equations: NormalEquations, state: BodyState) -> None:
        pose = state.params.body_pose
        turn = pose.new_zeros(*pose.shape[:2], 3, requires_grad=True)
        with torch.enable_grad():
            residuals = self.weight**0.5 * self.hinges.residuals(pose @ axis_angle_to_matrix(turn))
            # Every residual depends on a joint of its own, so the gradient of the sum holds all of theirs.
            (slope,) = torch.autograd.grad(residuals.sum(), turn)
        rows = slope.new_zeros(*residuals.shape, *slope.shape[1:])
        rows[:, range(len(self._joints)), self._joints] = slope[:, self._joints]
        equations.add(residuals.detach(), rows.flatten(2), pose_columns(pose.shape[1] + 1))


class ShapeTerm:
    """Half the squared shape coefficients, which are standard deviations.

    Args:
        weight: of its energy.
    """

    def __init__(self, weight: float) -> None:
        self.weight = weight

    def energy(self, state: BodyState) -> Tensor:
        """(B,)."""
        return 0.5 * self.weight * state.params.betas.square().sum(-1)

    def add_to(self, equations: NormalEquations, state: BodyState) -> None:
        betas, factor = state.params.betas, self.weight**0.5
        columns = shape_columns(state.params.body_pose.shape[1] + 1, betas.shape[1])
        equations.add_scaled(factor * betas, factor, columns)


class LeanTerm:
    """People seldom lean towards the camera or away from it, which their joints in the image can hardly tell.

    How they lean within the image is seen well and left alone, so that somebody who lies across it is as likely as
    somebody upright. The energy is half the robust square of the sine of the pelvis' lean over its deviation.

    Args:
        deviation_rad: of the lean, also that of the camera.
    """

    def __init__(self, deviation_rad: float) -> None:
        self._deviation = deviation_rad

    def energy(self, state: BodyState) -> Tensor:
        """(B,)."""
        lean = state.params.global_orient[:, 2, 1] / self._deviation
        return 0.5 * geman_mcclure(lean.square(), _RARE_LEAN)[0]

    def add_to(self, equations: NormalEquations, state: BodyState) -> None:
        orient = state.params.global_orient
        lean = orient[:, 2, 1] / self._deviation
        robust, slope = geman_mcclure(lean.square(), _RARE_LEAN)
        # The body's y axis turns about its x and z axes: d(R y) = R (turn x y).
        jacobian = torch.stack([orient[:, 2, 2], torch.zeros_like(lean), -orient[:, 2, 0]], -1) / self._deviation
        weight = slope.sqrt()[:, None]
        equations.add_curved(0.5 * robust, weight * lean[:, None], (weight * jacobian)[:, None], ORIENTATION)
