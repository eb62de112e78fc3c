"""Human3.6M, in two layouts; a third, SPIN's npz, is read as ``spin``.

The JSON re-release that many 3D pose systems share: for every subject ``Human36M_subject1_data.json`` (COCO's layout
with ``subject``, ``action_idx``, ``subaction_idx``, ``cam_idx`` and ``frame_idx`` per image, ``bbox`` per annotation),
beside it ``..._camera.json`` (by camera: R, t, f, c) and ``..._joint_3d.json`` (by action, subaction and frame: 17
joints in the world, in millimetres). Releases differ in what t is: the camera's place in the world, or the shift after
the turn. The reading that projects the joints into their boxes is taken. Subjects: 1, 5, 6, 7, 8 train, 9, 11 test.

The original download: ``S1/MyPoseFeatures/D3_Positions_mono/Directions.54138969.cdf``, 32 joints before the camera in
millimetres, with ``MyPoseFeatures/D2_Positions`` beside it, the same in pixels, and ``Videos`` with the films. Needs
the package cdflib (extra ``convert``). Boxes go around the joints; of the 50 frames a second every fifth is kept, as is
usual.

Human3.6M is for academic use, by registration with its authors.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from meshrec.data.annotations import Annotations
from meshrec.data.converters.joint_rows import box_around, to_body30
from meshrec.data.converters.source_files import below, explained, read_json
from meshrec.errors import InvalidInput
from meshrec.optional import require
from meshrec.structures.foreign_joints import H36M17, H36M17_OF_32

PATTERNS = ("Human36M_subject*_data.json", "D3_Positions_mono/[!_]*.cdf")
FRAME_STEP = 5
_TERMS = dict(
    source="Human3.6M", licence="Human3.6M: academic use, by registration with its authors", joint_set=H36M17.name
)


def convert(path: Path, root: Path) -> Annotations:
    """People of one subject's JSON, or of one original recording; ``root`` holds the subjects' images or folders."""
    if path.suffix == ".cdf":
        with explained(path, "a recording of Human3.6M"):
            return _recording(path, root)
    content, cameras, joints = (
        read_json(path.with_name(path.name.replace("_data.json", f"_{name}.json")))
        for name in ("data", "camera", "joint_3d")
    )
    with explained(path, "a subject of Human3.6M"):
        return _subject(content, cameras, joints)


def _subject(content: dict[str, Any], cameras: dict[str, Any], joints: dict[str, Any]) -> Annotations:
    images = {image["id"]: image for image in content["images"]}
    shown = [images[entry["image_id"]] for entry in content["annotations"]]
    places = [(str(image["action_idx"]), str(image["subaction_idx"]), str(image["frame_idx"])) for image in shown]
    world = np.array([joints[action][subaction][frame] for action, subaction, frame in places]) / 1000
    box = np.array([entry["bbox"] for entry in content["annotations"]], float)
    camera = {
        name: np.array([cameras[str(image["cam_idx"])][name] for image in shown], float)
        for name in ("R", "t", "f", "c")
    }
    joints_cam, joints_px = _best_reading(world, box, camera)
    sequence = [
        f"s{image['subject']:02d}_act{image['action_idx']:02d}_{image['subaction_idx']:02d}_ca{image['cam_idx']:02d}"
        for image in shown
    ]
    return _people(
        joints_cam,
        joints_px,
        [image["file_name"] for image in shown],
        box,
        image_size=[(image["height"], image["width"]) for image in shown],
        focal_px=camera["f"],
        centre_px=camera["c"],
        subject=[f"S{image['subject']}" for image in shown],
        sequence=sequence,
        person=np.zeros(len(shown)),
        frame=[image["frame_idx"] for image in shown],
    )


def _best_reading(world: np.ndarray, box: np.ndarray, camera: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Joints before the camera (N, 17, 3) and in pixels, by the meaning of t that puts them into the boxes.

    Raises:
        InvalidInput: neither does.
    """
    turned, shift = world @ camera["R"].transpose(0, 2, 1), camera["t"].reshape(-1, 1, 3) / 1000
    placed = turned - shift @ camera["R"].transpose(0, 2, 1)
    best, best_share = None, 0.5
    for joints_cam in (turned + shift, placed):
        depth = np.maximum(joints_cam[..., 2:], 1e-3)
        joints_px = joints_cam[..., :2] / depth * camera["f"][:, None] + camera["c"][:, None]
        centre = joints_px.mean(1)
        share = ((centre > box[:, :2]) & (centre < box[:, :2] + box[:, 2:])).all(1).mean()
        if share > best_share:
            best, best_share = (joints_cam, joints_px), share
    if best is None:
        raise InvalidInput(
            "its cameras do not project the joints into their boxes; the three files do not fit together"
        )
    return best


def _recording(path: Path, root: Path) -> Annotations:
    subject = path.parents[2]
    joints_cam = _read_pose(path, 3)[::FRAME_STEP] / 1000
    joints_px = _read_pose(subject / "MyPoseFeatures/D2_Positions" / path.name, 2)[::FRAME_STEP]
    count = len(joints_cam)
    video = below(subject / "Videos" / path.with_suffix(".mp4").name, root)
    return _people(
        joints_cam,
        joints_px[:count],
        [video] * count,
        box_around(joints_px[:count], np.ones(joints_px[:count].shape[:2], bool)),
        subject=[subject.name] * count,
        sequence=[f"{subject.name} {re.sub(' +', ' ', path.stem)}"] * count,
        person=np.zeros(count),
        frame=np.arange(count) * FRAME_STEP,
    )


def _read_pose(path: Path, size: int) -> np.ndarray:
    """(T, 17, size) of a file of 32 joints."""
    cdflib = require("cdflib", purpose="read Human3.6M's original files", extra="convert")
    if not path.is_file():
        raise InvalidInput(f"There is no {path}, which belongs to the recording.")
    pose = np.asarray(cdflib.CDF(str(path)).varget("Pose"), float)
    return pose.reshape(-1, 32, size)[:, list(H36M17_OF_32)]


def _people(
    joints_cam: np.ndarray, joints_px: np.ndarray, names: list[str], box: np.ndarray, **fields: Any
) -> Annotations:
    known = np.ones(joints_cam.shape[:2])
    labels_2d, labels_3d = to_body30(joints_px, known, H36M17), to_body30(joints_cam, known, H36M17)
    return Annotations.of(
        names,
        box,
        joints_px=labels_2d[0],
        joint_confidence=labels_2d[1],
        joints_cam=labels_3d[0],
        joint_cam_confidence=labels_3d[1],
        joints_absolute=np.ones(len(names)),
        **fields,
        **_TERMS,
    )
