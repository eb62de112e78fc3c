"""How camera-frame points land on the pixel grid, in one form for both cameras.

A perspective camera maps ``px = scale * xy / z + offset``, an orthographic one the same without the division.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec.structures import PinholeCamera, WeakPerspectiveCamera


@dataclass(frozen=True)
class ScreenMap:
    """Projection of a batch of cameras onto images of one size.

    Attributes:
        scale_px: (B, 2) focal lengths in pixels (perspective) or pixels per metre (orthographic).
        offset_px: (B, 2) image of the optical axis in continuous pixels.
        perspective: whether xy is divided by z.
        size: (height, width) of the images in pixels.
    """

    scale_px: Tensor
    offset_px: Tensor
    perspective: bool
    size: tuple[int, int]

    def project(self, vertices_cam: Tensor) -> Tensor:
        """(B, V, 2) pixels of (B, V, 3) points; meaningless at or behind a perspective camera's centre."""
        plane = vertices_cam[..., :2]
        if self.perspective:
            plane = plane / vertices_cam[..., 2:]
        return plane * self.scale_px[:, None] + self.offset_px[:, None]

    def pixel_rays(self) -> tuple[Tensor, Tensor]:
        """Where the rays of pixel centres cross depth 1 (perspective) or every depth (orthographic).

        Returns:
            x of every column, (B, W), and y of every row, (B, H); metres per metre of depth, or metres.
        """
        height, width = self.size
        like = self.scale_px
        columns = torch.arange(width, dtype=like.dtype, device=like.device) + 0.5
        rows = torch.arange(height, dtype=like.dtype, device=like.device) + 0.5
        x = (columns - self.offset_px[:, :1]) / self.scale_px[:, :1]
        y = (rows - self.offset_px[:, 1:]) / self.scale_px[:, 1:]
        return x, y


def screen_map(camera: PinholeCamera | WeakPerspectiveCamera, size: tuple[int, int], like: Tensor) -> ScreenMap:
    """The projection onto images of `size` that show the camera's whole picture.

    A pinhole camera made for another image size is scaled, so the same camera renders at any resolution; a weak
    perspective camera's ndc spans the image whatever its size.

    Args:
        camera: B cameras.
        size: (height, width) in pixels.
        like: tensor whose dtype and device the result takes.
    """
    height, width = size
    if isinstance(camera, PinholeCamera):
        camera_height, camera_width = camera.image_size
        ratio = like.new_tensor([width / camera_width, height / camera_height])
        return ScreenMap(camera.focal_px.to(like) * ratio, camera.centre_px.to(like) * ratio, True, (height, width))
    if isinstance(camera, WeakPerspectiveCamera):
        half_px = like.new_tensor([width / 2, height / 2])
        scale_px = camera.scale.to(like)[:, None] * half_px
        return ScreenMap(scale_px, camera.translation.to(like) * scale_px + half_px, False, (height, width))
    raise TypeError(f"camera must be a PinholeCamera or a WeakPerspectiveCamera, got {type(camera).__name__}.")
