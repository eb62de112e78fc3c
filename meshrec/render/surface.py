"""Where pixels' rays meet the faces that they see: barycentric weights and depths, differentiable in the vertices."""

from __future__ import annotations

import torch
from torch import Tensor

from meshrec.render.screen import ScreenMap

_OUTSIDE = 0.01  # far more than rounding puts a covered centre outside its triangle, so that only needles are bounded

def surface_points(
    face_index: Tensor, vertices_cam: Tensor, faces: Tensor, screen: ScreenMap
) -> tuple[Tensor, Tensor]:
    """Perspective-correct weights and depths of every pixel's visible face.

    Args:
        face_index: (B, H, W) long, -1 at background.
        vertices_cam: (B, V, 3) metres.
        faces: (F, 3) long.
    Returns:
        (B, H, W, 3) weights, zero at background, and (B, H, W) depths in metres, infinite at background.
    """
    batch, height, width = face_index.shape
    image, row, column = (face_index >= 0).nonzero().unbind(1)
    line = image * height + row
    pixel = line * width + column
    face = face_index.view(-1).index_select(0, pixel)
    x, y, depth = corner_coordinates(vertices_cam, faces, face, image)
    ray_x, ray_y = screen.pixel_rays()
    ray_x = ray_x.reshape(-1).index_select(0, image * width + column)
    ray_y = ray_y.reshape(-1).index_select(0, line)
    weights = normalised(ray_areas(x, y, depth, ray_x, ray_y, screen.perspective))
    seen_depth = weights[0] * depth[0] + weights[1] * depth[1] + weights[2] * depth[2]
    all_weights = seen_depth.new_zeros(batch * height * width, 3).index_copy_(0, pixel, torch.stack(weights, dim=1))
    all_depths = seen_depth.new_full((batch * height * width,), torch.inf).index_copy_(0, pixel, seen_depth)
    return all_weights.view(batch, height, width, 3), all_depths.view(batch, height, width)


Corners = tuple[Tensor, Tensor, Tensor]


def corner_coordinates(points: Tensor, faces: Tensor, face: Tensor, image: Tensor) -> tuple[Corners, ...]:
    """Coordinates of the corners of N faces, each coordinate on its own: three (N,) tensors, one per corner.

    Args:
        points: (B, V, D).
        faces: (F, 3) long.
        face: (N,) long, which face; image: (N,) long, of which mesh of the batch.
    """
    base = image * points.shape[1]
    corners = [corner.index_select(0, face) + base for corner in faces.unbind(1)]
    planes = [plane.reshape(-1) for plane in points.unbind(-1)]
    return tuple(tuple(plane.index_select(0, corner) for corner in corners) for plane in planes)


def ray_areas(x: Corners, y: Corners, depth: Corners, ray_x: Tensor, ray_y: Tensor, perspective: bool) -> Corners:
    """Barycentric weights, up to their sum, of the points where rays meet the planes of triangles.

    Shearing space along z until the ray becomes the z axis keeps volumes: the weights are the areas that the axis
    makes with the edges of the sheared triangle. Nothing is divided by a corner's depth, so corners behind the camera
    are harmless. Each area is affine in the ray, and their sum is negative where the ray meets the triangle's front.

    Args:
        x, y, depth: (N,) coordinates of each corner, metres, camera frame.
        ray_x, ray_y: (N,) as `ScreenMap.pixel_rays` gives them.
    Returns:
        One (N,) doubled signed area per corner.
    """
    if perspective:
        x0, x1, x2 = (corner - ray_x * z for corner, z in zip(x, depth))
        y0, y1, y2 = (corner - ray_y * z for corner, z in zip(y, depth))
    else:
        x0, x1, x2 = (corner - ray_x for corner in x)
        y0, y1, y2 = (corner - ray_y for corner in y)
    return x1 * y2 - x2 * y1, x2 * y0 - x0 * y2, x0 * y1 - x1 * y0


def normalised(areas: Corners) -> Corners:
    """Barycentric weights from `ray_areas`, bounded where a triangle is so thin that rounding decides them."""
    total = areas[0] + areas[1] + areas[2]
    total = torch.where(total == 0, 1.0, total)
    first = (areas[0] / total).clamp(-_OUTSIDE, 1 + _OUTSIDE)
    second = (areas[1] / total).clamp(-_OUTSIDE, 1 + _OUTSIDE)
    return first, second, 1 - first - second
