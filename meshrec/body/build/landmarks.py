"""Finds landmark vertices and orders the mesh so that smplx's fixed landmark numbers fall on them."""

from __future__ import annotations

import numpy as np

from meshrec.body.regressors import LANDMARK_VERTICES

_FINGERS = ("thumb", "index", "middle", "ring", "pinky")
_EAR_DEPTH = 0.010  # metres from the outermost point of the ear towards the head


def find_landmarks(
    vertices: np.ndarray, weights: np.ndarray, bones: tuple[str, ...], mirror: np.ndarray, eye_centre: np.ndarray
) -> dict[str, int]:
    """Vertex of each landmark.

    Args:
        vertices: (V, 3) template in the T-pose, y up, facing +z.
        weights: (V, K) skinning weights of MakeHuman's bones.
        bones: K names.
        mirror: (V,) index of each vertex's mirror image.
        eye_centre: (3,) centre of the left eyeball.
    Returns:
        Name to vertex index, names as in ``LANDMARK_VERTICES``.
    """
    owner = np.array(bones)[weights.argmax(1)]
    left = vertices[:, 0] > 1e-6
    x, y, z = vertices.T

    def extreme(candidates: np.ndarray, measure: np.ndarray) -> int:
        return int(np.flatnonzero(candidates)[measure[candidates].argmax()])

    head = y > y.max() - 0.25
    found = {"nose": extreme(head & (mirror == np.arange(len(mirror))), z)}
    in_front = vertices - eye_centre
    found["left_eye"] = extreme(
        left & (np.linalg.norm(in_front, axis=1) < 0.025), z - 2 * np.hypot(in_front[:, 0], in_front[:, 1])
    )
    ear = head & (np.abs(y - eye_centre[1]) < 0.06) & (z < eye_centre[2] - 0.03)
    outermost = vertices[extreme(ear, x)]
    found["left_ear"] = extreme(ear, -np.linalg.norm(vertices - outermost + [_EAR_DEPTH, 0, 0], axis=1))
    found["left_big_toe"] = extreme(owner == "toe1-2.L", z)
    found["left_small_toe"] = extreme(np.isin(owner, ["toe5-2.L", "toe5-3.L"]), z)
    found["left_heel"] = extreme(left & (y < y.min() + 0.03), -z)
    for number, finger in enumerate(_FINGERS, start=1):
        found[f"left_{finger}"] = extreme(owner == f"finger{number}-3.L", x + 0.5 * z * (number == 1))
    return found | {
        name.replace("left_", "right_"): int(mirror[vertex]) for name, vertex in found.items() if "left_" in name
    }


def slot_order(landmarks: dict[str, int], count: int) -> np.ndarray:
    """Order of the vertices that puts each landmark into its slot and leaves the rest in sequence.

    Returns:
        (V,) the present index of the vertex that goes to each place.
    """
    order = np.full(count, -1)
    for name, slot in LANDMARK_VERTICES.items():
        order[slot] = landmarks[name]
    rest = np.setdiff1d(np.arange(count), list(landmarks.values()))
    order[order < 0] = rest
    return order
