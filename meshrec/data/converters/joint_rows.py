"""Joints of foreign sets and spellings to ours, and boxes around people."""

from __future__ import annotations

import re

import numpy as np
import torch

from meshrec.geometry.crops import WIDE_CROP_ENLARGEMENT
from meshrec.structures import BODY30, JointSet, convert_joints


def joint_name(name: str) -> str:
    """Our name of a joint, of spellings such as ``r_ankle``, ``RAnkle``, ``Right Ankle`` and ``ankle_right``."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=^[RL])(?=[A-Z])", " ", name.strip())
    words = re.split(r"[\s_.-]+", words.lower())
    words = [{"r": "right", "l": "left"}.get(word, word) for word in words]
    sides = [word for word in words if word in ("left", "right")]
    return "_".join(sides + [word for word in words if word not in ("left", "right")])


def to_body30(joints: np.ndarray, confidence: np.ndarray, joint_set: JointSet) -> tuple[np.ndarray, np.ndarray]:
    """Joints under the names of BODY30.

    Args:
        joints: (N, J, C) in the order of ``joint_set``; unknown ones may hold anything.
        confidence: (N, J), 0 where unknown.
    Returns:
        (N, 30, C) and (N, 30) float32, zero where the set lacks the joint or the confidence is 0.
    """
    confidence = np.clip(np.nan_to_num(confidence), 0, 1)
    joints = np.where(confidence[..., None] > 0, np.nan_to_num(joints), 0)
    both = torch.from_numpy(np.concatenate([joints, confidence[..., None]], -1).astype(np.float32))
    converted = convert_joints(both, joint_set, BODY30)[0].numpy()
    return converted[..., :-1], converted[..., -1]


def filled_up(
    joints: tuple[np.ndarray, np.ndarray], others: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Joints and confidences of BODY30, with others' where they are unknown."""
    known = joints[1] > 0
    return np.where(known[..., None], joints[0], others[0]), np.where(known, joints[1], others[1])


def box_around(points_px: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(N, 4) left, top, width and height around the known ones of (N, J, 2) points; without any it has no size."""
    infinity = np.where(known[..., None], 0, np.inf)
    low, high = (points_px + infinity).min(1), (points_px - infinity).max(1)
    some = known.any(1, keepdims=True)
    return np.where(some, np.concatenate([low, high - low], 1), 0)


def box_of_crop(centre_px: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """(N, 4) boxes of which HMR, SPIN and DecoMR say the crop: its centre, and its side / 200."""
    side = 200 * np.asarray(scale, float).reshape(-1, 1) / WIDE_CROP_ENLARGEMENT
    return np.concatenate([np.asarray(centre_px, float) - side / 2, side, side], 1)
