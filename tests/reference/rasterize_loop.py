"""The slow, obvious rasteriser that judges every backend: one ray per pixel against one triangle at a time, float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LoopFragments:
    """What one image sees.

    Attributes:
        face_index: (H, W) int, -1 at background.
        barycentric: (H, W, 3), zero at background.
        depth: (H, W) metres, infinite at background.
        edge_margin: (H, W) distance in pixels from the pixel centre to the nearest edge of any drawn triangle.
        depth_margin: (H, W) metres from the nearest surface to the second nearest one on the ray.
    """

    face_index: np.ndarray
    barycentric: np.ndarray
    depth: np.ndarray
    edge_margin: np.ndarray
    depth_margin: np.ndarray


def rasterize_loop(vertices_cam, faces, to_ray, to_pixel, size, *, two_sided=True, near=None) -> LoopFragments:
    """Rasterise one mesh by intersecting rays with triangles in space.

    Args:
        vertices_cam: (V, 3) array.
        faces: (F, 3) int array.
        to_ray: (column, row) -> (origin (3,), direction (3,) with z = 1).
        to_pixel: (3,) point -> (2,) pixel, for the distance to edges.
        near: smallest visible depth in metres, None for no near plane.
    """
    height, width = size
    vertices_cam = np.asarray(vertices_cam, np.float64)
    image = LoopFragments(np.full(size, -1), np.zeros((*size, 3)), np.full(size, np.inf), np.full(size, np.inf),
                          np.full(size, np.inf))
    for line in range(height):
        for column in range(width):
            origin, direction = to_ray(column + 0.5, line + 0.5)
            for index, face in enumerate(faces):
                hit = _intersect(origin, direction, vertices_cam[face], two_sided)
                if hit is None or (near is not None and hit[3] < near):
                    continue
                _keep_nearest(image, line, column, index, hit)
            centre = (column + 0.5, line + 0.5)
            image.edge_margin[line, column] = _edge_margin(vertices_cam, faces, centre, to_pixel, near)
    return image


def _intersect(origin, direction, corners, two_sided):
    """Weights and depth where the ray meets a triangle, or None."""
    # Solve corners.T @ w = origin + depth * direction together with sum(w) = 1.
    system = np.vstack([np.column_stack([corners.T, -direction]), [1.0, 1.0, 1.0, 0.0]])
    if abs(np.linalg.det(system)) < 1e-14:
        return None
    solution = np.linalg.solve(system, np.append(origin, 1.0))
    normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
    if (solution[:3] < 0).any() or (not two_sided and normal @ direction >= 0):
        return None
    return solution


def _keep_nearest(image, line, column, index, hit):
    nearest, depth = image.depth[line, column], hit[3]
    if np.isfinite(nearest):
        gap = abs(depth - nearest)
        margin = image.depth_margin[line, column]
        image.depth_margin[line, column] = gap if depth < nearest else min(margin, gap)
    if depth < nearest:
        image.face_index[line, column] = index
        image.barycentric[line, column] = hit[:3]
        image.depth[line, column] = depth


def _edge_margin(vertices_cam, faces, point, to_pixel, near):
    """Pixels from a point to the nearest projected edge, each edge cut at the near plane first."""
    margin = np.inf
    for face in faces:
        for start, end in ((0, 1), (1, 2), (2, 0)):
            a, b = vertices_cam[face[start]], vertices_cam[face[end]]
            if near is not None:
                if a[2] < near and b[2] < near:
                    continue
                if a[2] < near:
                    a = a + (near - a[2]) / (b[2] - a[2]) * (b - a)
                if b[2] < near:
                    b = b + (near - b[2]) / (a[2] - b[2]) * (a - b)
            margin = min(margin, _distance_to_segment(np.asarray(point), to_pixel(a), to_pixel(b)))
    return margin


def _distance_to_segment(point, start, end):
    along = end - start
    length = along @ along
    fraction = 0.0 if length == 0 else np.clip((point - start) @ along / length, 0, 1)
    return np.linalg.norm(point - start - fraction * along)
