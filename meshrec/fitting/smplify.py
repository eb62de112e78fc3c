"""Bodies fitted to joints in images: where they stand and face first, then pose and shape.

The energy is SMPLify's (Bogo et al., "Keep it SMPL", ECCV 2016; in batches in SPIN, Kolotouros et al., ICCV 2019):
robust distances of the projected joints, a mixture of Gaussians over poses, joints that bend one way, common shapes,
and limbs that stay out of the body. It is a sum of squares, so Levenberg-Marquardt with written-out derivatives of a
few points of the body minimises it in some fifteen iterations instead of a few hundred of a gradient method.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor

from meshrec.body import BodyModel
from meshrec.body.pose_prior import PosePrior
from meshrec.fitting.evidence import Evidence
from meshrec.fitting.fits import FitQuality, Fits
from meshrec.fitting.levenberg_marquardt import total_energy
from meshrec.fitting.objective import Objective
from meshrec.fitting.options import FitOptions
from meshrec.fitting.stages import continue_from, look_at_pictures, search
from meshrec.fitting.state import BodyState
from meshrec.structures import BodyParams, JointSet
from meshrec.uv import PartCharts, UvAtlas

__all__ = ["FitOptions", "JointFitter", "fit_to_joints"]


def fit_to_joints(
    evidence: Evidence,
    body: BodyModel,
    prior: PosePrior,
    options: FitOptions = FitOptions(),
    start: Fits | None = None,
    *,
    atlas: UvAtlas | None = None,
    charts: PartCharts | None = None,
) -> Fits:
    """Fit bodies to the joints of B people, and to masks, parts and IUV where there are any.

    Args:
        evidence: joints with confidences, and cameras.
        body: the body to pose.
        prior: of poses.
        options: terms and search.
        start: fits of the same people to begin with. It spares the search for orientation and pose: only the last
            ``options.iterations`` are done, with the evidence's cameras.
        atlas: of the body, for evidence with IUV.
        charts: of the body, for evidence with parts.
    Returns:
        The fits, in the order of the evidence. A person of whom no joint is known gets a likely pose at a likely place
        and a ``reprojection_px`` of infinity.
    Raises:
        InvalidInput: the body has none of the joints, or what IUV and parts need is missing.
        CheckpointMismatch: atlas or charts belong to another body.
        ValueError: sizes do not fit each other.
    """
    return JointFitter(body, prior, evidence.joint_set, options, atlas=atlas, charts=charts)(evidence, start)


class JointFitter:
    """Fits a body to many batches of joints of one set; see `fit_to_joints`.

    Args:
        body, prior, options, atlas, charts: as there.
        joint_set: of the evidence that will come.
    """

    def __init__(
        self,
        body: BodyModel,
        prior: PosePrior,
        joint_set: JointSet,
        options: FitOptions = FitOptions(),
        *,
        atlas: UvAtlas | None = None,
        charts: PartCharts | None = None,
    ) -> None:
        self.prior, self.options = prior, options
        self._objective = Objective(body, prior, joint_set, options, atlas, charts)

    def __call__(self, evidence: Evidence, start: Fits | None = None) -> Fits:
        """Fits of the people; see `fit_to_joints`."""
        if start is not None and len(start) != len(evidence):
            raise ValueError(f"start must hold a fit for each of the {len(evidence)} people, got {len(start)}.")
        step = self.options.people_at_once
        batches = [slice(first, first + step) for first in range(0, max(len(evidence), 1), step)]
        with _exactly(evidence.joints_px.device):
            usable = self._usable(evidence)
            return Fits.together([self._fit(usable[some], None if start is None else start[some]) for some in batches])

    def assess(self, evidence: Evidence, params: BodyParams, translation: Tensor) -> FitQuality:
        """How well any bodies explain the evidence, by the same measures as fits.

        Args:
            params: of B bodies; shape coefficients beyond ``options.betas`` count as zero.
            translation: (B, 3) of their origins, camera axes, metres.
        """
        with _exactly(evidence.joints_px.device):
            return self._assess(self._usable(evidence), self._state(params, translation))

    def _usable(self, evidence: Evidence) -> Evidence:
        # Tensors made in inference mode are of no use to terms that differentiate automatically.
        evidence = evidence.to(evidence.joints_px.dtype, copy=True) if evidence.joints_px.is_inference() else evidence
        return self._objective.usable(evidence)

    def _fit(self, evidence: Evidence, start: Fits | None) -> Fits:
        if start is None:
            state = search(self._objective, self.prior, evidence)
        else:
            state = continue_from(self._objective, evidence, self._state(start.params, start.translation))
        state = look_at_pictures(self._objective, evidence, state)
        return Fits(state.params, state.translation, evidence.camera, self._assess(evidence, state))

    def _state(self, params: BodyParams, translation: Tensor) -> BodyState:
        """Bodies with as many shape coefficients as are fitted."""
        betas = params.betas[:, : self._objective.betas]
        betas = F.pad(betas, (0, self._objective.betas - betas.shape[1]))
        params = BodyParams(betas, params.global_orient.clone(), params.body_pose.clone())
        return BodyState(params, translation.clone())

    def _assess(self, evidence: Evidence, state: BodyState) -> FitQuality:
        objective, weight = self._objective, evidence.confidence
        distance_px = objective.reprojection(evidence).distances_px(state)
        mean_px = (weight * distance_px).sum(1) / weight.sum(1)
        mean_px = torch.where(weight.sum(1) > 0, mean_px, torch.inf)
        return FitQuality(
            reprojection_px=mean_px,
            reprojection_share=mean_px / evidence.person_px,
            joints_used=(weight > 0).sum(1),
            prior_energy=self.prior.energy(state.params.body_pose),
            energy=total_energy(objective.for_bodies(evidence), state),
        )


@contextmanager
def _exactly(device: torch.device) -> Iterator[None]:
    """Without recording gradients, and in full precision whatever the training around it does."""
    with torch.inference_mode(False), torch.no_grad(), torch.autocast(device.type, enabled=False):
        yield
