"""Poses MakeHuman's A-pose into SMPL's T-pose, each shape with its own bones."""

from __future__ import annotations

import numpy as np

# Degrees that the clavicle and the shoulder blade each lift when the arm rises to the horizontal.
_SHOULDER_LIFT_DEG = 6.0
# Directions of the straightened limbs of the left side.
_ARM_AXIS = np.array([1.0, 0.0, 0.0])
_THIGH_AXIS = np.array([0.045, -1.0, 0.0])
_SHANK_AXIS = np.array([0.045, -1.0, -0.035])
_FOREARM_SHARE_OF_ROLL = {"lowerarm01": 0.33, "lowerarm02": 0.66}


def to_t_pose(
    vertices: np.ndarray, heads: np.ndarray, weights: np.ndarray, bones: tuple[str, ...], parents: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Arms along x with the palms down, legs straight, feet as they were.

    Args:
        vertices: (N, V, 3) shapes in the A-pose, y up, facing +z, left = +x.
        heads: (N, K, 3) head of each bone.
        weights: (V, K) skinning weights.
        bones: K names of MakeHuman's default rig.
        parents: (K,) index of each parent, -1 at the root.
    Returns:
        Vertices (N, V, 3) and bone heads (N, K, 3) in the T-pose.
    """
    index = {bone: i for i, bone in enumerate(bones)}
    rotations = np.broadcast_to(np.eye(3), (*heads.shape[:2], 3, 3)).copy()
    for side, sign in (("L", 1.0), ("R", -1.0)):
        _pose_arm(rotations, heads, index, side, sign)
        _pose_leg(rotations, heads, index, side, sign)
    posed_heads = heads.copy()
    for bone in _root_first(parents):
        parent = parents[bone]
        if parent < 0:
            continue
        if not _is_posed(bones[bone]):
            rotations[:, bone] = rotations[:, parent]
        posed_heads[:, bone] = posed_heads[:, parent] + _apply(rotations[:, parent], heads[:, bone] - heads[:, parent])
    shift = posed_heads - np.einsum("nkij,nkj->nki", rotations, heads)
    transforms = np.concatenate([rotations, shift[..., None]], -1)
    blended = np.einsum("vk,nkij->nvij", weights, transforms, optimize=True)
    return np.einsum("nvij,nvj->nvi", blended[..., :3], vertices) + blended[..., 3], posed_heads


_POSED = (
    "clavicle",
    "shoulder01",
    "upperarm01",
    "lowerarm01",
    "lowerarm02",
    "wrist",
    "upperleg01",
    "lowerleg01",
    "foot",
)


def _is_posed(bone: str) -> bool:
    return bone.split(".")[0] in _POSED


def _pose_arm(rotations: np.ndarray, heads: np.ndarray, index: dict[str, int], side: str, sign: float) -> None:
    def bone(name: str) -> int:
        return index[f"{name}.{side}"]

    def direction(start: str, end: str) -> np.ndarray:
        return heads[:, bone(end)] - heads[:, bone(start)]

    lift = _about_axis(2, np.full(len(heads), sign * np.deg2rad(_SHOULDER_LIFT_DEG)))
    rotations[:, bone("clavicle")] = lift
    rotations[:, bone("shoulder01")] = lift @ lift
    axis = _ARM_AXIS * [sign, 1, 1]
    upper = _aim(lift @ lift, direction("upperarm01", "lowerarm01"), axis)
    lower = _aim(upper, direction("lowerarm01", "wrist"), axis)
    hand = _aim(lower, direction("wrist", "finger3-1"), axis)
    across = _apply(hand, direction("finger5-1", "finger2-1"))  # from the little finger to the index finger
    roll = np.arctan2(across[:, 1], across[:, 2])  # the turn about x that brings it to +z: the palm looks down
    rotations[:, bone("upperarm01")] = upper
    for name, share in _FOREARM_SHARE_OF_ROLL.items():
        rotations[:, bone(name)] = _about_axis(0, share * roll) @ lower
    rotations[:, bone("wrist")] = _about_axis(0, roll) @ hand


def _pose_leg(rotations: np.ndarray, heads: np.ndarray, index: dict[str, int], side: str, sign: float) -> None:
    hip, knee, ankle = (heads[:, index[f"{name}.{side}"]] for name in ("upperleg01", "lowerleg01", "foot"))
    identity = np.broadcast_to(np.eye(3), (len(heads), 3, 3))
    thigh = _aim(identity, knee - hip, _THIGH_AXIS * [sign, 1, 1])
    rotations[:, index[f"upperleg01.{side}"]] = thigh
    rotations[:, index[f"lowerleg01.{side}"]] = _aim(thigh, ankle - knee, _SHANK_AXIS * [sign, 1, 1])
    rotations[:, index[f"foot.{side}"]] = identity


def _root_first(parents: np.ndarray) -> list[int]:
    depth = np.zeros(len(parents), int)
    for bone in range(len(parents)):
        ancestor = parents[bone]
        while ancestor >= 0:
            depth[bone] += 1
            ancestor = parents[ancestor]
    return np.argsort(depth, kind="stable").tolist()


def _apply(rotations: np.ndarray, points: np.ndarray) -> np.ndarray:
    return np.einsum("nij,nj->ni", rotations, points)


def _aim(rotations: np.ndarray, directions: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Follow the rotations by the smallest turn that brings the turned directions onto the axis."""
    a = _apply(rotations, directions)
    a /= np.linalg.norm(a, axis=-1, keepdims=True)
    b = np.broadcast_to(axis / np.linalg.norm(axis), a.shape)
    cross = np.cross(a, b)
    skew = np.zeros((*a.shape[:-1], 3, 3))
    skew[..., 0, 1], skew[..., 0, 2], skew[..., 1, 2] = -cross[..., 2], cross[..., 1], -cross[..., 0]
    skew -= np.swapaxes(skew, -1, -2)
    cosine = (a * b).sum(-1)[..., None, None]
    return (np.eye(3) + skew + skew @ skew / (1 + cosine)) @ rotations


def _about_axis(axis: int, angles: np.ndarray) -> np.ndarray:
    i, j = (axis + 1) % 3, (axis + 2) % 3
    rotation = np.zeros((len(angles), 3, 3))
    rotation[:, axis, axis] = 1
    rotation[:, i, i] = rotation[:, j, j] = np.cos(angles)
    rotation[:, j, i] = np.sin(angles)
    rotation[:, i, j] = -np.sin(angles)
    return rotation
