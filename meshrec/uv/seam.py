"""Values just outside the chart, so that bilinear reading along the seam mixes no empty texel in."""

from __future__ import annotations

import numpy as np

from meshrec.uv.locate import barycentric_2d

# How far a triangle is continued beyond its edges, in its own heights: slivers would throw texels far off the body.
_REACH = 1.0


def extend_over_seam(face: np.ndarray, weights: np.ndarray, texcoords: np.ndarray, texture_faces: np.ndarray) -> None:
    """Fill, in place, the empty texels among the four bilinear neighbours of every texture vertex.

    A texel goes to the texture vertex that reads most of it, and continues the plane of that vertex' nearest triangle.

    Args:
        face: (R, R) triangle of each texel, -1 where empty.
        weights: (R, R, 3) barycentric coordinates; they leave [0, 1] on the extension.
        texcoords: (T, 2) texture coordinates.
        texture_faces: (F, 3) triangles over them.
    """
    scaled = texcoords * (len(face) - 1)
    texel, vertex = _empty_neighbours(face, scaled)
    if not len(texel):
        return
    fan = _faces_around(texture_faces, len(texcoords))[vertex]
    count = fan.shape[1]
    corners = scaled[texture_faces[fan]].reshape(-1, 3, 2)
    candidates = barycentric_2d(np.repeat(texel, count, axis=0).astype(float), corners).reshape(-1, count, 3)
    # A triangle without area has NaN coordinates and is never the best.
    best = np.where(np.isnan(candidates), -np.inf, candidates).min(axis=2).argmax(axis=1)
    row = np.arange(len(texel))
    face[texel[:, 1], texel[:, 0]] = fan[row, best]
    weights[texel[:, 1], texel[:, 0]] = _limited(np.nan_to_num(candidates[row, best], nan=1.0 / 3.0))


def _limited(weights: np.ndarray) -> np.ndarray:
    """Barycentric coordinates drawn towards the triangle until none is below -_REACH."""
    inside = np.clip(weights, 0.0, None)
    inside /= inside.sum(axis=1, keepdims=True)
    share = np.clip(_REACH / np.maximum(-weights.min(axis=1), 1e-9), 0.0, 1.0)[:, None]
    return inside + share * (weights - inside)


def _empty_neighbours(face: np.ndarray, scaled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, 2) column and row of the empty texels that bilinear reading touches, and (N,) who reads most of each."""
    size = len(face)
    base = np.clip(np.floor(scaled), 0, size - 2).astype(np.int64)
    part = scaled - base
    steps = np.array([(0, 0), (1, 0), (0, 1), (1, 1)])
    texel = (base[None] + steps[:, None]).reshape(-1, 2)
    share = np.where(steps[:, None] == 1, part[None], 1.0 - part[None]).prod(axis=2).ravel()
    vertex = np.tile(np.arange(len(scaled)), len(steps))
    read = np.flatnonzero((face[texel[:, 1], texel[:, 0]] < 0) & (share > 0))
    read = read[np.argsort(-share[read], kind="stable")]
    first = np.unique(texel[read] @ [1, size], return_index=True)[1]
    return texel[read[first]], vertex[read[first]]


def _faces_around(faces: np.ndarray, count: int) -> np.ndarray:
    """(T, K) triangles at each vertex, padded by repeating the first."""
    order = np.argsort(faces.ravel(), kind="stable")
    vertex, face = faces.ravel()[order], order // 3
    number = np.bincount(vertex, minlength=count)
    start = np.cumsum(number) - number
    around = np.full((count, int(number.max())), -1)
    around[vertex, np.arange(len(vertex)) - start[vertex]] = face
    return np.where(around < 0, around[:, :1], around)
