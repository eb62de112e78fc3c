"""From a cut body to the atlas: a caricature that enlarges hands, head and feet, flattened and laid into the square."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from meshrec.uv.build.flatten import DiscFlattener
from meshrec.uv.build.gaps import boundary_pushes
from meshrec.uv.build.template import TemplateMesh


@dataclass(frozen=True)
class LayoutOptions:
    """How the square is shared out."""

    hands: float = 1.8
    """Linear enlargement of the hands."""
    head: float = 1.5
    """Linear enlargement of the head."""
    feet: float = 1.7
    """Linear enlargement of the feet."""
    margin: float = 0.012
    """Free border of the square; at 128 px this keeps more than one texel for the seam extension."""
    gap: float = 0.012
    """Wanted distance between stretches of the boundary, about 1.5 texels at 128 px."""
    iterations: int = 80
    """SLIM iterations before the gaps are opened."""
    gap_rounds: int = 25
    """How often the boundary is pushed apart, four SLIM iterations each time."""


def lay_out(mesh: TemplateMesh, faces: np.ndarray, old_vertex: np.ndarray, options: LayoutOptions) -> np.ndarray:
    """(T, 2) texture coordinates in [0, 1] of a cut body, mirror-symmetric about u = 0.5, the head at small v.

    Args:
        mesh: the uncut body.
        faces: (F, 3) faces of the cut mesh, same order as the body's.
        old_vertex: (T,) body vertex of each cut vertex.
    """
    flattener = DiscFlattener(caricature(mesh, options)[old_vertex], faces)
    mirror = mirror_texture_vertices(mesh, faces)
    points = flattener.improve(flattener.start(), options.iterations)
    points = _symmetric(_turn_upright(points, mirror, mesh.vertices[old_vertex]), mirror)
    points = _open_gaps(flattener, points, mirror, options)
    return _fill_square(points * (1.0, -1.0), options.margin)


def _open_gaps(flattener: DiscFlattener, points: np.ndarray, mirror: np.ndarray, options: LayoutOptions) -> np.ndarray:
    for _ in range(options.gap_rounds):
        gap = options.gap * np.ptp(points, axis=0).mean()
        pushed, targets = boundary_pushes(points, flattener.rim, gap)
        if not len(pushed):
            break
        push = np.zeros_like(points)
        push[pushed] = targets - points[pushed]
        push = _symmetric(push, mirror)
        pushed = np.union1d(pushed, mirror[pushed])
        points = _symmetric(flattener.improve(points, 4, pushed, (points + push)[pushed]), mirror)
    return points


def caricature(mesh: TemplateMesh, options: LayoutOptions) -> np.ndarray:
    """(V, 3) the body with enlarged extremities; skinning weights blend the enlargement in."""
    points = mesh.vertices.copy()
    mirrored = np.array([-1.0, 1.0, 1.0])
    for region, pivot, factor in (("hand", "left_wrist", options.hands), ("foot", "left_ankle", options.feet)):
        for side, sign in (("left", 1.0), ("right", mirrored)):
            weight = mesh.region_weight(f"{side}_{region}")[:, None]
            points += (factor - 1.0) * weight * (mesh.vertices - mesh.joint(pivot) * sign)
    return points + (options.head - 1.0) * mesh.region_weight("head")[:, None] * (mesh.vertices - mesh.joint("neck"))


def mirror_texture_vertices(mesh: TemplateMesh, faces: np.ndarray) -> np.ndarray:
    """(T,) the texture vertex of the mirrored corner of each texture vertex."""
    opposite = mesh.mirror_faces()
    mirror = np.empty(int(faces.max()) + 1, dtype=np.int64)
    wanted = mesh.mirror_vertex[mesh.faces]
    # Corner k of a face meets the corner of the mirrored face that holds the mirrored vertex.
    slot = (mesh.faces[opposite][:, None, :] == wanted[:, :, None]).argmax(axis=2)
    mirror[faces] = np.take_along_axis(faces[opposite], slot, axis=1)
    return mirror


def _turn_upright(points: np.ndarray, mirror: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Rotate the plane so that mirroring it flips the first axis and the body's height grows with the second."""
    centred = points - points.mean(axis=0)
    across = centred - centred[mirror]
    axis = np.linalg.svd(across, full_matrices=False)[2][0]
    turned = centred @ np.array([[axis[0], -axis[1]], [axis[1], axis[0]]])
    return turned if (turned[:, 1] * (positions[:, 1] - positions[:, 1].mean())).sum() > 0 else -turned


def _symmetric(points: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Average the two halves, which removes what the solver's rounding left of asymmetry."""
    return 0.5 * (points + points[mirror] * (-1.0, 1.0))


def _fill_square(points: np.ndarray, margin: float) -> np.ndarray:
    low, high = points.min(axis=0), points.max(axis=0)
    low[0], high[0] = -np.abs(points[:, 0]).max(), np.abs(points[:, 0]).max()
    return margin + (1.0 - 2.0 * margin) * (points - low) / (high - low)
