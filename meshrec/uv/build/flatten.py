"""Flattening a disc-like mesh with little distortion: a harmonic start on the circle, then SLIM (libigl).

SLIM: Rabinovich et al., "Scalable Locally Injective Mappings", 2017. It minimises the symmetric Dirichlet energy, which
grows without bound as a triangle collapses, so no triangle ever flips.
"""

from __future__ import annotations

import numpy as np

from meshrec.errors import InvalidInput
from meshrec.optional import require

_PULL = 1e3  # weight of wanted positions against the energy; strong enough to open gaps, weak enough not to tear


class DiscFlattener:
    """Maps a mesh with one boundary to the plane and keeps improving the map.

    Args:
        vertices: (T, 3) positions whose lengths the map should keep.
        faces: (F, 3) a topological disc.
    Raises:
        InvalidInput: the mesh is no disc.
        MissingDependency: libigl is not installed.
    """

    def __init__(self, vertices: np.ndarray, faces: np.ndarray) -> None:
        if euler_number(faces) != 1:
            raise InvalidInput(f"Only a disc can be flattened; this mesh has Euler number {euler_number(faces)}.")
        self._igl = require("igl", extra="synth", purpose="flatten a mesh")
        self.vertices, self.faces = vertices, faces
        # libigl 2.6's boundary_loop() and harmonic() take int64, its SLIM takes int32 and column-major arrays.
        self.rim = np.asarray(self._igl.boundary_loop(np.ascontiguousarray(faces, dtype=np.int64))).ravel()

    def start(self) -> np.ndarray:
        """(T, 2) harmonic map onto a disc of the mesh's area."""
        along = np.linalg.norm(self.vertices[np.roll(self.rim, -1)] - self.vertices[self.rim], axis=1)
        angle = 2 * np.pi * (np.cumsum(along) - along) / along.sum()
        circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        wide = np.ascontiguousarray(self.faces, dtype=np.int64)
        points = np.asarray(self._igl.harmonic(self.vertices, wide, self.rim.astype(np.int64), circle, 1))
        areas = signed_areas(points, self.faces)
        if (areas <= 0).any():
            points = uniform_harmonic(self.faces, self.rim, circle, len(self.vertices))
            areas = signed_areas(points, self.faces)
        # At the area of the mesh, or SLIM spends its first steps on growing.
        return points * np.sqrt(triangle_areas(self.vertices, self.faces).sum() / areas.sum())

    def improve(
        self, points: np.ndarray, iterations: int, pulled: np.ndarray | None = None, targets: np.ndarray | None = None
    ) -> np.ndarray:
        """(T, 2) the map after some SLIM iterations, vertices ``pulled`` (K,) drawn towards ``targets`` (K, 2).

        Raises:
            InvalidInput: the result has flipped triangles.
        """
        pulled = np.zeros(0, np.int32) if pulled is None else pulled.astype(np.int32)
        targets = np.zeros((0, 2)) if targets is None else targets
        data = self._igl.slim_precompute(
            np.asfortranarray(self.vertices),
            np.asfortranarray(self.faces.astype(np.int32)),
            np.asfortranarray(points),
            self._igl.SYMMETRIC_DIRICHLET,
            pulled,
            np.asfortranarray(targets),
            _PULL,
        )
        result = np.asarray(self._igl.slim_solve(data, iterations))
        if (signed_areas(result, self.faces) <= 0).any():
            raise InvalidInput("Flattening left flipped triangles; the mesh may have degenerate faces.")
        return result


def uniform_harmonic(faces: np.ndarray, rim: np.ndarray, targets: np.ndarray, count: int) -> np.ndarray:
    """(count, 2) Tutte's embedding: every inner vertex at the mean of its neighbours; never flips on a convex rim."""
    from scipy.sparse import coo_matrix, diags
    from scipy.sparse.linalg import spsolve

    start, end = faces[:, [0, 1, 2]].ravel(), faces[:, [1, 2, 0]].ravel()
    ones = np.ones(2 * len(start))
    adjacency = coo_matrix((ones, (np.r_[start, end], np.r_[end, start])), shape=(count, count)).tocsr()
    adjacency.data[:] = 1.0
    laplacian = (diags(np.asarray(adjacency.sum(axis=1)).ravel()) - adjacency).tocsr()
    inner = np.setdiff1d(np.arange(count), rim)
    points = np.zeros((count, 2))
    points[rim] = targets
    points[inner] = spsolve(laplacian[inner][:, inner].tocsc(), -laplacian[inner][:, rim] @ targets)
    return points


def euler_number(faces: np.ndarray) -> int:
    """Vertices - edges + faces; 1 for a disc, 2 for a closed surface without holes."""
    edges = np.unique(np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)
    return len(np.unique(faces)) - len(edges) + len(faces)


def signed_areas(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(F,) areas in the plane, positive for counter-clockwise corners."""
    a, b, c = (points[faces[:, k]] for k in range(3))
    return 0.5 * ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])


def triangle_areas(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(F,) areas in space."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)
