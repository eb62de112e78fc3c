"""How far projected points of bodies are from where they are seen."""

from __future__ import annotations

import torch
from torch import Tensor

from meshrec.fitting.normal_equations import NormalEquations
from meshrec.fitting.robust import geman_mcclure
from meshrec.fitting.sparse_body import PosedPoints, SparseBody
from meshrec.fitting.state import BodyState
from meshrec.geometry.projection import project_pinhole
from meshrec.structures import PinholeCamera

# Pixels in the options are those of a crop with this side, whatever the resolution of the image.
CROP_PX = 224.0
# From where crops are seen if nobody knows better: so far away that perspective does not matter (SPIN).
FAR_FOCAL_PX = 5000.0  # of a crop of that side
_MIN_DEPTH = 0.05  # metres; nearer points have no sensible image


class ReprojectionTerm:
    """Half the robust squared distances of points in the image, each weighted by its confidence squared.

    Distances are in pixels of a crop of 224 px around the person, over their standard deviation.

    Args:
        points: P points of the body.
        seen_px: (B, P, 2) where they are seen, pixels of the camera; anything where the confidence is zero.
        confidence: (B, P).
        camera: of the B images.
        person_px: (B,) side of a crop around each person, see `Evidence.person_px`.
        noise_px: standard deviation of well known points, pixels of such a crop.
        outlier_px: distances well beyond it hardly count, pixels of such a crop.
    """

    def __init__(
        self,
        points: SparseBody,
        seen_px: Tensor,
        confidence: Tensor,
        camera: PinholeCamera,
        person_px: Tensor,
        noise_px: float,
        outlier_px: float,
    ) -> None:
        self.points, self.camera = points, camera
        self._width = outlier_px / noise_px
        self._scale = (CROP_PX / noise_px / person_px)[:, None, None]
        self._confidence = confidence
        self._seen_px = torch.where(confidence[..., None] > 0, seen_px, 0.0)

    def energy(self, state: BodyState) -> Tensor:
        """(B,)."""
        squared = (self._scale * self._apart_px(self.points(state).points_cam)).square().sum(-1)
        return 0.5 * (self._confidence.square() * geman_mcclure(squared, self._width)[0]).sum(1)

    def add_to(self, equations: NormalEquations, state: BodyState) -> None:
        posed = self.points(state)
        distances = self._scale * self._apart_px(posed.points_cam)
        robust, slope = geman_mcclure(distances.square().sum(-1), self._width)
        confidence = self._confidence
        # The model of iteratively reweighted least squares: gradient exact, curvature never negative.
        weight = (confidence * slope.sqrt())[..., None]
        jacobian = weight[..., None] * self._scale[..., None] * self._image_motion(state, posed)
        energy = 0.5 * (confidence.square() * robust).sum(1)
        equations.add_curved(energy, (weight * distances).flatten(1), jacobian.flatten(1, 2))

    def distances_px(self, state: BodyState) -> Tensor:
        """(B, P) in pixels of the camera; meaningless where the confidence is zero."""
        return self._apart_px(self.points(state).points_cam).norm(dim=-1)

    def _apart_px(self, points_cam: Tensor) -> Tensor:
        camera = self.camera
        projected_px = project_pinhole(points_cam, camera.focal_px, camera.centre_px, min_depth=_MIN_DEPTH)
        return projected_px - self._seen_px

    def _image_motion(self, state: BodyState, posed: PosedPoints) -> Tensor:
        """(B, P, 2, N) pixels by the numbers of a step."""
        motion = self.points.jacobian(state, posed)
        depth = posed.points_cam[..., 2:].clamp_min(_MIN_DEPTH)
        along = (posed.points_cam[..., :2] / depth)[..., None] * motion[:, :, 2:]
        return (motion[:, :, :2] - along) * (self.camera.focal_px[:, None] / depth)[..., None]
