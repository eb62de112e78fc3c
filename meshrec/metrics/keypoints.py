"""Shares of 2D keypoints that are right, and the lengths on the person that say what is near enough.

Values are 1 (right), 0 (wrong) or NaN (not labelled, or the person has no such length), so that `nanmean` over any axes
gives the share.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.structures import JointSet

PCK_SHARE = 0.2
PCKH_SHARE = 0.5
PCP_SHARE = 0.5
PDJ_SHARE = 0.2
PDJ_CURVE_SHARES = tuple(step / 100 for step in range(5, 55, 5))
# Andriluka et al., "2D human pose estimation: new benchmark and state of the art analysis" (MPII), CVPR 2014: the head
# segment is 60 % of the diagonal of the annotated head box.
HEAD_BOX_SHARE = 0.6
# The ten limbs of Leeds Sports Pose, Johnson and Everingham, BMVC 2010; the torso and the head complete them there.
LIMBS = (
    ("left_shoulder", "left_elbow"),
    ("right_shoulder", "right_elbow"),
    ("left_elbow", "left_wrist"),
    ("right_elbow", "right_wrist"),
    ("left_hip", "left_knee"),
    ("right_hip", "right_knee"),
    ("left_knee", "left_ankle"),
    ("right_knee", "right_ankle"),
    ("neck", "head_top"),
)


def correct_keypoints(
    predicted_px: Tensor, target_px: Tensor, valid: Tensor, reference_px: Tensor, threshold: float = PCK_SHARE
) -> Tensor:
    """Which keypoints lie within a share of a reference length: PCK and its relatives.

    PCK@0.2 of the torso takes `torso_length_px`, PCKh@0.5 `head_box_length_px` or `head_length_px`, PDJ@0.2
    `torso_diameter_px`.

    Args:
        predicted_px, target_px: (B, J, 2) pixels.
        valid: (B, J) bool, the keypoint counts.
        reference_px: (B,) length in pixels; NaN or zero: nothing of that person counts.
    Returns:
        (B, J) 1, 0 or NaN.
    """
    check_shapes(
        predicted_px=(predicted_px, "B J 2"),
        target_px=(target_px, "B J 2"),
        valid=(valid, "B J"),
        reference_px=(reference_px, "B"),
    )
    reference_px = reference_px[:, None]
    correct = (predicted_px - target_px).norm(dim=-1) <= threshold * reference_px
    return torch.where(valid.bool() & (reference_px > 0), correct.float(), torch.nan)


def detection_curve(
    predicted_px: Tensor,
    target_px: Tensor,
    valid: Tensor,
    diameter_px: Tensor,
    shares: Sequence[float] = PDJ_CURVE_SHARES,
) -> Tensor:
    """Percentage of detected joints (PDJ) over a range of shares of the torso's diameter.

    Sapp and Taskar, "MODEC: multimodal decomposable models for human pose estimation", CVPR 2013; Toshev and Szegedy,
    "DeepPose", CVPR 2014.

    Args:
        diameter_px: (B,) from `torso_diameter_px`.
    Returns:
        (S, B, J) 1, 0 or NaN for each share.
    """
    hits = [correct_keypoints(predicted_px, target_px, valid, diameter_px, share) for share in shares]
    return torch.stack(hits)


def correct_parts(
    predicted_px: Tensor, target_px: Tensor, valid: Tensor, limbs: Sequence[tuple[int, int]], share: float = PCP_SHARE
) -> Tensor:
    """Which limbs have both ends within half their true length of the truth: strict PCP.

    Ferrari et al., "Progressive search space reduction for human pose estimation", CVPR 2008, in the strict reading
    that Pishchulin et al., "Articulated people detection and pose estimation", CVPR 2012, set against the loose one
    (the mean of both ends' distances).

    Args:
        predicted_px, target_px: (B, J, 2) pixels.
        valid: (B, J) bool.
        limbs: pairs of joint indices, from `limb_indices`.
    Returns:
        (B, L) 1, 0 or NaN; NaN where an end is not labelled or the limb has no length.
    """
    check_shapes(predicted_px=(predicted_px, "B J 2"), target_px=(target_px, "B J 2"), valid=(valid, "B J"))
    first, second = (list(ends) for ends in zip(*limbs)) if limbs else ([], [])
    distance = (predicted_px - target_px).norm(dim=-1)
    length = (target_px[:, first] - target_px[:, second]).norm(dim=-1)
    correct = torch.maximum(distance[:, first], distance[:, second]) <= share * length
    known = valid.bool()[:, first] & valid.bool()[:, second] & (length > 0)
    return torch.where(known, correct.float(), torch.nan)


def limb_indices(joint_set: JointSet) -> list[tuple[int, int]]:
    """The limbs of `LIMBS` both of whose ends the joint set has."""
    return [
        (joint_set.index(first), joint_set.index(second))
        for first, second in LIMBS
        if first in joint_set.names and second in joint_set.names
    ]


def torso_length_px(joints_px: Tensor, labelled: Tensor, joint_set: JointSet) -> Tensor:
    """Distance from mid-shoulder to mid-hip, (B,); NaN where one of the four joints is not labelled."""
    shoulders, hips = ("left_shoulder", "right_shoulder"), ("left_hip", "right_hip")
    return _distance(joints_px, labelled, joint_set, shoulders, hips)


def torso_diameter_px(joints_px: Tensor, labelled: Tensor, joint_set: JointSet) -> Tensor:
    """Distance from the left shoulder to the right hip, the length of PDJ, (B,); NaN where one is not labelled."""
    return _distance(joints_px, labelled, joint_set, ("left_shoulder",), ("right_hip",))


def head_length_px(joints_px: Tensor, labelled: Tensor, joint_set: JointSet) -> Tensor:
    """Distance from neck to crown, the head's length where no head box is annotated, (B,); NaN without them.

    Not MPII's own length, which needs the head box: see `head_box_length_px`.
    """
    return _distance(joints_px, labelled, joint_set, ("neck",), ("head_top",))


def head_box_length_px(boxes_xywh_px: Tensor) -> Tensor:
    """MPII's head length, 0.6 of the head box's diagonal, (B, 4) -> (B,)."""
    check_shapes(boxes_xywh_px=(boxes_xywh_px, "B 4"))
    return HEAD_BOX_SHARE * boxes_xywh_px[:, 2:].norm(dim=-1)


def _distance(
    joints_px: Tensor, labelled: Tensor, joint_set: JointSet, first: tuple[str, ...], second: tuple[str, ...]
) -> Tensor:
    """Between the means of two groups of joints."""
    check_shapes(joints_px=(joints_px, f"B {len(joint_set)} 2"), labelled=(labelled, f"B {len(joint_set)}"))
    if not set(first + second) <= set(joint_set.names):
        return joints_px.new_full((len(joints_px),), torch.nan)
    groups = [[joint_set.index(name) for name in group] for group in (first, second)]
    distance = (joints_px[:, groups[0]].mean(1) - joints_px[:, groups[1]].mean(1)).norm(dim=-1)
    return torch.where(labelled.bool()[:, groups[0] + groups[1]].all(1), distance, torch.nan)
