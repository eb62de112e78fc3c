"""What one training step of an HMR computes: SPIN's and HMR's losses, with fits in place of unknown parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import functional_call

from meshrec import losses
from meshrec.body import BodyModel
from meshrec.body.regressors import NamedJoints
from meshrec.data.synthetic.dice import Dice
from meshrec.data.synthetic.poses import PoseSampler
from meshrec.engine.fits_in_the_loop import FitsInTheLoop
from meshrec.engine.stages import HmrStage
from meshrec.errors import InvalidInput
from meshrec.geometry.projection import project_weak_perspective
from meshrec.losses.reduce import valid_mean
from meshrec.models.hmr import Hmr, HmrOutput
from meshrec.structures import BODY30, BodyParams, TrainingBatch

_HIPS = (BODY30.index("left_hip"), BODY30.index("right_hip"))
# Cameras closer than this, in 1 / metres and metres, are compared by squares.
_CAMERA_LOSS_KNEE = 0.1


@dataclass(frozen=True)
class HmrStep:
    """What the net made of a batch.

    Attributes:
        batch: the targets; fits have taken the place of unknown parameters where there are good ones.
        output: estimates of all of the net's steps.
        vertices, joints: of the last of them, (B, V, 3) and (B, 30, 3) metres.
        joints_ndc: (B, 30, 2) where they are seen in the crop.
        recorded: as many bodies in recorded poses, of random shapes, for a discriminator that learns.
    """

    batch: TrainingBatch
    output: HmrOutput
    vertices: Tensor
    joints: Tensor
    joints_ndc: Tensor
    recorded: BodyParams | None = None


class HmrTask:
    """Losses of HMR in all of its forms.

    Args:
        body: on the device of the batches and the net.
        poses: recorded poses, which the discriminator is to tell from the net's; on the same device.
        fits: SPIN's loop; None leaves people without parameters to their joints.
        shape_deviation: standard deviation of the shape coefficients of recorded bodies.
    """

    def __init__(
        self, body: BodyModel, poses: PoseSampler, fits: FitsInTheLoop | None = None, shape_deviation: float = 1.0
    ) -> None:
        self.body, self.poses, self.fits, self.shape_deviation = body, poses, fits, shape_deviation
        self.named_joints = NamedJoints(body, BODY30)

    def losses(self, model: Hmr, batch: TrainingBatch, stage: HmrStage, seed: int) -> dict[str, Tensor]:
        """The losses that the stage names.

        Raises:
            InvalidInput: the stage names a loss that does not exist, or one of a discriminator that is not there.
        """
        if unknown := set(stage.losses) - set(LOSSES):
            raise InvalidInput(f"There is no loss {sorted(unknown)[0]!r}; there are {', '.join(sorted(LOSSES))}.")
        if "backbone" not in stage.nets:
            model.backbone.eval()  # training moves batch statistics even where no weight learns
        output = model(batch.images)
        # Rotations and positions in single precision: half of it moves a hand by millimetres.
        with torch.autocast(batch.images.device.type, enabled=False):
            if self.fits is not None:
                batch = self.fits.teach(batch, output.params)
            step = self._posed(batch, output, Dice(seed, batch.images.device), "discriminator" in stage.losses)
            return {name: LOSSES[name](model, step) for name in stage.losses}

    def _posed(self, batch: TrainingBatch, output: HmrOutput, dice: Dice, recorded: bool) -> HmrStep:
        posed = self.body(output.params)
        joints = self.named_joints(posed)
        joints_ndc = project_weak_perspective(joints, output.camera.scale, output.camera.translation)
        recorded = self._recorded(len(batch), dice) if recorded else None
        return HmrStep(batch, output, posed.vertices, joints, joints_ndc, recorded)

    def _recorded(self, count: int, dice: Dice) -> BodyParams:
        pose = self.poses.as_recorded(count, dice)
        return BodyParams(self.shape_deviation * dice.normal(count, 10), torch.zeros_like(pose[:, 0]), pose)


def _joints_3d(model: Hmr, step: HmrStep) -> Tensor:
    batch = step.batch
    return losses.squared_joint_loss_3d(step.joints, batch.joints, batch.joint_confidence_3d, _HIPS)


def _joints_3d_l1(model: Hmr, step: HmrStep) -> Tensor:
    return losses.joint_loss_3d(step.joints, step.batch.joints, step.batch.joint_confidence_3d, _HIPS)


def _joints_2d(model: Hmr, step: HmrStep) -> Tensor:
    return losses.joint_loss_2d(step.joints_ndc, step.batch.joints_ndc, step.batch.joint_confidence)


def _joints_2d_l1(model: Hmr, step: HmrStep) -> Tensor:
    return losses.joint_loss_2d_l1(step.joints_ndc, step.batch.joints_ndc, step.batch.joint_confidence)


def _joints_2d_robust(model: Hmr, step: HmrStep) -> Tensor:
    return losses.robust_joint_loss_2d(step.joints_ndc, step.batch.joints_ndc, step.batch.joint_confidence)


def _rotations(model: Hmr, step: HmrStep) -> Tensor:
    return losses.rotation_loss(step.output.params, step.batch.params, step.batch.has_params)


def _betas(model: Hmr, step: HmrStep) -> Tensor:
    return losses.betas_loss(step.output.params, step.batch.params, step.batch.has_params)


def _vertices(model: Hmr, step: HmrStep) -> Tensor:
    return losses.vertex_loss(step.vertices, step.batch.vertices, step.batch.has_mesh)


def _camera(model: Hmr, step: HmrStep) -> Tensor:
    found = step.output.camera.to_vector()
    difference = torch.nn.functional.smooth_l1_loss(found, step.batch.camera, reduction="none", beta=_CAMERA_LOSS_KNEE)
    return valid_mean(difference, step.batch.has_mesh)


def _camera_prior(model: Hmr, step: HmrStep) -> Tensor:
    return losses.camera_prior(step.output.camera)


def _adversarial(model: Hmr, step: HmrStep) -> Tensor:
    """Moves the net only."""
    fixed = {name: value.detach() for name, value in _discriminator_of(model).named_parameters()}
    return losses.adversarial_loss(functional_call(model.discriminator, fixed, (step.output.every_params,)))


def _discriminator(model: Hmr, step: HmrStep) -> Tensor:
    """Moves the discriminator only."""
    judge, claimed = _discriminator_of(model), step.output.every_params
    claimed = BodyParams(claimed.betas.detach(), claimed.global_orient.detach(), claimed.body_pose.detach())
    return losses.discriminator_loss(judge(step.recorded), judge(claimed))


def _discriminator_of(model: Hmr) -> torch.nn.Module:
    if getattr(model, "discriminator", None) is None:
        raise InvalidInput("Adversarial losses need a discriminator: set model.discriminator.")
    return model.discriminator


LOSSES: dict[str, Callable[[Hmr, HmrStep], Tensor]] = {
    "joints_2d": _joints_2d,
    "joints_2d_l1": _joints_2d_l1,
    "joints_2d_robust": _joints_2d_robust,
    "joints_3d": _joints_3d,
    "joints_3d_l1": _joints_3d_l1,
    "rotations": _rotations,
    "betas": _betas,
    "vertices": _vertices,
    "camera": _camera,
    "camera_prior": _camera_prior,
    "adversarial": _adversarial,
    "discriminator": _discriminator,
}
