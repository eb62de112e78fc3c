"""Learns which weighted mean of vertices gives each joint, over many shapes."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from meshrec.structures.joints import SMPL24

# Candidates are taken all around the joint: with the nearest vertices alone, trunk joints lie outside their convex
# hull.
_DIRECTIONS = 200
_CONE_COSINE = 0.95
_MAX_VERTICES = 32
_SUM_WEIGHT = 10.0  # of the equation "weights sum to one", in metres, beside residuals of millimetres


def fit_joint_regressor(shapes: np.ndarray, joints: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Sparse, non-negative, mirror-symmetric rows that sum to one.

    Args:
        shapes: (N, V, 3) symmetric bodies in the T-pose, metres.
        joints: (N, 24, 3) their joints.
        mirror: (V,) index of each vertex's mirror image.
    Returns:
        (24, V).
    """
    regressor = np.zeros((len(SMPL24), shapes.shape[1]))
    for joint, name in enumerate(SMPL24.names):
        if not name.startswith("right_"):
            regressor[joint] = _fit_row(shapes, joints[:, joint])
    mirrored = regressor[list(SMPL24.mirror)][:, mirror]
    on_right = np.array([name.startswith("right_") for name in SMPL24.names])
    in_middle = np.array(SMPL24.mirror) == np.arange(len(SMPL24))
    regressor[on_right] = mirrored[on_right]
    regressor[in_middle] = 0.5 * (regressor + mirrored)[in_middle]
    return regressor / regressor.sum(1, keepdims=True)


def _fit_row(shapes: np.ndarray, targets: np.ndarray) -> np.ndarray:
    candidates = _surrounding_vertices(shapes.mean(0), targets.mean(0))
    weights = _solve(shapes[:, candidates], targets)
    strongest = np.argsort(-weights)[:_MAX_VERTICES]
    candidates = candidates[strongest[weights[strongest] > 1e-4]]
    row = np.zeros(shapes.shape[1])
    row[candidates] = _solve(shapes[:, candidates], targets)
    return row


def _solve(candidates: np.ndarray, targets: np.ndarray) -> np.ndarray:
    offsets = (candidates - targets[:, None]).transpose(0, 2, 1).reshape(-1, candidates.shape[1])
    system = np.concatenate([offsets / np.sqrt(len(candidates)), np.full((1, candidates.shape[1]), _SUM_WEIGHT)])
    right = np.zeros(len(system))
    right[-1] = _SUM_WEIGHT
    return nnls(system, right, maxiter=20 * system.shape[1])[0]


def _surrounding_vertices(vertices: np.ndarray, joint: np.ndarray) -> np.ndarray:
    """The nearest vertex in a cone about each of evenly spread directions."""
    offsets = vertices - joint
    distance = np.linalg.norm(offsets, axis=1)
    step = np.arange(_DIRECTIONS) + 0.5
    polar, azimuth = np.arccos(1 - 2 * step / _DIRECTIONS), np.pi * (1 + 5**0.5) * step
    directions = np.stack([np.cos(azimuth) * np.sin(polar), np.sin(azimuth) * np.sin(polar), np.cos(polar)], -1)
    cosine = offsets @ directions.T / distance[:, None]
    reach = np.where(cosine > _CONE_COSINE, distance[:, None], np.inf)
    nearest = reach.argmin(0)
    return np.unique(nearest[np.isfinite(reach.min(0))])
