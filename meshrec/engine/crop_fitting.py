"""Bodies fitted to the joints of a batch's crops, from what a net believes of them."""

from __future__ import annotations

import torch
from torch import Tensor

from meshrec.body import BodyModel
from meshrec.body.pose_prior import PosePrior
from meshrec.body.regressors import NamedJoints
from meshrec.fitting.evidence import Evidence
from meshrec.fitting.fits import FitQuality, Fits
from meshrec.fitting.options import FitOptions
from meshrec.fitting.reprojection import CROP_PX, FAR_FOCAL_PX
from meshrec.fitting.smplify import JointFitter
from meshrec.geometry.projection import (
    ndc_to_px,
    project_weak_perspective,
    solve_weak_perspective,
    weak_perspective_to_translation,
)
from meshrec.structures import BODY30, BodyParams, PinholeCamera, TrainingBatch, WeakPerspectiveCamera

JOINTS_FOR_FIT = 6  # fewer do not say how somebody stands


class CropFitter:
    """Fits bodies to crops, and tells how well bodies fit them.

    Args:
        body, prior: on the device of the batches.
        options: of the fitter.
    """

    def __init__(self, body: BodyModel, prior: PosePrior, options: FitOptions) -> None:
        self.body, self.prior = body, prior
        self.named_joints = NamedJoints(body, BODY30)
        self._fitter = JointFitter(body, prior, BODY30, options)

    def fit(self, batch: TrainingBatch, believed: BodyParams) -> BodyParams:
        """Bodies of everybody in a batch, near what is believed of them."""
        size, count = batch.images.shape[-1], len(batch)
        middle = torch.full_like(batch.joints_ndc[:, 0], 0.5 * size)
        camera = PinholeCamera(torch.full_like(middle, FAR_FOCAL_PX / CROP_PX * size), middle, (size, size))
        evidence = Evidence(ndc_to_px(batch.joints_ndc, (size, size)), batch.joint_confidence, BODY30, camera)
        weak = self.camera(batch, self.named_joints(self.body(believed)))
        side = torch.full_like(weak.scale, float(size))
        translation = weak_perspective_to_translation(
            weak.scale, weak.translation, middle, side, camera.focal_px, camera.centre_px
        )
        start = Fits(believed, translation, camera, _unmeasured(count, side))
        return self._fitter(evidence, start).params

    def camera(self, batch: TrainingBatch, joints: Tensor) -> WeakPerspectiveCamera:
        """The cameras that best bring joints (B, 30, 3) to where they are labelled."""
        return WeakPerspectiveCamera(*solve_weak_perspective(joints, batch.joints_ndc, self._weight(batch)))

    def errors(self, batch: TrainingBatch, params: BodyParams) -> Tensor:
        """(B,) mean distance of projected from labelled joints under the best camera, over the crop's side.

        Infinite where there are too few joints to tell.
        """
        joints, weight = self.named_joints(self.body(params)), self._weight(batch)
        camera = self.camera(batch, joints)
        projected = project_weak_perspective(joints, camera.scale, camera.translation)
        distance = 0.5 * (projected - batch.joints_ndc).norm(dim=-1)
        mean = (distance * weight).sum(1) / weight.sum(1).clamp_min(torch.finfo(weight.dtype).tiny)
        return torch.where(self.can_fit(batch), mean, torch.inf)

    def can_fit(self, batch: TrainingBatch) -> Tensor:
        """(B,) bool, who shows enough joints."""
        return (self._weight(batch) > 0).sum(1) >= JOINTS_FOR_FIT

    def _weight(self, batch: TrainingBatch) -> Tensor:
        return batch.joint_confidence * self.named_joints.present


def _unmeasured(count: int, like: Tensor) -> FitQuality:
    infinite = torch.full_like(like, torch.inf)
    return FitQuality(infinite, infinite, torch.zeros(count, dtype=torch.long, device=like.device), infinite, infinite)
