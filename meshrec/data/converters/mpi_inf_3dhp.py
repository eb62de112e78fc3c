"""MPI-INF-3DHP: training sequences ``S1/Seq1/annot.mat`` and test sequences ``TS1/annot_data.mat``.

Training: cells ``annot2`` and ``annot3`` (14, 1), per camera (T, 56) pixels and (T, 84) millimetres before that camera,
of 28 joints; beside it ``camera.calibration``, text blocks of ``name``, ``size``, ``intrinsic`` and ``extrinsic`` (4 x
4 each), and ``imageSequence/video_0.avi`` or, where frames were extracted, ``imageFrames/video_0/frame_000001.jpg``.
The eight cameras at chest height and on the ground (0 to 2 and 4 to 8, the usual choice) and every tenth frame are
kept. Needs scipy (extra ``convert``).

Test: a MATLAB file of version 7.3 with ``annot2`` (2, 17, 1, T), ``univ_annot3`` (3, 17, 1, T) and ``valid_frame``;
frames ``imageSequence/img_000001.jpg``; 17 joints. Needs h5py (extra ``convert``). As in the official figures, 3D
joints are ``univ_annot3``: the same poses at a common height, which therefore do not project to the 2D ones.

For non-commercial use, see the licence of MPI-INF-3DHP.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from meshrec.data.annotations import Annotations
from meshrec.data.converters.joint_rows import box_around, to_body30
from meshrec.data.converters.source_files import below, explained, read_mat
from meshrec.errors import InvalidInput
from meshrec.structures import JointSet
from meshrec.structures.foreign_joints import MPI_INF17, MPI_INF28

PATTERNS = ("annot.mat", "annot_data.mat")
CAMERAS = (0, 1, 2, 4, 5, 6, 7, 8)
FRAME_STEP = 10
_TERMS = dict(source="MPI-INF-3DHP", licence="MPI-INF-3DHP: non-commercial use, see its licence")


def convert(path: Path, root: Path) -> Annotations:
    """People of one sequence; ``root`` is the folder that holds the subjects' folders."""
    with explained(path, "a sequence of MPI-INF-3DHP"):
        return _test_sequence(path, root) if path.name == "annot_data.mat" else _training_sequence(path, root)


def _training_sequence(path: Path, root: Path) -> Annotations:
    content = read_mat(path, ("annot2", "annot3"))
    cameras = read_calibration(path.with_name("camera.calibration"))
    return Annotations.concatenate(
        [_view(path, root, number, content, cameras[number]) for number in CAMERAS if number in cameras]
    )


def _view(path: Path, root: Path, number: int, content: dict[str, Any], camera: dict[str, np.ndarray]) -> Annotations:
    """Every tenth frame of one camera."""
    pixels, millimetres = (np.asarray(content[name][number, 0], float)[::FRAME_STEP] for name in ("annot2", "annot3"))
    frames = np.arange(len(pixels)) * FRAME_STEP
    folder = path.parent / "imageFrames" / f"video_{number}"
    if folder.is_dir():
        names = [below(folder / f"frame_{frame + 1:06d}.jpg", root) for frame in frames]
    else:
        names = [below(path.parent / "imageSequence" / f"video_{number}.avi", root)] * len(frames)
    subject = path.parents[1].name
    intrinsic, count = camera["intrinsic"], len(frames)
    return _people(
        names,
        pixels.reshape(-1, 28, 2),
        millimetres.reshape(-1, 28, 3) / 1000,
        MPI_INF28,
        image_size=np.tile(camera["size"][::-1], (count, 1)),
        focal_px=np.tile(intrinsic[[0, 1], [0, 1]], (count, 1)),
        centre_px=np.tile(intrinsic[:2, 2], (count, 1)),
        subject=np.full(count, subject),
        sequence=np.full(count, f"{subject}/{path.parent.name}/video_{number}"),
        person=np.zeros(count),
        frame=frames,
    )


def _test_sequence(path: Path, root: Path) -> Annotations:
    content = read_mat(path, ("annot2", "univ_annot3", "valid_frame"))
    pixels = content["annot2"].reshape(2, 17, -1).transpose(2, 1, 0)
    millimetres = content["univ_annot3"].reshape(3, 17, -1).transpose(2, 1, 0)
    frames = np.flatnonzero(content["valid_frame"].reshape(-1))
    name, count = path.parent.name, len(frames)
    return _people(
        [below(path.parent / "imageSequence" / f"img_{frame + 1:06d}.jpg", root) for frame in frames],
        pixels[frames],
        millimetres[frames] / 1000,
        MPI_INF17,
        subject=np.full(count, name),
        sequence=np.full(count, name),
        person=np.zeros(count),
        frame=frames,
    )


def read_calibration(path: Path) -> dict[int, dict[str, np.ndarray]]:
    """Cameras by number: ``size`` (2,) width and height, ``intrinsic`` and ``extrinsic`` (4, 4).

    Raises:
        InvalidInput: no such file, or of another kind.
    """
    if not path.is_file():
        raise InvalidInput(f"There is no {path}, which belongs to the sequence.")
    cameras: dict[int, dict[str, np.ndarray]] = {}
    with explained(path, "a camera calibration of MPI-INF-3DHP"):
        for line in path.read_text().splitlines():
            word, *values = line.split() or [""]
            if word == "name":
                camera = cameras.setdefault(int(values[0]), {})
            elif word == "size":
                camera["size"] = np.array(values, float)
            elif word in ("intrinsic", "extrinsic"):
                camera[word] = np.array(values, float).reshape(4, 4)
        if not cameras or any({"size", "intrinsic"} - set(camera) for camera in cameras.values()):
            raise ValueError("it lacks cameras, their size or intrinsic matrix")
    return cameras


def _people(
    names: list[str], joints_px: np.ndarray, joints_cam: np.ndarray, joint_set: JointSet, **fields: np.ndarray
) -> Annotations:
    """Labels of the frames in which at least two joints lie apart from each other."""
    known = np.ones(joints_px.shape[:2])
    labels_2d, labels_3d = to_body30(joints_px, known, joint_set), to_body30(joints_cam, known, joint_set)
    box = box_around(joints_px, known > 0)
    seen = (box[:, 2:] > 0).all(1)
    fields |= dict(
        joints_px=labels_2d[0],
        joint_confidence=labels_2d[1],
        joints_cam=labels_3d[0],
        joint_cam_confidence=labels_3d[1],
        joints_absolute=np.full(len(names), joint_set is MPI_INF28),
    )
    return Annotations.of(
        np.array(names, dtype=str)[seen],
        box[seen],
        **{name: values[seen] for name, values in fields.items()},
        joint_set=joint_set.name,
        **_TERMS,
    )
