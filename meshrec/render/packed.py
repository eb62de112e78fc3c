"""Rasterising meshes that share nothing: dressed people, each with a topology of its own, in one pass."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.render.screen import screen_map
from meshrec.render.surface import corner_coordinates, normalised, ray_areas
from meshrec.render.torch_backend import visible_triangles
from meshrec.structures import PinholeCamera, WeakPerspectiveCamera


@dataclass(frozen=True)
class PackedMeshes:
    """The meshes of B images, joined end to end.

    Attributes:
        vertices_cam: (N, 3) of all images, camera frame, metres.
        vertex_image: (N,) long, the image each belongs to.
        faces: (T, 3) long, into all vertices.
        face_image: (T,) long.
        two_sided: (T,) bool; False hides a face that turns its back.
        lead_m: (N,) by how much nearer the depth test takes a vertex to be: a layer with a few millimetres of it hides
            the skin that it touches.
    """

    vertices_cam: Tensor
    vertex_image: Tensor
    faces: Tensor
    face_image: Tensor
    two_sided: Tensor
    lead_m: Tensor

    def __post_init__(self) -> None:
        check_shapes(
            vertices_cam=(self.vertices_cam, "N 3"),
            vertex_image=(self.vertex_image, "N"),
            faces=(self.faces, "T 3"),
            face_image=(self.face_image, "T"),
            two_sided=(self.two_sided, "T"),
            lead_m=(self.lead_m, "N"),
        )


@dataclass(frozen=True)
class PackedFragments:
    """The P covered pixels of B images, in the order of the images, rows and columns.

    Attributes:
        pixel: (P,) long, flat index into (B, H, W).
        image: (P,) long.
        face: (P,) long, into the packed faces.
        barycentric: (P, 3) perspective-correct weights of the face's corners.
        depth: (P,) metres.
        size: (height, width).
    """

    pixel: Tensor
    image: Tensor
    face: Tensor
    barycentric: Tensor
    depth: Tensor
    size: tuple[int, int]

    def spread(self, values: Tensor, images: int) -> Tensor:
        """Values (P, C) or (P,) as images (B, C, H, W) or (B, H, W), zero where nothing is seen."""
        height, width = self.size
        if values.ndim == 1:
            flat = values.new_zeros(images * height * width)
            return flat.index_copy_(0, self.pixel, values).view(images, height, width)
        area, channels = height * width, values.shape[1]
        flat = values.new_zeros(images * channels * area)
        first = self.pixel + self.image * ((channels - 1) * area)
        for channel, plane in enumerate(values.unbind(1)):
            flat.index_copy_(0, first + channel * area, plane)
        return flat.view(images, channels, height, width)


def rasterize_packed(
    meshes: PackedMeshes, camera: PinholeCamera | WeakPerspectiveCamera, size: tuple[int, int], near: float = 0.05
) -> PackedFragments:
    """Rasterise the meshes of B images; what `rasterize` says of pixels and faces holds here too.

    Unlike there, faces that reach behind the near plane are dropped, not cut, and there are no gradients.

    Args:
        meshes: of the images.
        camera: B cameras.
        size: (height, width) of every image in pixels.
        near: metres.
    """
    height, width = size
    points = meshes.vertices_cam
    screen = screen_map(camera, size, points)
    scale, offset = (values.index_select(0, meshes.vertex_image) for values in (screen.scale_px, screen.offset_px))
    depth = points[:, 2]
    plane = points[:, :2] / depth[:, None] if screen.perspective else points[:, :2]
    points_px = torch.addcmul(offset, plane, scale).T.contiguous()
    order = depth - meshes.lead_m
    if screen.perspective:
        points_px = points_px.masked_fill(depth < near, torch.nan)
        order = -1.0 / order.clamp_min(near)
    seen = visible_triangles(
        points_px, order, meshes.faces, meshes.face_image, meshes.two_sided, len(camera), size
    ).view(-1)
    pixel = (seen >= 0).nonzero()[:, 0]
    face = seen.index_select(0, pixel)
    line = pixel.div(width, rounding_mode="floor")
    image = line.div(height, rounding_mode="floor")
    ray_x, ray_y = screen.pixel_rays()
    column = pixel - line * width
    ray_x = ray_x.reshape(-1).index_select(0, image * width + column)
    ray_y = ray_y.reshape(-1).index_select(0, line)
    x, y, z = corner_coordinates(points[None], meshes.faces, face, torch.zeros_like(face))
    weights = normalised(ray_areas(x, y, z, ray_x, ray_y, screen.perspective))
    seen_depth = weights[0] * z[0] + weights[1] * z[1] + weights[2] * z[2]
    return PackedFragments(pixel, image, face, torch.stack(weights, 1), seen_depth, (height, width))
