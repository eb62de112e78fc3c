"""What one prediction is worth against what is labelled: figures per person, as rows want them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from meshrec.evaluation.joint_reader import JointReader
from meshrec.evaluation.people import LabelledPerson
from meshrec.metrics.joints import auc3d, pck3d, root_aligned_distances_mm, similarity_aligned_distances_mm
from meshrec.metrics.keypoints import (
    PCKH_SHARE,
    correct_keypoints,
    correct_parts,
    detection_curve,
    head_length_px,
    limb_indices,
    torso_diameter_px,
    torso_length_px,
)
from meshrec.metrics.masks import mask_f1, mask_precision, mask_recall
from meshrec.metrics.oks import KeypointPerson, keypoint_similarity
from meshrec.metrics.parts import DENSEPOSE14_OF_PART, confusion_matrix
from meshrec.metrics.vertices import pa_pve_mm, pve_mm
from meshrec.structures import BODY30, COCO17

MINIMUM_VISIBLE_JOINTS = 8
ROOT_WORDS = "pelvis, the middle of the hips where that is not labelled"
_PELVIS = BODY30.index("pelvis")
_HIPS = (BODY30.index("left_hip"), BODY30.index("right_hip"))
_TORSO = [BODY30.index(name) for name in ("left_shoulder", "right_shoulder", "left_hip", "right_hip")]
_COCO = [BODY30.index(name) for name in COCO17.names]
_LIMBS = limb_indices(BODY30)


def root_of(known: Tensor) -> tuple[int, ...]:
    """The root joints of people with these joints (30,)."""
    return (_PELVIS,) if bool(known[_PELVIS]) else _HIPS


def joint_figures(joints: Tensor, true_joints: Tensor, known: Tensor, reader: JointReader) -> dict[str, Tensor]:
    """Figures (B,) of 3D joints (B, 30, 3) of people who have the same joints `known` (30,)."""
    known = known & reader.present
    counted = (known & reader.counted).expand(joints.shape[:2])
    distance = root_aligned_distances_mm(joints, true_joints, root_of(known), known.expand_as(counted))
    distance = torch.where(counted, distance, torch.nan)
    return {
        "mpjpe_mm": distance.nanmean(1),
        "pa_mpjpe_mm": similarity_aligned_distances_mm(joints, true_joints, counted).nanmean(1),
        "pck3d_150": pck3d(distance),
        "auc3d": auc3d(distance),
    }


def mesh_figures(vertices: Tensor, true_vertices: Tensor, reader: JointReader) -> dict[str, Tensor]:
    """Figures (B,) of meshes (B, V, 3) and of the joints that are read from both."""
    joints, true_joints = reader(vertices), reader(true_vertices)
    return {
        "pve_mm": pve_mm(vertices, true_vertices, joints[:, _PELVIS], true_joints[:, _PELVIS]),
        "pa_pve_mm": pa_pve_mm(vertices, true_vertices),
        **joint_figures(joints, true_joints, reader.present, reader),
    }


def mask_figures(predicted: Tensor, true: Tensor) -> dict[str, Tensor]:
    """Figures (B,) of masks (B, H, W) except the IoU, which sets count differently."""
    return {
        "mask_f1": mask_f1(predicted, true),
        "mask_precision": mask_precision(predicted, true),
        "mask_recall": mask_recall(predicted, true),
    }


def foreground_confusion(predicted: Tensor, true: Tensor) -> np.ndarray:
    """(B, 2, 2) pixels of masks (B, H, W)."""
    return confusion_matrix(predicted.bool(), true.bool(), 2).numpy()


def box_part_confusion(parts: Tensor, person: LabelledPerson) -> np.ndarray:
    """(15, 15) pixels of DensePose's 14 coarse parts in the person's stretched box, from the 24 parts (H, W) seen."""
    true = torch.from_numpy(person.box_parts.astype(np.int64))
    left, top, width, height = person.box_xywh_px
    row = (top + (torch.arange(true.shape[0]) + 0.5) / true.shape[0] * height).floor().long()
    column = (left + (torch.arange(true.shape[1]) + 0.5) / true.shape[1] * width).floor().long()
    inside = ((row >= 0) & (row < parts.shape[0]))[:, None] & ((column >= 0) & (column < parts.shape[1]))
    seen = parts[row.clamp(0, parts.shape[0] - 1)[:, None], column.clamp(0, parts.shape[1] - 1)] * inside
    groups = torch.tensor(DENSEPOSE14_OF_PART)
    return confusion_matrix(groups[seen][None], true[None], int(groups.max()) + 1)[0].numpy()


def has_clear_keypoints(person: LabelledPerson) -> bool:
    """Whether shares of right keypoints are taken of a person: 8 visible ones, shoulders and hips labelled."""
    confidence = person.joint_confidence
    return bool((confidence >= 1).sum() >= MINIMUM_VISIBLE_JOINTS and (confidence[_TORSO] > 0).all())


def keypoint_hits(found_px: Tensor, person: LabelledPerson, present: Tensor) -> dict[str, np.ndarray]:
    """1, 0 or NaN per visible joint or limb of one person with clear keypoints.

    Args:
        found_px: (30, 2) predicted.
        present: (30,) which of them the prediction has.
    """
    true, found = torch.from_numpy(np.array(person.joints_px))[None].float(), found_px[None]
    labelled = torch.from_numpy(person.joint_confidence > 0)[None]
    visible = torch.from_numpy(person.joint_confidence >= 1)[None] & present
    torso = torso_length_px(true, labelled, BODY30).clamp_min(max(person.box_xywh_px[2:]) / 8)
    diameter = torso_diameter_px(true, labelled, BODY30)
    head = head_length_px(true, labelled, BODY30)
    hits = {
        "pck_02_torso": correct_keypoints(found, true, visible, torso),
        "pckh_05_neck": correct_keypoints(found, true, visible, head, PCKH_SHARE),
        "pcp_strict": correct_parts(found, true, visible, _LIMBS),
        "pdj_02": correct_keypoints(found, true, visible, diameter),
        "pdj_curve": detection_curve(found, true, visible, diameter),
    }
    return {name: values.numpy() for name, values in hits.items()}


def coco_person(found_px: Tensor, person: LabelledPerson, image: str, score: float) -> KeypointPerson | None:
    """For OKS and average precision; None without a mask, which gives the size, or without labelled COCO joints."""
    confidence = person.joint_confidence[_COCO]
    if person.mask is None or not person.mask.any() or not (confidence > 0).any():
        return None
    return KeypointPerson(
        image,
        np.asarray(person.joints_px[_COCO], np.float64),
        np.where(confidence >= 1, 2, np.where(confidence > 0, 1, 0)),
        tuple(person.box_xywh_px),
        float(person.mask.sum()),
        found_px[_COCO].double().numpy(),
        score,
    )


def similarity_of(person: KeypointPerson) -> float:
    """OKS of one person."""
    values = (person.predicted_px, person.target_px, person.labelled, person.area_px)
    return keypoint_similarity(*(torch.as_tensor(value, dtype=torch.float64)[None] for value in values)).item()
