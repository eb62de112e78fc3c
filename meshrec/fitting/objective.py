"""Which terms make up the energy of a fit, for the evidence that is there."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from meshrec.body import BodyModel, NamedJoints
from meshrec.body.pose_prior import PosePrior
from meshrec.errors import CheckpointMismatch, InvalidInput
from meshrec.fitting.body_terms import HingeTerm, LeanTerm, PoseTerm, ShapeTerm
from meshrec.fitting.evidence import Evidence
from meshrec.fitting.image_terms import LabelImageTerm, part_labels, seen_vertices
from meshrec.fitting.levenberg_marquardt import Term
from meshrec.fitting.options import FitOptions
from meshrec.fitting.reprojection import ReprojectionTerm
from meshrec.fitting.self_contact import SelfContactTerm
from meshrec.fitting.sparse_body import SparseBody
from meshrec.structures import JointSet
from meshrec.uv import PartCharts, UvAtlas

_EVERY = 32  # vertices between two whose places IUV tells


class Objective:
    """The energy of bodies before the evidence of one joint set.

    Args:
        body, prior, options: see `meshrec.fitting.smplify.fit_to_joints`.
        joint_set: of the evidence.
        atlas, charts: of the same body, for evidence with IUV and with parts.
    Raises:
        InvalidInput: the body has none of the joints.
        CheckpointMismatch: atlas or charts belong to another body.
    """

    def __init__(
        self,
        body: BodyModel,
        prior: PosePrior,
        joint_set: JointSet,
        options: FitOptions,
        atlas: UvAtlas | None = None,
        charts: PartCharts | None = None,
    ) -> None:
        self.body, self.joint_set, self.options, self.atlas, self.charts = body, joint_set, options, atlas, charts
        self._present = NamedJoints(body, joint_set).present
        if not bool(self._present.any()):
            raise InvalidInput(f"The body has none of the joints of {joint_set.name}; give joints that it has.")
        for surface, name in ((atlas, "atlas"), (charts, "charts")):
            if surface is not None and surface.body_hash not in (None, body.hash):
                raise CheckpointMismatch(f"The {name} belong to body {surface.body_hash}, not to body {body.hash}.")
        self.betas = min(options.betas, body.beta_count)
        self.points = SparseBody.of_joints(body, joint_set, self.betas)
        self._body: list[Term] = [
            PoseTerm(prior, options.pose_weight),
            HingeTerm(prior, options.hinge_weight),
            ShapeTerm(options.shape_weight),
        ]
        if options.lean_rad > 0:
            self._body.append(LeanTerm(options.lean_rad))
        self._contact: list[Term] = []
        if options.contact_weight > 0:
            self._contact = [SelfContactTerm(body, options.contact_weight, betas=self.betas)]

    def usable(self, evidence: Evidence) -> Evidence:
        """The evidence without joints that the body lacks.

        Raises:
            InvalidInput: there is IUV without an atlas, IUV of another atlas, or there are parts without charts.
            ValueError: it has another joint set.
        """
        if evidence.joint_set.names != self.joint_set.names:
            raise ValueError(f"evidence must be of {self.joint_set.name}, got {evidence.joint_set.name}.")
        if evidence.parts is not None and self.charts is None:
            raise InvalidInput("Parts are only understood with the charts of the body; give charts, too.")
        if evidence.iuv is not None:
            if self.atlas is None:
                raise InvalidInput("IUV is only understood with the atlas of the body; give an atlas, too.")
            if evidence.iuv.atlas_hash not in ("", self.atlas.hash):
                raise InvalidInput(f"IUV speaks of atlas {evidence.iuv.atlas_hash}, but {self.atlas.hash} was given.")
        names = tuple(name for name, kept in zip(self.joint_set.names, self._present.tolist(), strict=True) if kept)
        return replace(
            evidence,
            joints_px=evidence.joints_px[:, self._present],
            confidence=evidence.confidence[:, self._present],
            joint_set=JointSet(self.joint_set.name, names),
        )

    def reprojection(self, evidence: Evidence) -> ReprojectionTerm:
        """Of the joints."""
        seen = (evidence.joints_px, evidence.confidence, evidence.camera, evidence.person_px)
        return ReprojectionTerm(self.points, *seen, self.options.noise_px, self.options.outlier_px)

    def for_search(self, evidence: Evidence) -> list[Term]:
        """Joints, pose and shape: the terms that decide and cost little."""
        return [self.reprojection(evidence), *self._body]

    def for_bodies(self, evidence: Evidence) -> list[Term]:
        """Those and limbs that stay out of the body."""
        return [*self.for_search(evidence), *self._contact]

    def for_pictures(self, evidence: Evidence) -> list[Term]:
        """What there is besides joints: masks, parts, IUV."""
        options, terms = self.options, []
        if evidence.masks is not None and options.mask_weight > 0:
            everywhere = torch.ones_like(self.body.template_vertices[:1, :1]).expand(len(self.body.faces), 1)
            terms.append(self._labels(evidence, evidence.masks[:, None], everywhere, options.mask_weight))
        if evidence.parts is not None and options.part_weight > 0:
            like = self.body.template_vertices
            labels = part_labels(evidence.parts, like).permute(0, 3, 1, 2)
            faces = part_labels(self.charts.face_part.to(like.device), like)
            terms.append(self._labels(evidence, labels, faces, options.part_weight))
        if evidence.iuv is not None:
            vertex = torch.arange(0, self.body.vertex_count, _EVERY, device=evidence.joints_px.device)
            seen_px, seen = (values[:, vertex] for values in seen_vertices(evidence.iuv, self.atlas))
            points = SparseBody.at(self.body, self.body.joint_count + vertex, self.betas)
            where = (points, seen_px, seen, evidence.camera, evidence.person_px)
            terms.append(ReprojectionTerm(*where, options.iuv_noise_px, options.outlier_px))
        return terms

    def _labels(self, evidence: Evidence, labels: Tensor, face_labels: Tensor, weight: float) -> LabelImageTerm:
        return LabelImageTerm(self.body, evidence.camera, labels, face_labels, weight)
