"""Finds the skin that nobody sees because cloth lies close over it."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix

from meshrec.data.wardrobe.build.binding import bind
from meshrec.data.wardrobe.build.garments import Surface
from meshrec.data.wardrobe.build.proxy_files import TexturedMesh

_CLOSE = 0.025  # metres; farther cloth moves too much to rely on
_STRAIGHT_UP = 0.8  # cosine between the skin's normal and the way to the cloth, at least
_TOUCHING = 0.004  # metres of cloth so near, or in the skin, that the direction means nothing
_MARGIN = 2  # edges of the body between hidden skin and skin that shows


def covered(mesh: TexturedMesh, surface: Surface) -> np.ndarray:
    """(B,) body vertices with cloth close above them and above their surroundings, so that no pose bares them.

    Args:
        mesh: the garment where it lies, metres.
    """
    binding = bind(surface.vertices, mesh.vertices, mesh.faces)
    way = binding.read(mesh.vertices, mesh.faces) - surface.vertices
    upwards = (way * surface.normals).sum(1) > _STRAIGHT_UP * binding.distance
    below = (binding.distance < _CLOSE) & upwards | (binding.distance < _TOUCHING)
    count = len(surface.vertices)
    first, second = surface.faces.ravel(), np.roll(surface.faces, 1, axis=1).ravel()
    neighbours = coo_matrix((np.ones(len(first)), (first, second)), (count, count)).tocsr()
    neighbours = neighbours + neighbours.T
    for _ in range(_MARGIN):
        below = below & (neighbours @ (~below).astype(float) == 0)
    return below
