"""Opening narrow gaps of a flattened mesh, so that bilinear reading on one side of a seam never touches the other."""

from __future__ import annotations

import numpy as np


def boundary_pushes(points: np.ndarray, rim: np.ndarray, gap: float) -> tuple[np.ndarray, np.ndarray]:
    """Boundary vertices too close to another stretch of the boundary, and where they should go.

    Args:
        points: (T, 2) the map.
        rim: (N,) vertices of the boundary in order, the mesh on the left.
        gap: wanted free distance.
    Returns:
        (K,) vertices and (K, 2) their targets.
    """
    start, end = points[rim], points[np.roll(rim, -1)]
    along = end - start
    length = np.linalg.norm(along, axis=1)
    outward = np.stack([along[:, 1], -along[:, 0]], axis=1) / length[:, None]
    offset = start[:, None] - start[None]  # every boundary vertex against every boundary edge
    share = np.clip((offset * along[None]).sum(axis=2) / length**2, 0.0, 1.0)
    away = offset - share[..., None] * along[None]
    distance = np.linalg.norm(away, axis=2)
    side = (away * outward[None]).sum(axis=2)
    # Positive in front of the edge; negative where the vertex has sunk into the mesh behind it.
    signed = np.where(side >= 0, distance, -distance)
    walked = np.abs(_arc(length)[:, None] - _arc(length)[None])
    walked = np.minimum(walked, length.sum() - walked)
    # Neighbours along the rim are close by nature: only stretches much farther along the rim than across count.
    distance[walked < 3.0 * np.maximum(gap, distance)] = np.inf
    nearest = distance.argmin(axis=1)
    row = np.arange(len(rim))
    lack = gap - signed[row, nearest]
    close = (distance[row, nearest] < gap) & (lack > 0)
    direction = np.where(
        (side[row, nearest] > 0.2 * distance[row, nearest])[:, None],
        away[row, nearest] / np.maximum(distance[row, nearest], 1e-12)[:, None],
        outward[nearest],
    )
    return rim[close], (start + 0.5 * lack[:, None] * direction)[close]


def _arc(length: np.ndarray) -> np.ndarray:
    return np.cumsum(length) - length
