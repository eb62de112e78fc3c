"""The mesh an atlas is built for: a T-posed, mirror-symmetric body with its joints and skinning weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from meshrec.assets import array_hash
from meshrec.errors import InvalidInput

# SMPL's joint order, by the surface region that each joint moves.
JOINT_NUMBERS = {
    "torso": (0, 3, 6, 9, 13, 14),
    "head": (12, 15),
    "left_upper_leg": (1,),
    "right_upper_leg": (2,),
    "left_lower_leg": (4,),
    "right_lower_leg": (5,),
    "left_foot": (7, 10),
    "right_foot": (8, 11),
    "left_upper_arm": (16,),
    "right_upper_arm": (17,),
    "left_lower_arm": (18,),
    "right_lower_arm": (19,),
    "left_hand": (20, 22),
    "right_hand": (21, 23),
}
JOINT = {
    "pelvis": 0,
    "left_hip": 1,
    "left_knee": 4,
    "left_ankle": 7,
    "left_foot": 10,
    "neck": 12,
    "head": 15,
    "left_shoulder": 16,
    "left_elbow": 18,
    "left_wrist": 20,
}


@dataclass(frozen=True)
class TemplateMesh:
    """A body at rest, in the body frame (y up, facing +z, left = +x, metres)."""

    vertices: np.ndarray  # (V, 3)
    faces: np.ndarray  # (F, 3) counter-clockwise from outside
    joints: np.ndarray  # (24, 3) SMPL order
    weights: np.ndarray  # (V, 24)
    mirror_vertex: np.ndarray  # (V,) the vertex at (-x, y, z)

    @property
    def hash(self) -> str:
        """The hash of the body that an atlas of this mesh belongs to."""
        return array_hash(self.vertices, self.faces)

    def joint(self, name: str) -> np.ndarray:
        """(3,) position of a joint of ``JOINT``; right-hand joints are mirrored left ones."""
        return self.joints[JOINT[name]]

    def region_weight(self, region: str) -> np.ndarray:
        """(V,) share of the skinning weight that belongs to a region of ``JOINT_NUMBERS``."""
        return self.weights[:, JOINT_NUMBERS[region]].sum(axis=1)

    def mirror_faces(self) -> np.ndarray:
        """(F,) the face that covers the mirrored triangle."""
        by_vertices = {tuple(sorted(face)): index for index, face in enumerate(self.faces.tolist())}
        try:
            return np.array([by_vertices[tuple(sorted(face))] for face in self.mirror_vertex[self.faces].tolist()])
        except KeyError as missing:
            raise InvalidInput(f"The mesh is not mirror-symmetric: no face on vertices {missing}.") from None


def read_template(path: str | Path) -> TemplateMesh:
    """Read an SMPL-format npz (``v_template``, ``f``, ``weights``, ``J_regressor`` or ``joints``).

    Raises:
        InvalidInput: an array is missing or the mesh is not mirror-symmetric.
    """
    with np.load(path) as arrays:
        absent = [key for key in ("v_template", "f", "weights") if key not in arrays]
        if absent:
            raise InvalidInput(f"{path} lacks {', '.join(absent)}; give a body in SMPL format.")
        vertices = arrays["v_template"].astype(np.float64)
        faces, weights = arrays["f"].astype(np.int64), arrays["weights"].astype(np.float64)
        joints = arrays["J_regressor"].astype(np.float64) @ vertices if "J_regressor" in arrays else arrays["joints"]
    return TemplateMesh(vertices, faces, joints.astype(np.float64), weights, find_mirror_vertices(vertices))


def find_mirror_vertices(vertices: np.ndarray, tolerance_m: float = 1e-4) -> np.ndarray:
    """(V,) index of the vertex nearest to each mirrored position; a permutation that is its own inverse.

    Raises:
        InvalidInput: some vertex has no mirror image within the tolerance.
    """
    from scipy.spatial import cKDTree

    distance, mirror = cKDTree(vertices).query(vertices * (-1.0, 1.0, 1.0))
    if distance.max() > tolerance_m or not np.array_equal(mirror[mirror], np.arange(len(vertices))):
        raise InvalidInput(f"The mesh is not mirror-symmetric about x = 0 (worst gap {1000 * distance.max():.3f} mm).")
    return mirror
