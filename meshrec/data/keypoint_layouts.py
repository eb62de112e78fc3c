"""The layouts that 2D joints come in.

- COCO: annotations (``images``, ``annotations``), or a list of detections (``image_id``, ``keypoints``). The third
  number of a keypoint is a visibility in the first and a score in the second. Pixels are counted by index.
- OpenPose: ``people`` with ``pose_keypoints_2d``, or with ``pose_keypoints`` as older versions wrote it; 25 or 18
  joints.
- npz: ``joints_px`` (P, J, 2) and ``names`` (J,), perhaps ``confidence`` (P, J) and ``image`` (P,); also our own files
  of labelled people.
- CSV: a header with ``joint``, ``x``, ``y``, and perhaps ``confidence``, ``person``, ``image``; a line for each joint.

Tables may spell joints in many ways, see `joint_name`. Pixels of OpenPose and of tables are continuous.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from meshrec.data.converters.joint_rows import joint_name
from meshrec.data.converters.source_files import explained, read_npz
from meshrec.data.npz_format import FORMAT, read_annotations
from meshrec.errors import InvalidInput
from meshrec.structures import BODY30, COCO17, LSP14, SMPL24, JointSet, convert_joints
from meshrec.structures.foreign_joints import H36M17, MPI_INF28, OPENPOSE18, OPENPOSE25, SPIN24

_KNOWN_SETS = (COCO17, LSP14, SMPL24, OPENPOSE25, OPENPOSE18, SPIN24, H36M17, MPI_INF28, BODY30)
_INDEX_TO_CONTINUOUS_PX = 0.5
_VISIBILITY_CONFIDENCE = np.array([0.0, 0.5, 1.0])


@dataclass(frozen=True)
class PersonKeypoints:
    """One person's joints in an image.

    Attributes:
        joints_px: (J, 2) continuous pixels; zero where unknown.
        confidence: (J,) 0 to 1, 0 where unknown.
        joint_set: names of the joints.
        image: name of the image, empty where the file does not say.
    """

    joints_px: np.ndarray
    confidence: np.ndarray
    joint_set: JointSet
    image: str = ""

    @classmethod
    def of(cls, joints_px: Any, confidence: Any, joint_set: JointSet, image: str = "") -> PersonKeypoints:
        """Whatever is no number or not confident becomes unknown.

        Raises:
            ValueError: another number of joints than the set has.
        """
        joints, confidence = np.asarray(joints_px, np.float32), np.asarray(confidence, np.float32)
        if joints.shape != (len(joint_set), 2) or confidence.shape != (len(joint_set),):
            raise ValueError(f"a person of {joint_set.name} has {len(joint_set)} joints, got {joints.shape}")
        known = np.isfinite(joints).all(1) & (np.nan_to_num(confidence) > 0)
        return cls(
            np.where(known[:, None], joints, 0), np.where(known, confidence.clip(0, 1), 0), joint_set, str(image)
        )


def joint_set_called(name: str) -> JointSet | None:
    """The joint set of a name, None for names that we do not know."""
    return next((known for known in _KNOWN_SETS if known.name == name), None)


def joint_set_of(names: Sequence[str], title: str) -> JointSet:
    """A set of joints by their names in any usual spelling; it has the name of a known set of the same joints.

    Raises:
        InvalidInput: a joint occurs twice.
    """
    names = tuple(joint_name(name) for name in names)
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidInput(f"{title} names the joint {twice} twice.")
    known = next((known for known in _KNOWN_SETS if set(known.names) == set(names)), None)
    return JointSet(known.name if known else title, names)


def of_coco(content: Any) -> list[PersonKeypoints]:
    """People of COCO's annotations, or of a list of detections; who has no keypoints is left out."""
    if isinstance(content, list):
        return [_of_coco_entry(entry, COCO17, str(entry["image_id"]), scores=True) for entry in content]
    images = {image["id"]: image["file_name"] for image in content.get("images", [])}
    sets = {kind["id"]: joint_set_of(kind["keypoints"], "the file") for kind in content.get("categories", [])
            if "keypoints" in kind}  # fmt: skip
    return [
        _of_coco_entry(entry, sets.get(entry.get("category_id"), COCO17), images.get(entry["image_id"], ""))
        for entry in content["annotations"]
        if any(entry.get("keypoints", ())) and not entry.get("iscrowd")
    ]


