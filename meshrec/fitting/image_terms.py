"""Whole pictures as evidence: outlines of people and of their parts, and surface points that IUV finds in the image."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from meshrec.body import BodyModel
from meshrec.fitting.normal_equations import NormalEquations
from meshrec.fitting.state import BodyState
from meshrec.render.rasterize import rasterize
from meshrec.render.silhouette import add_edge_gradient, face_neighbours
from meshrec.structures import IuvMap, PinholeCamera
from meshrec.uv import PART_COUNT, UvAtlas, image_to_uv, map_to_vertices

# Texels along a side of the map through which points are looked up: three centimetres on the body, a few pixels.
_TEXELS = 64


# Pictures are compared through squares of this share of their side. Sharp pictures tell an outline the way only where
# it overlaps with the right one, and the error would be a kink; through squares it is a valley.
WIDE_BLUR = 1 / 14


class LabelImageTerm:
    """How much of a picture of labels the rendered body misses: the squared difference of both, out of focus.

    The gradient is that of the outlines (see `meshrec.render.silhouette`). It comes without a curvature: the other
    terms' and the damping have to do.

    Args:
        body: of which the whole mesh is drawn.
        camera: of the B pictures.
        labels: (B, C, H, W) given picture; one channel for a mask, one per part for parts.
        face_labels: (F, C) what each face shows.
        weight: twice the energy of a body that is out of the picture.
        blur: side of the squares through which pictures are compared, over theirs; small where bodies start near.
        known: (B, H, W) 1 where the picture says something, 0 where the body may or may not be; None for everywhere.
    """

    def __init__(
        self,
        body: BodyModel,
        camera: PinholeCamera,
        labels: Tensor,
        face_labels: Tensor,
        weight: float,
        blur: float = WIDE_BLUR,
        known: Tensor | None = None,
    ) -> None:
        self.body, self.camera, self._size = body, camera, tuple(labels.shape[2:])
        self._square = max(2, round(blur * max(self._size)))
        self._known = None if known is None else known[:, None].to(labels)
        self._labels = self._blurred(labels)
        # A last row for the background, at which face indices of -1 end.
        self._face_labels = torch.cat([face_labels, torch.zeros_like(face_labels[:1])])
        self._neighbours = face_neighbours(body.faces)
        # A picture that shows nobody says nothing.
        shown = self._labels.square().sum((1, 2, 3))
        self._factor = torch.where(shown > 0, 0.5 * weight / shown.clamp_min(1e-6), 0.0)

    def energy(self, state: BodyState) -> Tensor:
        """(B,)."""
        vertices_cam = self.body(state.params).vertices + state.translation[:, None]
        faces = self.body.faces
        fragments = rasterize(vertices_cam.detach(), faces, self.camera, self._size)
        image = self._face_labels[fragments.face_index].permute(0, 3, 1, 2)
        image = add_edge_gradient(image, fragments, vertices_cam, faces, self.camera, neighbours=self._neighbours)
        return self._factor * (self._blurred(image) - self._labels).square().sum((1, 2, 3))

    def add_to(self, equations: NormalEquations, state: BodyState) -> None:
        with torch.enable_grad():
            step = torch.zeros_like(equations.gradient, requires_grad=True)
            energy = self.energy(state.moved(step))
            (gradient,) = torch.autograd.grad(energy.sum(), step)
        equations.energy += energy.detach()
        equations.gradient += gradient

    def _blurred(self, image: Tensor) -> Tensor:
        """Means over squares that overlap by half, of what is known."""
        image = image if self._known is None else image * self._known
        return F.avg_pool2d(image, self._square, self._square // 2, padding=self._square // 2)


def part_labels(parts: Tensor, like: Tensor) -> Tensor:
    """(..., 24) one channel per DensePose-style part from numbers of parts (...), none at the background 0."""
    return (parts[..., None] == torch.arange(1, PART_COUNT + 1, device=parts.device)).to(like)


def seen_vertices(iuv: IuvMap, atlas: UvAtlas) -> tuple[Tensor, Tensor]:
    """Where the vertices are seen, according to an IUV map.

    Args:
        iuv: of the B images, with mask and coordinates of every pixel.
        atlas: which its coordinates speak of.
    Returns:
        (B, V, 2) continuous pixels, and (B, V) 1 where pixels show the surface around the vertex, else 0.
    """
    batch, height, width = iuv.mask.shape
    x = (torch.arange(width, device=iuv.mask.device) + 0.5).expand(batch, 1, height, width)
    y = (torch.arange(height, device=iuv.mask.device) + 0.5)[:, None].expand(batch, 1, height, width)
    carried = image_to_uv(torch.cat([x, y], 1).to(iuv.mask), iuv, _TEXELS)
    arrived = carried[:, -1:]
    read = map_to_vertices(torch.cat([carried[:, :2] * arrived, arrived], 1), atlas)
    share = read[..., 2]
    return read[..., :2] / share.clamp_min(1e-6)[..., None], (share > 0.5).to(share)
