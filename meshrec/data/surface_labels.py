"""Dense correspondence of posed meshes in a crop: which point of the surface every pixel shows."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
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


def within_masks(drawn: SurfaceImage, mask: Tensor) -> SurfaceImage:
    """Surfaces as masks show them, zero elsewhere.

    What is drawn outside a mask is hidden by something. Pixels of the mask that the mesh does not reach, mostly clothes
    and hair, show the point that is drawn nearest to them.

    Args:
        mask: (B, S, S) where people are seen, 0 or 1.
    Returns:
        Surfaces with these masks; empty ones where a mesh lies nowhere in its mask.
    """
    seen = drawn.mask * mask > 0.5
    nearest = torch.from_numpy(np.stack([_nearest_pixel(some) for some in seen.cpu().numpy()])).to(mask.device)
    mask = mask * seen.any((1, 2), keepdim=True)
    whole = (mask > 0.5).flatten(1)

    def spread(values: Tensor) -> Tensor:
        flat = values.flatten(-2)
        index, kept = (rows if values.ndim == 3 else rows[:, None].expand_as(flat) for rows in (nearest, whole))
        return (flat.gather(-1, index) * kept).view_as(values)

    return SurfaceImage(mask, spread(drawn.uv), spread(drawn.part), spread(drawn.front))


def _nearest_pixel(seen: np.ndarray) -> np.ndarray:
    """(H W,) for each pixel the number of the nearest one that is set; 0 where none is."""
    if not seen.any():
        return np.zeros(seen.size, np.int64)
    unseen = (~seen).astype(np.uint8)
    _, label = cv2.distanceTransformWithLabels(unseen, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL)
    number = np.zeros(label.max() + 1, np.int64)
    number[label[seen]] = np.flatnonzero(seen)
    return number[label].ravel()