def _of_coco_entry(entry: dict, joint_set: JointSet, image: str, scores: bool = False) -> PersonKeypoints:
    keypoints = np.array(entry["keypoints"], float).reshape(-1, 3)
    confidence = keypoints[:, 2] if scores else _confidence_of(keypoints[:, 2])
    return PersonKeypoints.of(keypoints[:, :2] + _INDEX_TO_CONTINUOUS_PX, confidence, joint_set, image)


def _confidence_of(visibility: np.ndarray) -> np.ndarray:
    strange = ~np.isin(visibility, range(len(_VISIBILITY_CONFIDENCE)))
    if strange.any():
        raise ValueError(f"visibilities of annotations must be 0, 1 or 2, got {visibility[strange][0]:g}; "
                         "scores belong to a list of detections")  # fmt: skip
    return _VISIBILITY_CONFIDENCE[visibility.astype(int)]


def of_openpose(content: dict) -> list[PersonKeypoints]:
    """People of one image."""
    found = []
    for person in content["people"]:
        flat = person["pose_keypoints_2d"] if "pose_keypoints_2d" in person else person["pose_keypoints"]
        keypoints = np.array(flat, float).reshape(-1, 3)
        joint_set = {len(known): known for known in (OPENPOSE25, OPENPOSE18)}.get(len(keypoints))
        if joint_set is None:
            raise ValueError(f"a person must have 25 or 18 joints, got {len(keypoints)}")
        found.append(PersonKeypoints.of(keypoints[:, :2], keypoints[:, 2], joint_set))
    return found


def of_npz(path: Path) -> list[PersonKeypoints]:
    """People of a table, or of one of our files of labelled people."""
    arrays = read_npz(path, ("format", "joints_px", "names", "confidence", "image"))
    if str(arrays.get("format")) == FORMAT:
        return _of_labelled_people(path)
    with explained(path, "an npz of joints_px (P, J, 2) and names (J,)"):
        joint_set = joint_set_of([str(name) for name in arrays["names"]], str(path))
        joints = arrays["joints_px"].reshape(-1, len(joint_set), arrays["joints_px"].shape[-1])
        confidence = arrays.get("confidence", joints[..., 2] if joints.shape[-1] == 3 else np.ones(joints.shape[:2]))
        images = arrays.get("image", [""] * len(joints))
        rows = zip(joints[..., :2], np.broadcast_to(confidence, joints.shape[:2]), images, strict=True)
        return [PersonKeypoints.of(*row[:2], joint_set, row[2]) for row in rows]


def _of_labelled_people(path: Path) -> list[PersonKeypoints]:
    people = read_annotations(path)
    joint_set = joint_set_called(people.joint_set) or BODY30
    both = np.concatenate([people.joints_px, people.joint_confidence[..., None]], -1)
    joints = convert_joints(torch.from_numpy(both), BODY30, joint_set)[0].numpy()
    rows = zip(joints, people.image.tolist())
    return [PersonKeypoints.of(row[:, :2], row[:, 2], joint_set, image) for row, image in rows if row[:, 2].any()]


def of_csv(path: Path) -> list[PersonKeypoints]:
    """People of a table of joints."""
    with explained(path, "a CSV of joint, x, y"), path.open(newline="", encoding="utf-8-sig") as file:
        people: dict[tuple[str, str], list[dict[str, str]]] = {}
        for line in csv.DictReader(file, skipinitialspace=True):
            people.setdefault((line.get("image") or "", line.get("person") or ""), []).append(line)
        return [_of_lines(lines, image, path) for (image, _), lines in people.items()]


def _of_lines(lines: list[dict[str, str]], image: str, path: Path) -> PersonKeypoints:
    joint_set = joint_set_of([line["joint"] for line in lines], str(path))
    joints = [[float(line["x"] or "nan"), float(line["y"] or "nan")] for line in lines]
    return PersonKeypoints.of(joints, [float(line.get("confidence") or 1) for line in lines], joint_set, image)
