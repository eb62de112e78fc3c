"""Removes self-intersections of the mean body (lids and eyes, toes, corners of the mouth) by local smoothing.

The smoothing is one fixed linear map of the vertices, so it applies to every shape alike.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, diags
from scipy.sparse import eye as identity
from scipy.spatial import cKDTree

_STEP = 0.3  # share of the way to the neighbours' mean in each round
_MAX_ROUNDS = 60


def untangle(vertices: np.ndarray, faces: np.ndarray, mirror: np.ndarray) -> csr_matrix:
    """Linear map (V, V) that moves the vertices of crossing faces towards their neighbours until nothing crosses.

    Args:
        vertices: (V, 3) mirror-symmetric.
        faces: (F, 3).
        mirror: (V,) index of each vertex's mirror image; both sides are treated alike.
    Returns:
        Sparse, rows sum to one, the identity for almost all vertices.
    Raises:
        RuntimeError: faces still cross after many rounds.
    """
    neighbours = coo_matrix((np.ones(faces.size), (faces.ravel(), np.roll(faces, 1, 1).ravel())), (len(vertices),) * 2)
    neighbours = ((neighbours + neighbours.T) > 0).astype(float)
    mean_of_neighbours = diags(1 / np.asarray(neighbours.sum(1)).ravel()) @ neighbours
    total = identity(len(vertices), format="csr")
    for _ in range(_MAX_ROUNDS):
        crossing = crossing_faces(total @ vertices, faces)
        if not len(crossing):
            return total
        step = np.zeros(len(vertices))
        step[faces[crossing]] = _STEP
        step = np.maximum(step, step[mirror])
        total = (diags(1 - step) + diags(step) @ mean_of_neighbours) @ total
    raise RuntimeError(f"{len(crossing)} pairs of faces still cross after {_MAX_ROUNDS} rounds of smoothing.")


def crossing_faces(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Pairs of faces (P, 2) without a common vertex that pass through each other."""
    triangles = np.asarray(vertices, np.float64)[faces]
    centres = triangles.mean(1)
    radii = np.linalg.norm(triangles - centres[:, None], axis=2).max(1)
    # Every touching partner that is not larger has its centre within twice the radius.
    near = cKDTree(centres).query_ball_point(centres, 2 * radii)
    large = np.repeat(np.arange(len(faces)), [len(partners) for partners in near])
    small = np.concatenate([np.asarray(partners, int) for partners in near])
    low, high = triangles.min(1), triangles.max(1)
    first = (radii[small] < radii[large]) | ((radii[small] == radii[large]) & (small < large))
    kept = first & (low[large] <= high[small]).all(1) & (low[small] <= high[large]).all(1)
    kept &= ~(faces[large][:, :, None] == faces[small][:, None, :]).any((1, 2))
    large, small = large[kept], small[kept]
    crosses = _edges_pierce(triangles[large], triangles[small]) | _edges_pierce(triangles[small], triangles[large])
    return np.stack([large[crosses], small[crosses]], -1)


def _edges_pierce(edges_of: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Whether an edge of one triangle passes through the other, pair by pair (Moeller and Trumbore's test)."""
    origin, edge1, edge2 = triangles[:, 0], triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    pierced = np.zeros(len(triangles), bool)
    for corner in range(3):
        start = edges_of[:, corner]
        direction = edges_of[:, (corner + 1) % 3] - start
        p = np.cross(direction, edge2)
        determinant = (edge1 * p).sum(1)
        determinant = np.where(determinant == 0, 1e-30, determinant)
        u = ((start - origin) * p).sum(1) / determinant
        q = np.cross(start - origin, edge1)
        v = (direction * q).sum(1) / determinant
        along = (edge2 * q).sum(1) / determinant
        pierced |= (u >= 0) & (v >= 0) & (u + v <= 1) & (along >= 0) & (along <= 1)
    return pierced
