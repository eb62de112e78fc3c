"""Bodies fitted to joints in images: where they stand and face first, then pose and shape.

The energy is SMPLify's (Bogo et al., "Keep it SMPL", ECCV 2016; in batches in SPIN, Kolotouros et al., ICCV 2019):
robust distances of the projected joints, a mixture of Gaussians over poses, joints that bend one way, common shapes,
and limbs that stay out of the body. It is a sum of squares, so Levenberg-Marquardt with written-out derivatives of a
few points of the body minimises it in some fifteen iterations instead of a few hundred of a gradient method.
"""

from __future__ import annotations

import torch
from torch import Tensor

from meshrec.body import BodyModel, NamedJoints
from meshrec.body.pose_prior import PosePrior
from meshrec.errors import InvalidInput
from meshrec.fitting.body_terms import HingeTerm, PoseTerm, ShapeTerm
from meshrec.fitting.evidence import Evidence
from meshrec.fitting.fits import FitQuality, Fits
from meshrec.fitting.levenberg_marquardt import Term, minimise, total_energy
from meshrec.fitting.options import FitOptions
from meshrec.fitting.reprojection import ReprojectionTerm
from meshrec.fitting.self_contact import SelfContactTerm
from meshrec.fitting.sparse_body import SparseBody
from meshrec.fitting.starts import best_starts, seen_poses
from meshrec.fitting.state import BodyState
from meshrec.structures import BodyParams, JointSet

__all__ = ["FitOptions", "JointFitter", "fit_to_joints"]


def fit_to_joints(
    evidence: Evidence, body: BodyModel, prior: PosePrior, options: FitOptions = FitOptions(), start: Fits | None = None
) -> Fits:
    """Fit bodies to the joints of B people.

    Args:
        evidence: joints with confidences, and cameras.
        body: the body to pose.
        prior: of poses.
        options: terms and search.
        start: fits of the same people to begin with. It spares the search for orientation and pose: only the last
            ``options.iterations`` are done, with the evidence's cameras.
    Returns:
        The fits, in the order of the evidence. A person of whom no joint is known gets a likely pose at a likely place
        and a ``reprojection_px`` of infinity.
    Raises:
        InvalidInput: the body has none of the joints.
        ValueError: sizes do not fit each other.
    """
    return JointFitter(body, prior, evidence.joint_set, options)(evidence, start)


class JointFitter:
    """Fits a body to many batches of joints of one set; see `fit_to_joints`.

    Args:
        body, prior, options: as there.
        joint_set: of the evidence that will come.
    """

    def __init__(
        self, body: BodyModel, prior: PosePrior, joint_set: JointSet, options: FitOptions = FitOptions()
    ) -> None:
        self.joint_set, self.prior, self.options = joint_set, prior, options
        self._present = NamedJoints(body, joint_set).present
        if not bool(self._present.any()):
            raise InvalidInput(f"The body has none of the joints of {joint_set.name}; give joints that it has.")
        self._betas = min(options.betas, body.beta_count)
        self._points = SparseBody.of_joints(body, joint_set, self._betas)
        self._body_terms: list[Term] = [
            PoseTerm(prior, options.pose_weight),
            HingeTerm(prior, options.hinge_weight),
            ShapeTerm(options.shape_weight),
        ]
        self._contact: list[Term] = []
        if options.contact_weight > 0:
            self._contact = [SelfContactTerm(body, options.contact_weight, betas=self._betas)]

    @torch.no_grad()
    def __call__(self, evidence: Evidence, start: Fits | None = None) -> Fits:
        """Fits of the people; see `fit_to_joints`."""
        evidence = self._usable(evidence)
        if start is None:
            state = self._search(evidence)
        else:
            state = self._started(start, len(evidence))
            state, _ = minimise(self._terms(evidence, contact=True), state, self.options.iterations)
        return Fits(state.params, state.translation, evidence.camera, self._assess(evidence, state))

    @torch.no_grad()
    def assess(self, evidence: Evidence, params: BodyParams, translation: Tensor) -> FitQuality:
        """How well any bodies explain the evidence, by the same measures as fits.

        Args:
            params: of B bodies with no more shape coefficients than the body.
            translation: (B, 3) of their origins, camera axes, metres.
        """
        return self._assess(self._usable(evidence), BodyState(params, translation))

    def _usable(self, evidence: Evidence) -> Evidence:
        """The evidence without joints that the body lacks."""
        if evidence.joint_set.names != self.joint_set.names:
            raise ValueError(
                f"evidence must be of {self.joint_set.name}, which this was made for, got {evidence.joint_set.name}."
            )
        names = tuple(name for name, kept in zip(self.joint_set.names, self._present.tolist(), strict=True) if kept)
        joint_set = JointSet(self.joint_set.name, names)
        return Evidence(
            evidence.joints_px[:, self._present], evidence.confidence[:, self._present], joint_set, evidence.camera
        )

    def _terms(self, evidence: Evidence, contact: bool) -> list[Term]:
        options = self.options
        reprojection = ReprojectionTerm(self._points, evidence, options.noise_px, options.outlier_px)
        return [reprojection, *self._body_terms, *(self._contact if contact else [])]

    def _search(self, evidence: Evidence) -> BodyState:
        """From every side for a few iterations, then the best to the end, and the best of those."""
        options = self.options
        state = best_starts(evidence, seen_poses(self._points, self.prior, options), options)
        people = torch.arange(len(evidence), device=state.translation.device)
        people = people.repeat_interleave(options.start_sides)
        state, energy = minimise(self._terms(evidence[people], contact=False), state, options.search_iterations)
        kept = min(options.kept, options.start_sides)
        best = _lowest(energy, options.start_sides, kept)
        state, people = state[best], people[best]
        state, energy = minimise(self._terms(evidence[people], contact=True), state, options.iterations)
        return state[_lowest(energy, kept, 1)]

    def _started(self, start: Fits, count: int) -> BodyState:
        if len(start) != count:
            raise ValueError(f"start must hold a fit for each of the {count} people, got {len(start)}.")
        betas = start.params.betas[:, : self._betas]
        betas = torch.nn.functional.pad(betas, (0, self._betas - betas.shape[1]))
        return BodyState(BodyParams(betas, start.params.global_orient, start.params.body_pose), start.translation)

    def _assess(self, evidence: Evidence, state: BodyState) -> FitQuality:
        terms = self._terms(evidence, contact=True)
        distance_px = terms[0].distances_px(state)
        weight = evidence.confidence
        mean_px = (weight * distance_px).sum(1) / weight.sum(1)
        mean_px = torch.where(weight.sum(1) > 0, mean_px, torch.inf)
        return FitQuality(
            reprojection_px=mean_px,
            reprojection_share=mean_px / evidence.person_px,
            joints_used=(weight > 0).sum(1),
            prior_energy=self.prior.energy(state.params.body_pose),
            energy=total_energy(terms, state),
        )


def _lowest(energy: Tensor, per_person: int, kept: int) -> Tensor:
    """(B kept,) rows of the fits with the least energy of each person, of whom there are `per_person` in a row."""
    best = (
        energy.view(len(energy) // per_person, per_person)
        .nan_to_num(torch.inf)
        .topk(kept, dim=1, largest=False)
        .indices
    )
    first = torch.arange(len(best), device=energy.device)[:, None] * per_person
    return (first + best).flatten()
