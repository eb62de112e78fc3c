"""Where points lie relative to a surface: the nearest point on it, and values read there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

_CANDIDATES = 48  # faces tried per point; a body's faces are small and even enough for the nearest to be among them


@dataclass(frozen=True)
class Binding:
    """The nearest surface point of each of P points.

    Attributes:
        face: (P,) the face it lies on.
        barycentric: (P, 3) where.
        distance: (P,) to the point, never negative.
    """

    face: np.ndarray
    barycentric: np.ndarray
    distance: np.ndarray

    def read(self, values: np.ndarray, faces: np.ndarray) -> np.ndarray:
        """Values (V, ...) of the surface's vertices at the bound points, (P, ...)."""
        return np.einsum("pk,pk...->p...", self.barycentric, values[faces[self.face]])


def bind(points: np.ndarray, vertices: np.ndarray, faces: np.ndarray) -> Binding:
    """Nearest points on a triangle mesh.

    Args:
        points: (P, 3).
        vertices: (V, 3); faces: (F, 3).
    """
    triangles = vertices[faces]
    centres = triangles.mean(1)
    count = min(_CANDIDATES, len(faces))
    _, candidates = cKDTree(centres).query(points, count)
    candidates = candidates.reshape(len(points), count)
    weights, distance = _nearest_in_triangles(np.repeat(points, count, axis=0), triangles[candidates.ravel()])
    distance = distance.reshape(len(points), count)
    best = distance.argmin(1)
    row = np.arange(len(points))
    return Binding(candidates[row, best], weights.reshape(len(points), count, 3)[row, best], distance[row, best])


def heights(points: np.ndarray, binding: Binding, vertices: np.ndarray, faces: np.ndarray, normals: np.ndarray):
    """(P,) signed distance along the surface's smooth normal and (P, 3) that normal; negative is inside."""
    normal = binding.read(normals, faces)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    return ((points - binding.read(vertices, faces)) * normal).sum(1), normal


def _nearest_in_triangles(points: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Barycentric coordinates (P, 3) of the nearest point in each point's triangle (P, 3, 3), and the distance."""
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    ab, ac, ap = b - a, c - a, points - a
    d00, d01, d11 = (ab * ab).sum(1), (ab * ac).sum(1), (ac * ac).sum(1)
    d20, d21 = (ap * ab).sum(1), (ap * ac).sum(1)
    area = np.maximum(d00 * d11 - d01 * d01, 1e-30)
    second, third = (d11 * d20 - d01 * d21) / area, (d00 * d21 - d01 * d20) / area
    weights = np.stack([1 - second - third, second, third], 1)
    outside = (weights < 0).any(1) | (d00 * d11 - d01 * d01 < 1e-24)
    if outside.any():
        weights[outside] = _nearest_on_edges(points[outside], triangles[outside])
    nearest = np.einsum("pk,pkc->pc", weights, triangles)
    return weights, np.linalg.norm(points - nearest, axis=1)


def _nearest_on_edges(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    best, smallest = np.zeros((len(points), 3)), np.full(len(points), np.inf)
    for corner in range(3):
        start, along = triangles[:, corner], triangles[:, (corner + 1) % 3] - triangles[:, corner]
        share = ((points - start) * along).sum(1) / np.maximum((along * along).sum(1), 1e-30)
        share = share.clip(0, 1)
        distance = np.linalg.norm(points - start - share[:, None] * along, axis=1)
        closer = distance < smallest
        smallest = np.where(closer, distance, smallest)
        weights = np.zeros((len(points), 3))
        weights[:, corner], weights[:, (corner + 1) % 3] = 1 - share, share
        best[closer] = weights[closer]
    return best
