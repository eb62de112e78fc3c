"""Fits a garment onto the figure: where it lies, how it follows shape and pose, and what it hides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, diags

from meshrec.data.wardrobe.build.binding import bind, heights

_GAP = 0.003  # metres between skin and cloth
_PUSH_ROUNDS = 6
_TIGHT, _LOOSE = (
    0.015,
    0.10,
)  # metres off the skin: up to the first cloth moves with it, from the second on it is smooth
_SMOOTHING_ROUNDS = 60


@dataclass(frozen=True)
class Surface:
    """The body in its rest pose, or any closed surface that is dressed.

    Attributes:
        vertices, normals: (B, 3); faces: (F, 3).
        shape_directions: (B, 3, S); skinning_weights: (B, J).
    """

    vertices: np.ndarray
    normals: np.ndarray
    faces: np.ndarray
    shape_directions: np.ndarray
    skinning_weights: np.ndarray


def neighbour_means(faces: np.ndarray, vertices: np.ndarray) -> csr_matrix:
    """(V, V) matrix that replaces each vertex's value by its neighbours' mean; vertices at one place share neighbours.

    Garments are cut open along texture seams in some files, so that coincident vertices have to be joined first.
    """
    _, place = np.unique(np.round(vertices, 5), axis=0, return_inverse=True)
    place = place.ravel()
    corner = place[faces]
    first, second = corner.ravel(), np.roll(corner, 1, axis=1).ravel()
    count = place.max() + 1
    links = coo_matrix((np.ones(len(first)), (first, second)), (count, count)).tocsr()
    links = ((links + links.T) > 0).astype(float)
    degree = np.asarray(links.sum(1)).ravel()
    means = diags(1 / np.maximum(degree, 1)) @ links + diags((degree == 0).astype(float))
    member = coo_matrix((np.ones(len(place)), (np.arange(len(place)), place)), (len(place), count)).tocsr()
    average = diags(1 / np.asarray(member.sum(0)).ravel()) @ member.T
    return (member @ means @ average).tocsr()


def pushed_out(points: np.ndarray, means: csr_matrix, surface: Surface, shown: np.ndarray) -> np.ndarray:
    """The garment with a gap to the skin wherever the skin is shown beside it.

    What lies too deep moves along the skin's normal, and takes its neighbours along so that no dents are left.

    Args:
        points: (V, 3) garment vertices.
        means: matrix of `neighbour_means`.
        shown: (B,) body vertices that are not hidden by the garment.
    """
    for _ in range(_PUSH_ROUNDS):
        binding = bind(points, surface.vertices, surface.faces)
        height, normal = heights(points, binding, surface.vertices, surface.faces, surface.normals)
        lacking = np.where(shown[surface.faces[binding.face]].any(1), _GAP - height, 0)
        if lacking.max() < 1e-4:
            break
        lift = np.clip(lacking, 0, 0.03)
        for _ in range(3):
            lift = np.maximum(lift, 0.9 * (means @ lift))
        points = points + lift[:, None] * normal
    return points


def smoothed_by_distance(values: np.ndarray, means: csr_matrix, distance: np.ndarray) -> np.ndarray:
    """Values (V, C) diffused along the garment, the more the farther a vertex is from the body.

    Tight cloth keeps the values of the skin below. Between the legs of a skirt, where the nearest skin jumps from one
    leg to the other, neighbours come to agree.
    """
    freedom = np.clip((distance - _TIGHT) / (_LOOSE - _TIGHT), 0, 1)
    for _ in range(4):  # the edge of what is free must not be a step either
        freedom = 0.5 * (freedom + means @ freedom)
    pull = (0.95 * np.sqrt(freedom))[:, None]
    for _ in range(_SMOOTHING_ROUNDS):
        values = (1 - pull) * values + pull * (means @ values)
    return values
