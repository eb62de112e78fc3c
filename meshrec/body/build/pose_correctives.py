"""Learns pose offsets that pull linear blend skinning towards dual quaternion skinning.

Dual quaternions keep the volume of bent and twisted limbs (Kavan et al., "Geometric Skinning with Approximate Dual
Quaternion Blending", TOG 2008) but bulge at strong bends, hence only a share of the difference is learnt.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from meshrec.body.build.joints import SMPL_PARENTS
from meshrec.structures.joints import SMPL24

SHARE_OF_DUAL_QUATERNION = 0.75
_RIDGE = 2.0
_THRESHOLD = 2e-4  # metres per unit of the pose feature; smaller entries are dropped
# Standard deviation in radians of each joint's random rotation, per axis of the rotation vector.
_SPREAD = {
    "hip": 0.7,
    "knee": 0.7,
    "ankle": 0.35,
    "foot": 0.2,
    "spine1": 0.25,
    "spine2": 0.2,
    "spine3": 0.2,
    "neck": 0.3,
    "head": 0.3,
    "collar": 0.2,
    "shoulder": 0.7,
    "elbow": 0.7,
    "wrist": 0.4,
    "hand": 0.2,
}


def fit_pose_directions(
    vertices: np.ndarray, joints: np.ndarray, weights: np.ndarray, mirror: np.ndarray, poses: int, seed: int
) -> tuple[np.ndarray, dict[str, float]]:
    """Ridge regression of the skinning difference on each joint's rotation minus the identity.

    Args:
        vertices: (V, 3) template, metres.
        joints: (24, 3).
        weights: (V, 24).
        mirror: (V,) index of each vertex's mirror image.
        poses: how many random poses to fit; each is used mirrored as well.
        seed: of the poses.
    Returns:
        Directions (V, 3, 207), and the size and held-out error of the correction in millimetres.
    """
    rotations = _random_poses(poses, seed)
    rotations = np.concatenate([rotations, _mirrored_rotations(rotations)])
    features = (rotations[:, 1:] - np.eye(3)).reshape(len(rotations), -1)
    targets = skinning_difference(vertices, joints, weights, rotations)
    directions = _regress(features, targets, weights)
    directions = 0.5 * (directions + _mirrored_directions(directions, mirror))
    directions[np.abs(directions) < _THRESHOLD] = 0
    held_out = _random_poses(60, seed + 1)
    truth = skinning_difference(vertices, joints, weights, held_out)
    left = truth - np.einsum("vcp,np->nvc", directions, (held_out[:, 1:] - np.eye(3)).reshape(len(held_out), -1))
    figures = {}
    for name, offsets in (("correction", truth), ("unexplained", left)):
        lengths_mm = 1000 * np.linalg.norm(offsets, axis=-1)
        figures |= {f"{name}_mean_mm": float(lengths_mm.mean()), f"{name}_p95_mm": float(np.percentile(lengths_mm, 95))}
    return directions, figures


def skinning_difference(
    vertices: np.ndarray, joints: np.ndarray, weights: np.ndarray, rotations: np.ndarray
) -> np.ndarray:
    """What to add to the rest vertices so that linear skinning gives the wanted mixture (N, V, 3)."""
    turn, shift = _joint_motions(joints, rotations)
    blended = np.einsum("vj,njab->nvab", weights, np.concatenate([turn, shift[..., None]], -1), optimize=True)
    linear = np.einsum("nvab,vb->nva", blended[..., :3], vertices) + blended[..., 3]
    dual = _dual_quaternion_skinning(vertices, weights, turn, shift)
    offsets = np.linalg.solve(blended[..., :3] + 1e-6 * np.eye(3), (dual - linear)[..., None])[..., 0]
    # Where the blended transform nearly collapses, its inverse would ask for absurd offsets.
    length = np.linalg.norm(offsets, axis=-1, keepdims=True)
    return SHARE_OF_DUAL_QUATERNION * offsets * np.minimum(1, 0.04 / np.maximum(length, 1e-9))


def _random_poses(count: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    spread = np.array([_SPREAD.get(name.removeprefix("left_").removeprefix("right_"), 0.0) for name in SMPL24.names])
    vectors = spread[:, None] * random.standard_normal((count, len(spread), 3))
    angle = np.linalg.norm(vectors, axis=-1, keepdims=True)
    vectors *= np.minimum(1, 2.2 / np.maximum(angle, 1e-9))
    return Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix().reshape(count, -1, 3, 3)


def _mirrored_rotations(rotations: np.ndarray) -> np.ndarray:
    flip = np.array([-1.0, 1.0, 1.0])
    return rotations[:, list(SMPL24.mirror)] * flip[:, None] * flip


def _mirrored_directions(directions: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    flip = np.array([-1.0, 1.0, 1.0])
    blocks = directions.reshape(len(directions), 3, -1, 3, 3)
    partner = np.array(SMPL24.mirror)[1:] - 1
    mirrored = blocks[mirror][:, :, partner] * flip[:, None, None, None] * flip[:, None] * flip
    return mirrored.reshape(directions.shape)


def _regress(features: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Per vertex, only from the joints that move it, the root left out; vertices of equal joints share one solve."""
    directions = np.zeros((targets.shape[1], 3, features.shape[1]))
    moved_by = weights > 0.01
    for pattern in np.unique(moved_by, axis=0):
        chosen = np.flatnonzero((moved_by == pattern).all(1))
        columns = np.flatnonzero(np.repeat(pattern[1:], 9))
        if pattern.sum() < 2:
            continue  # a rigid vertex needs no correction
        x = features[:, columns]
        solution = np.linalg.solve(
            x.T @ x + _RIDGE * np.eye(len(columns)), x.T @ targets[:, chosen].reshape(len(x), -1)
        )
        directions[np.ix_(chosen, np.arange(3), columns)] = solution.reshape(len(columns), len(chosen), 3).transpose(
            1, 2, 0
        )
    return directions


