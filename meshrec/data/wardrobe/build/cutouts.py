"""Leaves out what a garment's texture shows as transparent, by cutting the mesh along the picture's outline."""

from __future__ import annotations

import cv2
import numpy as np

from meshrec.data.wardrobe.build.proxy_files import TexturedMesh

# Points of a triangle where its transparency is measured: barycentric coordinates of a regular grid inside it.
_GRID = np.array([[i, j, 5 - i - j] for i in range(6) for j in range(6 - i)]) / 5 * 0.9 + 0.1 / 3
_ROUNDS = 2  # each halves the edges of faces that are partly transparent
_SHORTEST = 0.006  # metres; shorter edges are not split
_MIXED = (0.1, 0.9)  # share of opaque points between which a face is partly transparent
_SEEN_SHARE = 0.4  # of its points, from which a face stays
_BLUR = 0.01  # of the picture's side: single hairs and the holes of a net are no outline
_OPAQUE_SHARE = 0.35  # of the garment's densest opacity, from which a point counts as opaque


def cut_out(mesh: TexturedMesh, alpha: np.ndarray) -> TexturedMesh:
    """The part of a mesh that its texture shows, faces across the outline divided first.

    Args:
        mesh: vertices in metres; texture coordinates as `meshrec.render.sample_texture` reads them.
        alpha: (H, W) uint8 opacity.
    """
    if alpha.min() == 255:
        return mesh
    alpha = cv2.GaussianBlur(alpha, (0, 0), _BLUR * max(alpha.shape))
    limit = _opaque_limit(mesh, alpha)
    for _ in range(_ROUNDS):
        share = _opaque_share(mesh, alpha, limit)
        mixed = (share > _MIXED[0]) & (share < _MIXED[1])
        edges = np.sort(np.stack([mesh.faces, np.roll(mesh.faces, -1, axis=1)], -1), -1)[mixed].reshape(-1, 2)
        length = np.linalg.norm(mesh.vertices[edges[:, 0]] - mesh.vertices[edges[:, 1]], axis=1)
        mesh = split_edges(mesh, edges[length > _SHORTEST])
    kept = _opaque_share(mesh, alpha, limit) >= _SEEN_SHARE
    return without_unused(TexturedMesh(mesh.vertices, mesh.faces[kept], mesh.face_texcoords[kept]))


def without_unused(mesh: TexturedMesh) -> TexturedMesh:
    """The mesh without vertices that no face uses."""
    used, faces = np.unique(mesh.faces, return_inverse=True)
    return TexturedMesh(mesh.vertices[used], faces.reshape(-1, 3), mesh.face_texcoords)


def split_edges(mesh: TexturedMesh, edges: np.ndarray) -> TexturedMesh:
    """Halves edges (E, 2) in all faces that have them; a face with n of them becomes n + 1 faces."""
    count = len(mesh.vertices)
    edges = np.unique(np.sort(edges, axis=1), axis=0)
    middle = {int(a) * count + int(b): count + number for number, (a, b) in enumerate(edges)}
    vertices = np.concatenate([mesh.vertices, mesh.vertices[edges].mean(1)])
    ends = np.sort(np.stack([mesh.faces, np.roll(mesh.faces, -1, axis=1)], -1), -1)
    keys = ends[..., 0] * count + ends[..., 1]
    touched = np.isin(keys, np.fromiter(middle, np.int64, len(middle))).any(1)
    faces, texcoords = [], []
    for face, uv, key in zip(mesh.faces[touched], mesh.face_texcoords[touched], keys[touched], strict=True):
        corners = [(int(face[k]), uv[k]) for k in range(3)]
        halves = [
            (middle[int(key[k])], 0.5 * (uv[k] + uv[(k + 1) % 3])) if int(key[k]) in middle else None for k in range(3)
        ]
        for part in _divided(corners, halves):
            faces.append([vertex for vertex, _ in part])
            texcoords.append([coordinates for _, coordinates in part])
    return TexturedMesh(
        vertices,
        np.concatenate([mesh.faces[~touched], np.array(faces, dtype=np.int64).reshape(-1, 3)]),
        np.concatenate([mesh.face_texcoords[~touched], np.array(texcoords).reshape(-1, 3, 2)]),
    )


def _divided(corners: list, halves: list) -> list[list]:
    """Triangles of a face; `halves[k]` divides the edge from corner k to the next, or is None."""
    split = [k for k in range(3) if halves[k] is not None]
    if len(split) == 3:
        return [[corners[k], halves[k], halves[k - 1]] for k in range(3)] + [halves]
    if len(split) == 2:
        whole = next(k for k in range(3) if halves[k] is None)
        a, b, c = corners[whole], corners[(whole + 1) % 3], corners[(whole + 2) % 3]
        bc, ca = halves[(whole + 1) % 3], halves[(whole + 2) % 3]
        return [[a, b, bc], [a, bc, ca], [ca, bc, c]]
    k = split[0]
    a, b, c = corners[k], corners[(k + 1) % 3], corners[(k + 2) % 3]
    return [[a, halves[k], c], [halves[k], b, c]]


def _opaque_limit(mesh: TexturedMesh, alpha: np.ndarray) -> float:
    """Opacity that counts as opaque, relative to where the garment is densest, since some are thin all over."""
    return _OPAQUE_SHARE * float(np.percentile(_samples(mesh, alpha), 90))


def _opaque_share(mesh: TexturedMesh, alpha: np.ndarray, limit: float) -> np.ndarray:
    """(F,) share of the points of each face that are opaque."""
    return (_samples(mesh, alpha) >= max(limit, 1.0)).mean(1)


def _samples(mesh: TexturedMesh, alpha: np.ndarray) -> np.ndarray:
    """(F, G) opacity at a grid of points on each face."""
    points = np.einsum("gk,fkc->fgc", _GRID, mesh.face_texcoords)
    height, width = alpha.shape
    column = np.rint(points[..., 0] * (width - 1)).astype(int)
    row = np.rint(points[..., 1] * (height - 1)).astype(int)
    return alpha[row, column]
