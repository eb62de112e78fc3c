"""3DPW's sequence files: ``sequenceFiles/{train,validation,test}/*.pkl``.

A pickle from Python 2 with ``sequence``; ``cam_poses`` (F, 4, 4) world to camera and ``cam_intrinsics`` (3, 3); and for
every actor ``poses`` (F, 72), ``betas`` (10 or more, of which 10 are used), ``trans`` (F, 3), ``jointPositions`` (F,
72) of the 24 SMPL joints in the world, ``genders``, ``poses2d`` (F, 3, 18) found by OpenPose, and ``campose_valid``
(F,). Frames whose camera is not valid are left out, for that actor.

Boxes go around OpenPose's joints, as in the usual protocol; around the projected SMPL joints where it found none.
Joints are SMPL's, in 3D and projected; only the face, which SMPL's skeleton lacks, is OpenPose's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from meshrec.data.annotations import Annotations
from meshrec.data.converters.joint_rows import box_around, filled_up, to_body30
from meshrec.data.converters.source_files import explained, read_pickle
from meshrec.errors import InvalidInput
from meshrec.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from meshrec.structures import SMPL24
from meshrec.structures.foreign_joints import OPENPOSE18

PATTERNS = ("*.pkl",)
_BETAS = 10


def convert(path: Path, root: Path) -> Annotations:
    """All actors of one sequence. ``root`` is the folder that holds ``imageFiles``."""
    content = read_pickle(path)
    with explained(path, "a sequence of 3DPW"):
        actors = [_actor(content, number) for number in range(len(content["poses"]))]
        actors = [actor for actor in actors if len(actor)]
        if not actors:
            raise InvalidInput(f"{path} has no frame with a valid camera.")
        return Annotations.concatenate(actors)


def _actor(content: dict[str, Any], number: int) -> Annotations:
    """Labels of one actor in the frames with a valid camera."""
    sequence = str(content["sequence"])
    frames = np.flatnonzero(np.asarray(content["campose_valid"][number]).astype(bool))
    camera, intrinsics = np.asarray(content["cam_poses"])[frames], np.asarray(content["cam_intrinsics"])
    rotation, shift = camera[:, :3, :3], camera[:, :3, 3]
    joints_world = np.asarray(content["jointPositions"][number])[frames].reshape(-1, 24, 3)
    joints_cam = joints_world @ rotation.transpose(0, 2, 1) + shift[:, None]
    projected = joints_cam @ intrinsics.T
    projected = projected[..., :2] / projected[..., 2:]
    in_front = joints_cam[..., 2] > 0
    found = np.asarray(content["poses2d"][number])[frames].transpose(0, 2, 1)
    skeleton = to_body30(projected, in_front, SMPL24)
    joints_px, confidence = filled_up(skeleton, to_body30(found[..., :2], found[..., 2], OPENPOSE18))
    joints_3d, confidence_3d = to_body30(joints_cam, np.ones(joints_cam.shape[:2]), SMPL24)
    box = box_around(found[..., :2], found[..., 2] > 0)
    box = np.where(box[:, 2:].min(1, keepdims=True) > 0, box, box_around(projected, in_front))
    pose = np.asarray(content["poses"][number])[frames].reshape(-1, 24, 3)
    count = len(frames)
    people = dict(
        joints_px=joints_px,
        joint_confidence=confidence,
        joints_cam=joints_3d,
        joint_cam_confidence=confidence_3d,
        joints_absolute=np.ones(count),
        pose=np.concatenate([_turned(pose[:, :1], rotation[:, None]), pose[:, 1:]], 1),
        betas=np.tile(np.asarray(content["betas"][number])[:_BETAS], (count, 1)),
        body=np.full(count, {"m": "smpl_male", "f": "smpl_female"}[str(content["genders"][number])[:1].lower()]),
        focal_px=np.tile([intrinsics[0, 0], intrinsics[1, 1]], (count, 1)),
        centre_px=np.tile(intrinsics[:2, 2], (count, 1)),
        sequence=np.full(count, sequence),
        person=np.full(count, number),
        frame=frames,
    )
    names = np.array([f"imageFiles/{sequence}/image_{frame:05d}.jpg" for frame in frames], dtype=str)
    seen = box[:, 2:].min(1) > 0
    return Annotations.of(
        names[seen],
        box[seen],
        **{name: values[seen] for name, values in people.items()},
        source="3DPW",
        licence="3DPW: non-commercial research, see its licence",
        joint_set=SMPL24.name,
    )


def _turned(axis_angle: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """Axis-angle (..., 3) of rotations that are followed by others (..., 3, 3)."""
    first = axis_angle_to_matrix(torch.from_numpy(np.asarray(axis_angle, np.float64)))
    return matrix_to_axis_angle(torch.from_numpy(np.asarray(rotation, np.float64)) @ first).numpy()
