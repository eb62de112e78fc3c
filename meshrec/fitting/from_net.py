"""Bodies fitted to what a net made of crops: near its meshes, onto the joints and into the outlines that it saw.

A net that draws a mesh from one code of the whole picture puts hands and feet beside the places where its own heatmaps
have seen them, and leaves its own mask; and its meshes are only nearly bodies. A few Gauss-Newton steps on the
parameters of a body mend all of this.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from meshrec.body import BodyModel
from meshrec.body.pose_prior import PosePrior
from meshrec.body.regressors import NamedJoints
from meshrec.fitting.body_terms import HingeTerm, PoseTerm, ShapeTerm
from meshrec.fitting.from_mesh import MeshFitOptions, params_from_vertices
from meshrec.fitting.image_terms import LabelImageTerm
from meshrec.fitting.levenberg_marquardt import Term, minimise
from meshrec.fitting.mesh_terms import MeshTerm
from meshrec.fitting.reprojection import CROP_PX, FAR_FOCAL_PX, ReprojectionTerm
from meshrec.fitting.sparse_body import SparseBody
from meshrec.fitting.state import BodyState
from meshrec.geometry.projection import ndc_to_px, translation_to_weak_perspective, weak_perspective_to_translation
from meshrec.structures import BODY30, CropBodies, LocationMap, PinholeCamera, WeakPerspectiveCamera
from meshrec.uv import TexelTable, UvAtlas
from meshrec.uv.transfer import vertices_to_map


@dataclass(frozen=True)
class NetFitOptions:
    """How far mesh and joints are trusted; energies are negative log densities, as in `FitOptions`."""

    noise_px: float = 2.5
    """standard deviation of confidently seen joints, pixels of a crop of 224 px."""
    outlier_px: float = 50.0
    """distances well beyond it hardly count (Geman-McClure)."""
    mesh_noise_m: float = 0.07
    """standard deviation of the net's vertices."""
    independent_points: float = 20.0
    """as how many points with independent errors of that size a mesh counts: neighbours err alike."""
    shape_weight: float = 2.0
    """of common shapes: wide clothes would make people stout."""
    iterations: int = 5
    """on mesh and joints."""
    mask_weight: float = 800.0
    """of the outline: twice the energy of missing the whole person; 0 leaves it out."""
    mask_threshold: float = 0.4
    """probability from which a pixel belongs to the person; labelled masks agree best from there on."""
    mask_blur: float = 1 / 24
    """side of the squares through which outlines are compared, over theirs."""
    mask_px: int = 64
    """side of the pictures in which outlines are compared."""
    mask_iterations: int = 8
    """at the end, on everything together; these draw the whole mesh."""
    every: int = 64
    """which vertices of the mesh are looked at: every n-th."""


