"""SURREAL's clips: ``cmu/{train,val,test}/runN/SEQUENCE/SEQUENCE_c0001_info.mat`` beside its ``.mp4``.

``joints3D`` (3, 24, T) of SMPL's joints in the room (``joints2D`` is their projection, rounded to whole pixels);
``pose`` (72, T) and ``shape`` (10, T) of the female (0) or male (1) body by ``gender`` (T,); ``zrot`` (T,), by which
the captured person was turned; ``camLoc`` (3, 1). All clips share the camera: 320 x 240 pixels, a 60 mm lens on a 32 mm
sensor. Clips of one frame lack the last axis.

The camera's matrix in Blender is a reflection, so the pictures show mirrored people: what is called left in the files
is the right of the person seen. Here every label is that of the person seen: the joints change sides, and the
parameters are those of the mirrored body.

For non-commercial research, see SURREAL's licence.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from meshrec.data.annotations import Annotations
from meshrec.data.converters.joint_rows import box_around, to_body30
from meshrec.data.converters.source_files import below, explained, read_mat
from meshrec.errors import InvalidInput
from meshrec.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from meshrec.structures import SMPL24

PATTERNS = ("*_info.mat",)
SIZE = (240, 320)
FOCAL_PX, CENTRE_PX = 60 / 32 * 320, (160.0, 120.0)
# Rows: the camera's x, y and z axes in the room, whose y points down. The determinant is -1.
CAMERA_FROM_ROOM = np.array([[0.0, 0, -1], [0, 1, 0], [-1, 0, 0]])
# Motion was captured with z upwards.
ROOM_FROM_CAPTURE = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
_MIRROR_X = np.diag([-1.0, 1, 1])
_KEYS = ("joints3D", "pose", "shape", "gender", "zrot", "camLoc")


def convert(path: Path, root: Path) -> Annotations:
    """All frames of one clip in which the person is seen."""
    if not path.name.endswith("_info.mat"):
        raise InvalidInput(f"{path} is not a clip's labels, which are called NAME_info.mat.")
    info = read_mat(path, _KEYS)
    video = below(path.with_name(path.name.replace("_info.mat", ".mp4")), root)
    with explained(path, "a clip's labels of SURREAL"):
        return _people(info, video, path.name.replace("_info.mat", ""))


def _people(info: dict[str, np.ndarray], video: str, clip: str) -> Annotations:
    joints_room = info["joints3D"].reshape(3, 24, -1).transpose(2, 1, 0)
    joints_cam = (joints_room - info["camLoc"].reshape(3)) @ CAMERA_FROM_ROOM.T
    joints_cam = joints_cam[:, list(SMPL24.mirror)]
    joints_px = FOCAL_PX * joints_cam[..., :2] / joints_cam[..., 2:] + CENTRE_PX
    count = len(joints_px)
    inside = ((joints_px >= 0) & (joints_px < SIZE[::-1])).all(-1) & (joints_cam[..., 2] > 0)
    box = box_around(joints_px, inside)
    labels_2d = to_body30(joints_px, inside, SMPL24)
    labels_3d = to_body30(joints_cam, np.ones((count, 24)), SMPL24)
    seen = (box[:, 2:] > 0).all(1)
    if not seen.any():
        raise InvalidInput(f"nobody is seen in the clip {clip}")
    fields = dict(
        joints_px=labels_2d[0],
        joint_confidence=labels_2d[1],
        joints_cam=labels_3d[0],
        joint_cam_confidence=labels_3d[1],
        pose=_mirrored_pose(info["pose"].reshape(72, -1).T.reshape(-1, 24, 3), info["zrot"].reshape(-1)),
        betas=info["shape"].reshape(10, -1).T,
        body=np.where(info["gender"].reshape(-1) == 1, "smpl_male", "smpl_female"),
        frame=np.arange(count),
    )
    people = sum(seen)
    return Annotations.of(
        [video] * people,
        box[seen],
        **{name: values[seen] for name, values in fields.items()},
        image_size=[SIZE] * people,
        joints_absolute=np.ones(people),
        focal_px=np.full((people, 2), FOCAL_PX),
        centre_px=[CENTRE_PX] * people,
        sequence=[clip] * people,
        person=np.zeros(people),
        source="SURREAL",
        licence="SURREAL: non-commercial research, see its licence",
        joint_set=SMPL24.name,
    )


def _mirrored_pose(pose: np.ndarray, turn_rad: np.ndarray) -> np.ndarray:
    """Axis-angle (T, 24, 3) before the camera of the mirrored body, from SURREAL's and the turns about the room's z."""
    rotations = axis_angle_to_matrix(torch.from_numpy(pose.astype(np.float64))).numpy()
    cosine, sine, zero = np.cos(turn_rad), np.sin(turn_rad), np.zeros_like(turn_rad)
    turns = np.stack([cosine, -sine, zero, sine, cosine, zero, zero, zero, zero + 1], -1).reshape(-1, 3, 3)
    mirrored = _MIRROR_X @ rotations[:, list(SMPL24.mirror)] @ _MIRROR_X
    mirrored[:, 0] = CAMERA_FROM_ROOM @ ROOM_FROM_CAPTURE @ turns @ rotations[:, 0] @ _MIRROR_X
    return matrix_to_axis_angle(torch.from_numpy(mirrored)).numpy()
