"""Dresses a body in a garment: where it lies, and how it follows the body's shape and pose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, diags
from scipy.spatial import cKDTree

from meshrec.data.wardrobe.build.binding import Binding, bind, heights
from meshrec.data.wardrobe.build.proxy_files import TexturedMesh

_GAP = 0.003  # metres between skin and cloth
_PUSH_ROUNDS = 6
_TIGHT, _LOOSE = 0.01, 0.05  # metres off the skin: cloth below the first moves with it, beyond the second freely
_PATCH, _WIDTH = 160, 0.45  # vertices of the patch of skin that loose cloth follows; its width over the distance
_SMOOTHING_ROUNDS = 4


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


@dataclass(frozen=True)
class Fit:
    """A garment on a body.

    Attributes:
        vertices: (V, 3) outside the skin.
        shape_directions: (V, 3, S); skinning_weights: (V, J), rows sum to one.
        binding: the body's surface point below each vertex.
    """

    vertices: np.ndarray
    shape_directions: np.ndarray
    skinning_weights: np.ndarray
    binding: Binding


def dress(mesh: TexturedMesh, surface: Surface, hidden: np.ndarray, carriers: Sequence[int] = ()) -> Fit:
    """Fit a garment that lies about right.

    Args:
        mesh: vertices over the body in its rest pose, metres.
        hidden: (B,) body vertices that the garment hides; it need not stay outside of them.
        carriers: joints that alone may move the garment, such as the head for a hat; the pull of others goes to the
            first. All joints by default.
    """
    means = neighbour_means(mesh.faces, mesh.vertices)
    points = pushed_out(mesh.vertices, means, surface, ~hidden)
    joints = surface.skinning_weights.shape[1]
    skin = np.concatenate([surface.shape_directions.reshape(len(hidden), -1), surface.skinning_weights], 1)
    directions, weights = np.split(followed(points, means, surface, skin), [skin.shape[1] - joints], axis=1)
    if carriers:
        others = np.setdiff1d(np.arange(joints), carriers)
        weights[:, carriers[0]] += weights[:, others].sum(1)
        weights[:, others] = 0
    weights /= weights.sum(1, keepdims=True)
    return Fit(points, directions.reshape(len(points), 3, -1), weights, bind(points, surface.vertices, surface.faces))


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


def followed(points: np.ndarray, means: csr_matrix, surface: Surface, values: np.ndarray) -> np.ndarray:
    """Values (V, C) of the skin that each garment vertex follows.

    Tight cloth follows the skin below it. The farther a vertex is from the body, the wider the patch of skin whose
    mean it follows, so that the front of a skirt goes with the thigh behind it while its middle, where the nearest
    skin jumps from one leg to the other, goes with both. A short diffusion along the cloth removes what steps remain.

    Args:
        points: (V, 3) garment vertices.
        means: matrix of `neighbour_means`.
        values: (B, C) of the body's vertices.
    """
    binding = bind(points, surface.vertices, surface.faces)
    near, there = cKDTree(surface.vertices).query(points, min(_PATCH, len(surface.vertices)))
    width = np.maximum(_WIDTH * binding.distance, 0.004)[:, None]
    share = np.exp(-0.5 * (near**2 - near[:, :1] ** 2) / width**2) * vertex_areas(surface)[there]
    share /= share.sum(1, keepdims=True)
    patch = np.einsum("vk,vkc->vc", share, values[there])
    loose = np.clip((binding.distance - _TIGHT) / (_LOOSE - _TIGHT), 0, 1)[:, None]
    result = binding.read(values, surface.faces) * (1 - loose) + patch * loose
    pull = 0.8 * loose
    for _ in range(_SMOOTHING_ROUNDS):
        result = (1 - pull) * result + pull * (means @ result)
    return result


def vertex_areas(surface: Surface) -> np.ndarray:
    """(B,) a third of the area of the faces around each vertex."""
    a, b, c = (surface.vertices[surface.faces[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 6
    return np.bincount(surface.faces.ravel(), np.repeat(area, 3), len(surface.vertices))
