"""Dense correspondence of posed meshes in a crop: which point of the surface every pixel shows."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec.render import interpolate, rasterize
from meshrec.structures import PinholeCamera
from meshrec.uv import PartCharts, UvAtlas


@dataclass(frozen=True)
class SurfaceImage:
    """Attributes: see the fields of the same names of ``TrainingBatch``."""

    mask: Tensor
    uv: Tensor
    part: Tensor
    front: Tensor


def render_surface(
    vertices_cam: Tensor, faces: Tensor, camera: PinholeCamera, size: int, atlas: UvAtlas, charts: PartCharts
) -> SurfaceImage:
    """Rasterise meshes and look up what is seen.

    Args:
        vertices_cam: (B, V, 3) metres, in front of the camera.
        faces: (F, 3) of the body that atlas and charts belong to.
        camera: of the crops.
        size: side of the crops in pixels.
    """
    fragments = rasterize(vertices_cam, faces, camera, (size, size), two_sided=False)
    seen = fragments.mask
    face = fragments.face_index.clamp_min(0)
    part = torch.where(seen, charts.face_part.to(face.device)[face], 0).long()
    front = (seen & charts.face_is_front.to(face.device)[face]).float()
    uv = interpolate(fragments, faces, atlas.face_texcoords.to(vertices_cam)[None])
    return SurfaceImage(seen.float(), uv, part, front)