def _joint_motions(joints: np.ndarray, rotations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    turn = np.array(rotations)
    place = np.broadcast_to(joints, (len(rotations), *joints.shape)).copy()
    for joint, parent in enumerate(SMPL_PARENTS[1:], start=1):
        turn[:, joint] = turn[:, parent] @ rotations[:, joint]
        place[:, joint] = place[:, parent] + turn[:, parent] @ (joints[joint] - joints[parent])
    return turn, place - np.einsum("njab,jb->nja", turn, joints)


def _dual_quaternion_skinning(
    vertices: np.ndarray, weights: np.ndarray, turn: np.ndarray, shift: np.ndarray
) -> np.ndarray:
    real = Rotation.from_matrix(turn.reshape(-1, 3, 3)).as_quat().reshape(*turn.shape[:2], 4)
    real = _toward_parents(real)
    pivot = real[:, weights.argmax(1)]  # the quaternion of each vertex's strongest joint decides the hemisphere
    dual = 0.5 * _multiply(np.concatenate([shift, np.zeros_like(shift[..., :1])], -1), real)
    sign = np.where(np.einsum("nva,nja->nvj", pivot, real) < 0, -1.0, 1.0)
    signed = sign * weights
    real, dual = signed @ real, signed @ dual
    norm = np.linalg.norm(real, axis=-1, keepdims=True)
    real, dual = real / norm, dual / norm
    conjugate = real * [-1, -1, -1, 1]
    translation = 2 * _multiply(dual, conjugate)[..., :3]
    axis, scalar = real[..., :3], real[..., 3:]
    turned = vertices + 2 * np.cross(axis, np.cross(axis, vertices) + scalar * vertices)
    return turned + translation


def _toward_parents(quaternions: np.ndarray) -> np.ndarray:
    """Choose signs so that each joint's quaternion is on its parent's side."""
    for joint, parent in enumerate(SMPL_PARENTS[1:], start=1):
        flip = (quaternions[:, joint] * quaternions[:, parent]).sum(-1) < 0
        quaternions[flip, joint] *= -1
    return quaternions


def _multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Hamilton product, xyzw."""
    av, aw, bv, bw = a[..., :3], a[..., 3:], b[..., :3], b[..., 3:]
    vector = aw * bv + bw * av + np.cross(av, bv)
    return np.concatenate([vector, aw * bw - (av * bv).sum(-1, keepdims=True)], -1)
