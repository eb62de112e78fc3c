"""BEDLAM's npz: one file per scene, made by its processing scripts or downloaded, with one row per person.

``imgname``; ``center`` and ``scale``, the crop's side over 200; ``gtkps`` joints in pixels, of SMPL-X's 127 or more or
of SMPL's 24 and more, with a third column of ones; ``pose_cam`` (165 or 72,) and ``shape`` (10, 11 or 16) in the
camera's axes; ``trans_cam`` (3,) and ``cam_ext`` (4, 4), which add up to where the body stands; ``cam_int`` (3, 3);
``gender``; ``sub``, who it is. Scenes of close-ups hold pictures that lie on their side, which shows in a camera that
is higher than wide: their pictures are turned when they are read.

The parameters are those of the neutral body: ``gender`` is that of the subject, not of the body. BEDLAM2's files, whose
``gtkps`` start with OpenPose's joints, are refused: their joints would get wrong names. For non-commercial research,
see BEDLAM's licence.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from meshrec.data.annotations import Annotations
from meshrec.data.converters.joint_rows import box_of_crop, to_body30
from meshrec.data.converters.source_files import explained, read_npz
from meshrec.errors import InvalidInput
from meshrec.structures import SMPL24, JointSet
from meshrec.structures.foreign_joints import SMPLX60

PATTERNS = ("*.npz",)
_NEEDED = ("imgname", "center", "scale", "pose_cam", "shape", "trans_cam", "gtkps", "cam_int")
_OPTIONAL = ("cam_ext", "sub", "lh_c")
_SMPLX_POSE = 165
_FRAME_NAME = re.compile(r"(.+)/[^/]*_(\d+)\.\w+")


def convert(path: Path, root: Path) -> Annotations:
    """People of one scene. ``root`` is the folder that image names start from, usually the scene's ``png``."""
    arrays = read_npz(path, _NEEDED + _OPTIONAL)
    missing = [key for key in _NEEDED if key not in arrays]
    if missing:
        raise InvalidInput(f"{path} does not have BEDLAM's layout: it lacks {', '.join(missing)}.")
    if "lh_c" in arrays:
        raise InvalidInput(f"{path} is a file of BEDLAM2, whose joints have another order; only BEDLAM is read.")
    with explained(path, "an npz of BEDLAM's layout"):
        return _people(path, arrays)


def _people(path: Path, arrays: dict[str, np.ndarray]) -> Annotations:
    count = len(arrays["imgname"])
    pose, camera, joints = arrays["pose_cam"].reshape(count, -1), arrays["cam_int"], arrays["gtkps"]
    is_smplx = pose.shape[1] == _SMPLX_POSE
    joint_set: JointSet = SMPLX60 if is_smplx else SMPL24
    size = np.round(2 * camera[:, 1::-1, 2])  # the principal point is the middle of the picture
    inside = (joints[:, : len(joint_set), :2] >= 0) & (joints[:, : len(joint_set), :2] < size[:, None, ::-1])
    joints_px, confidence = to_body30(joints[:, : len(joint_set), :2], inside.all(-1), joint_set)
    shift = arrays["cam_ext"][:, :3, 3] if "cam_ext" in arrays else 0
    names = [str(name) for name in arrays["imgname"]]
    return Annotations.of(
        names,
        box_of_crop(arrays["center"].reshape(count, 2), arrays["scale"]),
        image_size=size,
        quarter_turns=size[:, 0] > size[:, 1],
        joints_px=joints_px,
        joint_confidence=confidence,
        pose=pose.reshape(count, -1, 3),
        betas=arrays["shape"].reshape(count, -1),
        body=["smplx_neutral" if is_smplx else "smpl_neutral"] * count,
        translation_cam=arrays["trans_cam"] + shift,
        has_translation=np.ones(count),
        focal_px=camera[:, [0, 1], [0, 1]],
        centre_px=camera[:, :2, 2],
        **_tracks(path.stem, names, arrays.get("sub")),
        source="BEDLAM",
        licence="BEDLAM: non-commercial research, see its licence",
        joint_set=joint_set.name,
    )


def _tracks(scene: str, names: list[str], subjects: np.ndarray | None) -> dict[str, object]:
    """Who is who in which recording, from names such as ``seq_000000/seq_000000_0005.png``."""
    found = [_FRAME_NAME.fullmatch(name) for name in names]
    if subjects is None or not all(found):
        return {}
    return dict(
        subject=[str(subject) for subject in subjects],
        sequence=[f"{scene}/{match[1]}" for match in found],
        person=np.unique(subjects, return_inverse=True)[1],
        frame=[int(match[2]) for match in found],
    )
