"""The npz layout of GraphCMR, SPIN and DecoMR, which many later systems use too.

One row per person: ``imgname``; ``center`` (2,) and ``scale``, the crop's side over 200; and of the following what is
known: ``part`` (24, 3) and ``openpose`` (25, 3) joints in pixels with confidence, ``S`` (24, 4) joints in metres with
confidence (some files lack it), relative to the root; ``pose`` (72,) and ``shape`` (10,) of SMPL in the camera's axes
with ``has_smpl``; ``gender`` m or f, or 1, 0 and -1; ``maskname``. SPIN's files of fits (``pose``, ``betas``,
``valid_fit``) are merged by hand: they have no image names.

Files made by preprocessing 3DPW, Human3.6M, MPI-INF-3DHP, LSP, MPII and COCO in this layout are all read here. Where
several sets of 2D joints are known the annotated ones count, and OpenPose's fill up what they lack.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from meshrec.data.annotations import Annotations
from meshrec.data.converters.joint_rows import box_of_crop, filled_up, to_body30
from meshrec.data.converters.source_files import explained, read_npz
from meshrec.errors import InvalidInput
from meshrec.structures.foreign_joints import OPENPOSE25, SPIN24

PATTERNS = ("*.npz",)
_KEYS = ("imgname", "center", "scale", "part", "openpose", "S", "pose", "shape", "has_smpl", "gender", "maskname")
_BODIES = {"m": "smpl_male", "f": "smpl_female", "0": "smpl_male", "1": "smpl_female"}


def convert(path: Path, root: Path) -> Annotations:
    """People of one npz. Image names are taken as they are: ``root`` is the folder that they start from."""
    arrays = read_npz(path, _KEYS)
    missing = [key for key in ("imgname", "center", "scale") if key not in arrays]
    if missing:
        raise InvalidInput(f"{path} does not have SPIN's layout: it lacks {', '.join(missing)}.")
    with explained(path, "an npz of SPIN's layout"):
        count = len(arrays["imgname"])
        joints_px, confidence = _joints_2d(arrays, count)
        people = Annotations.of(
            [str(name) for name in arrays["imgname"]],
            box_of_crop(arrays["center"].reshape(count, 2), arrays["scale"]),
            joints_px=joints_px,
            joint_confidence=confidence,
            source=path.stem,
            licence="that of the images and labels which the file was made from",
            joint_set=SPIN24.name,
        )
        if "maskname" in arrays:
            people = people.replace(mask_file=[str(name) for name in arrays["maskname"]])
        return _with_params(_with_joints_3d(people, arrays), arrays)


def _joints_2d(arrays: dict[str, np.ndarray], count: int) -> tuple[np.ndarray, np.ndarray]:
    part = arrays.get("part", np.zeros((count, 24, 3)))
    detected = arrays.get("openpose", np.zeros((count, 25, 3)))
    annotated = to_body30(part[..., :2], part[..., 2], SPIN24)
    return filled_up(annotated, to_body30(detected[..., :2], detected[..., 2], OPENPOSE25))


def _with_joints_3d(people: Annotations, arrays: dict[str, np.ndarray]) -> Annotations:
    if "S" not in arrays:
        return people
    joints = arrays["S"]
    confidence = joints[..., 3] if joints.shape[-1] == 4 else np.ones(joints.shape[:2])
    joints_cam, confidence = to_body30(joints[..., :3], confidence, SPIN24)
    return people.replace(joints_cam=joints_cam, joint_cam_confidence=confidence)


def _with_params(people: Annotations, arrays: dict[str, np.ndarray]) -> Annotations:
    if "pose" not in arrays or "shape" not in arrays:
        return people
    count = len(people)
    genders = arrays.get("gender", np.full(count, "-1"))
    bodies = np.array([_BODIES.get(_gender(gender), "smpl_neutral") for gender in genders])
    known = arrays.get("has_smpl", np.ones(count)).reshape(count) > 0
    return people.replace(
        pose=np.where(known[:, None, None], arrays["pose"].reshape(count, -1, 3), 0),
        betas=np.where(known[:, None], arrays["shape"].reshape(count, -1), 0),
        body=np.where(known, bodies, ""),
    )


def _gender(value: object) -> str:
    text = str(value).strip().lower()
    return text[:1] if text[:1] in ("m", "f") else str(int(float(text or -1)))
