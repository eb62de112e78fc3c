"""A chart for each of the 24 parts: flattened on its own and stretched to fill [0, 1]^2.

Like DensePose's charts in numbering and extent only: U and V are our own. V grows towards the head or, on arms and
hands, towards the trunk; a part on the right is the mirror image (U to 1 - U) of the one on the left.
"""

from __future__ import annotations

import numpy as np

from meshrec.uv.build.flatten import DiscFlattener
from meshrec.uv.build.template import TemplateMesh
from meshrec.uv.parts import MIRROR_PART, PART_COUNT, PART_NAMES

_ITERATIONS = 60


def lay_out_charts(mesh: TemplateMesh, texture_faces: np.ndarray, face_part: np.ndarray) -> np.ndarray:
    """(F, 3, 2) chart coordinates of the corners of each face.

    Args:
        mesh: the body.
        texture_faces: (F, 3) faces cut along the atlas' seam; hands and feet are opened along it.
        face_part: (F,) parts, mirror-symmetric.
    """
    corners = np.zeros((len(face_part), 3, 2))
    opposite = mesh.mirror_faces()
    slot = (mesh.faces[opposite][:, None, :] == mesh.mirror_vertex[mesh.faces][:, :, None]).argmax(axis=2)
    old_vertex = np.zeros(int(texture_faces.max()) + 1, dtype=np.int64)
    old_vertex[texture_faces] = mesh.faces
    for part in range(1, PART_COUNT + 1):
        chosen = np.flatnonzero(face_part == part)
        if MIRROR_PART[part] < part:  # its mirror image is done
            twin = np.take_along_axis(corners[opposite[chosen]], slot[chosen][..., None], axis=1)
            corners[chosen] = (1.0, 0.0) + twin * (-1.0, 1.0)
            continue
        closed = "hand" in PART_NAMES[part] or "foot" in PART_NAMES[part]
        faces, owner = (texture_faces, old_vertex) if closed else (mesh.faces, np.arange(len(mesh.vertices)))
        used, local = np.unique(faces[chosen], return_inverse=True)
        points = _flatten_part(mesh.vertices[owner[used]], local.reshape(-1, 3), part)
        corners[chosen] = points[local.reshape(-1, 3)]
        if MIRROR_PART[part] == part:
            number = np.empty(len(face_part), dtype=np.int64)
            number[chosen] = np.arange(len(chosen))
            twin = np.take_along_axis(corners[opposite[chosen]], slot[chosen][..., None], axis=1)
            corners[chosen] = 0.5 * (corners[chosen] + (1.0, 0.0) + twin * (-1.0, 1.0))
    return corners


def _flatten_part(positions: np.ndarray, faces: np.ndarray, part: int) -> np.ndarray:
    flattener = DiscFlattener(positions, faces)
    points = flattener.improve(flattener.start(), _ITERATIONS)
    points = points - points.mean(axis=0)
    sideways = "arm" in PART_NAMES[part] or "hand" in PART_NAMES[part]
    upward = -np.abs(positions[:, 0]) if sideways else positions[:, 1]
    gradient = np.linalg.lstsq(points, upward - upward.mean(), rcond=None)[0]
    across, along = gradient / np.linalg.norm(gradient)
    points = points @ np.array([[along, across], [-across, along]])
    return (points - points.min(axis=0)) / np.ptp(points, axis=0)
