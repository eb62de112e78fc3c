"""Maps MakeHuman's rig to SMPL's 24 joints: rest positions, parents and skinning weights."""

from __future__ import annotations

import numpy as np

from meshrec.structures.joints import SMPL24

SMPL_PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)

# Joint position as a weighted sum of bone heads; "*" stands for the side.
_POSITIONS = {
    "pelvis": {"upperleg01.L": 0.35, "upperleg01.R": 0.35, "spine04": 0.3},
    "spine1": {"spine03": 1.0},
    "spine2": {"spine02": 1.0},
    "spine3": {"spine01": 1.0},
    "neck": {"neck01": 1.0},
    "head": {"head": 1.0},
    "hip": {"upperleg01.*": 1.0},
    "knee": {"lowerleg01.*": 1.0},
    "ankle": {"foot.*": 1.0},
    "foot": {"toe2-1.*": 0.5, "toe3-1.*": 0.5},
    "collar": {"clavicle.*": 1.0},
    "shoulder": {"upperarm01.*": 1.0},
    "elbow": {"lowerarm01.*": 1.0},
    "wrist": {"wrist.*": 1.0},
    "hand": {"finger3-1.*": 0.8, "finger2-1.*": 0.1, "finger4-1.*": 0.1},
}
# The joint that takes over the skin of each bone and, unless they are listed themselves, of the bones below it.
# The thumb stays with the wrist: carried by the hand joint it would swing about knuckles that it is not near, and fold
# the palm.
_SKIN = {
    "root": "pelvis",
    "spine05": "pelvis",
    "spine04": "pelvis",
    "spine03": "spine1",
    "spine02": "spine2",
    "spine01": "spine3",
    "neck01": "neck",
    "head": "head",
    "upperleg01": "hip",
    "lowerleg01": "knee",
    "foot": "ankle",
    "toe1-1": "foot",
    "toe2-1": "foot",
    "toe3-1": "foot",
    "toe4-1": "foot",
    "toe5-1": "foot",
    "clavicle": "collar",
    "upperarm01": "shoulder",
    "lowerarm01": "elbow",
    "wrist": "wrist",
    "finger2-1": "hand",
    "finger3-1": "hand",
    "finger4-1": "hand",
    "finger5-1": "hand",
}


def smpl_joints(heads: np.ndarray, bones: tuple[str, ...]) -> np.ndarray:
    """SMPL's joints (N, 24, 3) from bone heads (N, K, 3)."""
    mapping = np.zeros((len(SMPL24), len(bones)))
    for row, joint in enumerate(SMPL24.names):
        side, name = _split(joint)
        for bone, weight in _POSITIONS[name].items():
            mapping[row, bones.index(bone.replace("*", side))] = weight
    return np.einsum("jk,nkc->njc", mapping, heads)


def smpl_weights(weights: np.ndarray, bones: tuple[str, ...], parents: np.ndarray, influences: int = 4) -> np.ndarray:
    """Skinning weights of SMPL's joints (V, 24) from those of the bones (V, K), at most ``influences`` per vertex."""
    grouped = np.zeros((len(weights), len(SMPL24)))
    for bone in range(len(bones)):
        grouped[:, _owner(bone, bones, parents)] += weights[:, bone]
    smallest_kept = np.sort(grouped, 1)[:, -influences, None]
    grouped[grouped < smallest_kept] = 0
    return grouped / grouped.sum(1, keepdims=True)


def _owner(bone: int, bones: tuple[str, ...], parents: np.ndarray) -> int:
    side = ""
    while bone >= 0:
        name, _, own_side = bones[bone].partition(".")
        side = side or own_side
        if name in _SKIN:
            joint = _SKIN[name]
            prefix = {"L": "left_", "R": "right_"}.get(own_side, "")
            return SMPL24.index(prefix + joint)
        bone = parents[bone]
    raise ValueError("A bone hangs outside the known skeleton.")


def _split(joint: str) -> tuple[str, str]:
    for prefix, side in (("left_", "L"), ("right_", "R")):
        if joint.startswith(prefix):
            return side, joint.removeprefix(prefix)
    return "", joint
