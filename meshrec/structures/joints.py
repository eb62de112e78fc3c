"""Joint sets by name: what each index of a joint array means, which joints mirror each other, and conversion."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec.checks import check_shapes


@dataclass(frozen=True)
class JointSet:
    """An ordered set of named joints.

    Attributes:
        name: the set's name, for messages.
        names: one name per joint, in snake case, with ``left_`` and ``right_`` prefixes for mirrored joints.
        bones: pairs of joint names that drawings connect.
    """

    name: str
    names: tuple[str, ...]
    bones: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"Joint set {self.name} names a joint twice.")
        unknown = {joint for bone in self.bones for joint in bone} - set(self.names)
        if unknown:
            raise ValueError(f"Joint set {self.name} draws bones between joints it lacks: {sorted(unknown)}.")

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """Index of a joint.

        Raises:
            ValueError: the set has no such joint.
        """
        if name not in self.names:
            raise ValueError(f"Joint set {self.name} has no joint {name!r}; it has {', '.join(self.names)}.")
        return self.names.index(name)

    @property
    def mirror(self) -> tuple[int, ...]:
        """Index of each joint's mirror image; a joint in the middle is its own."""
        swap = {"left": "right", "right": "left"}
        mirrored = ("_".join([swap.get(word, word) for word in name.split("_")]) for name in self.names)
        return tuple(self.index(name) for name in mirrored)


def convert_joints(joints: Tensor, source: JointSet, target: JointSet) -> tuple[Tensor, Tensor]:
    """Reorder joints by name; joints that the source lacks are zero and marked as absent, never guessed.

    Args:
        joints: (..., J, C) in the order of ``source``.
    Returns:
        The joints (..., K, C) in the order of ``target``, and which of them exist, (K,) bool.
    """
    check_shapes(joints=(joints, f"... {len(source)} C"))
    present = torch.tensor([name in source.names for name in target.names], device=joints.device)
    index = torch.tensor(
        [source.names.index(name) if name in source.names else 0 for name in target.names], device=joints.device
    )
    converted = joints.index_select(-2, index)
    return torch.where(present[:, None], converted, torch.zeros_like(converted)), present


SMPL24 = JointSet(
    "SMPL-24",
    (
        "pelvis",
        "left_hip",
        "right_hip",
        "spine1",
        "left_knee",
        "right_knee",
        "spine2",
        "left_ankle",
        "right_ankle",
        "spine3",
        "left_foot",
        "right_foot",
        "neck",
        "left_collar",
        "right_collar",
        "head",
        "left_shoulder",
        "right_shoulder",
        "left_elbow",
        "right_elbow",
        "left_wrist",
        "right_wrist",
        "left_hand",
        "right_hand",
    ),
    (
        ("pelvis", "left_hip"),
        ("pelvis", "right_hip"),
        ("pelvis", "spine1"),
        ("left_hip", "left_knee"),
        ("right_hip", "right_knee"),
        ("spine1", "spine2"),
        ("left_knee", "left_ankle"),
        ("right_knee", "right_ankle"),
        ("spine2", "spine3"),
        ("left_ankle", "left_foot"),
        ("right_ankle", "right_foot"),
        ("spine3", "neck"),
        ("spine3", "left_collar"),
        ("spine3", "right_collar"),
        ("neck", "head"),
        ("left_collar", "left_shoulder"),
        ("right_collar", "right_shoulder"),
        ("left_shoulder", "left_elbow"),
        ("right_shoulder", "right_elbow"),
        ("left_elbow", "left_wrist"),
        ("right_elbow", "right_wrist"),
        ("left_wrist", "left_hand"),
        ("right_wrist", "right_hand"),
    ),
)

COCO17 = JointSet(
    "COCO-17",
    (
        "nose",
        "left_eye",
        "right_eye",
        "left_ear",
        "right_ear",
        "left_shoulder",
        "right_shoulder",
        "left_elbow",
        "right_elbow",
        "left_wrist",
        "right_wrist",
        "left_hip",
        "right_hip",
        "left_knee",
        "right_knee",
        "left_ankle",
        "right_ankle",
    ),
    (
        ("left_ankle", "left_knee"),
        ("left_knee", "left_hip"),
        ("right_ankle", "right_knee"),
        ("right_knee", "right_hip"),
        ("left_hip", "right_hip"),
        ("left_shoulder", "left_hip"),
        ("right_shoulder", "right_hip"),
        ("left_shoulder", "right_shoulder"),
        ("left_shoulder", "left_elbow"),
        ("left_elbow", "left_wrist"),
        ("right_shoulder", "right_elbow"),
        ("right_elbow", "right_wrist"),
        ("left_eye", "right_eye"),
        ("nose", "left_eye"),
        ("nose", "right_eye"),
        ("left_eye", "left_ear"),
        ("right_eye", "right_ear"),
    ),
)

LSP14 = JointSet(
    "LSP-14",
    (
        "right_ankle",
        "right_knee",
        "right_hip",
        "left_hip",
        "left_knee",
        "left_ankle",
        "right_wrist",
        "right_elbow",
        "right_shoulder",
        "left_shoulder",
        "left_elbow",
        "left_wrist",
        "neck",
        "head_top",
    ),
    (
        ("right_ankle", "right_knee"),
        ("right_knee", "right_hip"),
        ("left_hip", "left_knee"),
        ("left_knee", "left_ankle"),
        ("right_hip", "left_hip"),
        ("right_wrist", "right_elbow"),
        ("right_elbow", "right_shoulder"),
        ("left_shoulder", "left_elbow"),
        ("left_elbow", "left_wrist"),
        ("right_shoulder", "neck"),
        ("left_shoulder", "neck"),
        ("neck", "head_top"),
        ("right_shoulder", "right_hip"),
        ("left_shoulder", "left_hip"),
    ),
)

# The kinematic joints and the head's landmarks: everything that our photographs' labels name, so one set serves all
# 2D supervision.
BODY30 = JointSet(
    "Body-30",
    SMPL24.names + ("nose", "left_eye", "right_eye", "left_ear", "right_ear", "head_top"),
    SMPL24.bones
    + (
        ("head", "head_top"),
        ("left_eye", "nose"),
        ("right_eye", "nose"),
        ("left_eye", "left_ear"),
        ("right_eye", "right_ear"),
    ),
)