class NetFitter:
    """Fits bodies to the answers of nets.

    Args:
        body: of their meshes.
        prior: of poses; both on the nets' device.
        atlas: of the body, in which location maps are drawn again; None for nets without.
        options: how far what is trusted.
    """

    def __init__(
        self, body: BodyModel, prior: PosePrior, atlas: UvAtlas | None = None, options: NetFitOptions = NetFitOptions()
    ) -> None:
        self.body, self.prior, self.atlas, self.options = body, prior, atlas, options
        self._present = NamedJoints(body, BODY30).present
        self._joints = SparseBody.of_joints(body, BODY30, body.beta_count)
        self._vertex = torch.arange(0, body.vertex_count, options.every, device=self._present.device)
        self._points = SparseBody.at(body, body.joint_count + self._vertex, body.beta_count)
        self._tables: dict[int, TexelTable] = {}

    @torch.no_grad()
    def __call__(
        self, bodies: CropBodies, camera: PinholeCamera | None = None, photo: Tensor | None = None
    ) -> CropBodies:
        """Bodies near those of a net, with parameters; the very same where the net looked for no joints.

        Args:
            bodies: of B crops.
            camera: that sees each crop as the photo's camera does, see `crop_camera`; without one crops are seen from
                far away. In a photo of somebody near, an arm that is stretched out to the camera looks a fifth longer.
            photo: (B, H, W) 1 where the crops show the photo, 0 beyond its edges, where people may go on; None for
                crops that lie within it.
        Returns:
            Bodies whose weak-perspective cameras place them in front of that camera.
        """
        if bodies.joints is None or not len(bodies.vertices):
            return bodies
        vertices = bodies.vertices.float()
        camera = _far_camera(vertices) if camera is None else camera.to(vertices)
        crop = vertices.new_full((len(vertices), 2), 0.5 * CROP_PX), vertices.new_full((len(vertices),), CROP_PX)
        weak, pinhole = bodies.camera, (camera.focal_px, camera.centre_px)
        place = weak_perspective_to_translation(weak.scale.float(), weak.translation.float(), *crop, *pinhole)
        terms = self._terms(bodies, vertices + place[:, None], camera)
        state, _ = minimise(terms, self._start(bodies, place), self.options.iterations)
        if bodies.iuv is not None and self.options.mask_weight > 0:
            outline = self._outline(bodies.iuv.mask, camera, photo)
            state, _ = minimise([*terms, outline], state, self.options.mask_iterations)
        fitted = self.body(state.params).vertices
        weak = WeakPerspectiveCamera(*translation_to_weak_perspective(state.translation, *crop, *pinhole))
        location_map = self._redrawn(bodies.location_map, fitted)
        return replace(bodies, vertices=fitted, camera=weak, params=state.params, location_map=location_map)

    def _start(self, bodies: CropBodies, place: Tensor) -> BodyState:
        if bodies.params is not None:
            return BodyState(bodies.params.to(torch.float32), place)
        quick = MeshFitOptions(refinements=(2,), every=self.options.every // 2)
        found = params_from_vertices(bodies.vertices.float(), self.body, self.prior, quick)
        return BodyState(found.params, found.translation + place)

    def _terms(self, bodies: CropBodies, vertices_cam: Tensor, camera: PinholeCamera) -> list[Term]:
        options, count = self.options, len(vertices_cam)
        trust = options.independent_points / options.mesh_noise_m**2
        seen_px = ndc_to_px(bodies.joints[..., :2].float(), camera.image_size)[:, self._present]
        confidence = bodies.joints[:, self._present, 2].float()
        side_px = vertices_cam.new_full((count,), CROP_PX)
        return [
            MeshTerm(vertices_cam[:, self._vertex], self._points, vertices_cam.new_full((count,), trust)),
            PoseTerm(self.prior, 1.0),
            HingeTerm(self.prior, 1.0),
            ShapeTerm(options.shape_weight),
            ReprojectionTerm(self._joints, seen_px, confidence, camera, side_px, options.noise_px, options.outlier_px),
        ]

    def _outline(self, mask: Tensor, camera: PinholeCamera, photo: Tensor | None) -> Term:
        """Of the person, as the net saw it in crops (B, H, W), where these show the photo."""
        size = (self.options.mask_px,) * 2
        share = size[0] / camera.image_size[0]
        small = PinholeCamera(camera.focal_px * share, camera.centre_px * share, size)
        seen = F.interpolate(mask.float()[:, None], size=size, mode="bilinear", align_corners=False)
        seen = seen > self.options.mask_threshold
        everywhere = seen.new_ones(len(self.body.faces), 1, dtype=torch.float32)
        known = None if photo is None else F.interpolate(photo.float()[:, None], size=size, mode="area")[:, 0] > 0.5
        options = self.options
        return LabelImageTerm(self.body, small, seen.float(), everywhere, options.mask_weight, options.mask_blur, known)

    def _redrawn(self, location_map: LocationMap | None, vertices: Tensor) -> LocationMap | None:
        """The map of the fitted bodies, so that sampling it still gives the mesh."""
        if location_map is None or self.atlas is None:
            return location_map
        size = location_map.resolution
        if size not in self._tables:
            self._tables[size] = self.atlas.texels(size).to(vertices.device)
        return LocationMap(vertices_to_map(vertices, self._tables[size]), location_map.atlas_hash)


def crop_camera(camera: PinholeCamera, centre_px: Tensor, side_px: Tensor) -> PinholeCamera:
    """The camera of a photo as the one of square crops of it, in pixels of which each has 224.

    Args:
        camera: of the photo, one row.
        centre_px, side_px: (B, 2) and (B,) of the crops, pixels of the photo.
    """
    zoom = (CROP_PX / side_px)[:, None]
    corner_px = centre_px - 0.5 * side_px[:, None]
    size = (round(CROP_PX),) * 2
    return PinholeCamera(camera.focal_px * zoom, (camera.centre_px - corner_px) * zoom, size)


def _far_camera(vertices: Tensor) -> PinholeCamera:
    """The camera of crops that are seen from far away."""
    centre_px = vertices.new_full((len(vertices), 2), 0.5 * CROP_PX)
    return PinholeCamera(torch.full_like(centre_px, FAR_FOCAL_PX), centre_px, (round(CROP_PX),) * 2)
