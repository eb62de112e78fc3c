"""Poses of synthetic people: recorded motion where the motion pack is at hand, plausible made-up ones otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor

from meshrec.errors import InvalidInput
from meshrec.geometry.rotations import axis_angle_to_matrix, rotation_about_x, rotation_about_y, rotation_about_z
from meshrec.structures import SMPL24


@dataclass(frozen=True)
class JointRange:
    """How a joint turns, as axis-angle about x, y, z in radians; given for the left side, mirrored for the right.

    Signs on the left: a knee bends about +x, a hip flexes about -x and spreads about +z, a hanging arm is -z at the
    shoulder, an elbow bends about -y. The bounds are rounded from clinical ranges of motion, a little narrower.
    """

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    deviation: tuple[float, float, float] = (0.05, 0.05, 0.05)


_RELAXED = {
    "hip": JointRange((-2.0, -0.6, -0.3), (0.5, 0.6, 0.8), (-0.1, 0.0, 0.06), (0.25, 0.12, 0.10)),
    "knee": JointRange((0.0, -0.1, -0.1), (2.3, 0.1, 0.1), (0.15, 0.0, 0.0), (0.25, 0.03, 0.03)),
    "ankle": JointRange((-0.4, -0.3, -0.25), (0.6, 0.3, 0.25), (0.0, 0.1, 0.0), (0.12, 0.1, 0.06)),
    "foot": JointRange((-0.4, 0.0, 0.0), (0.2, 0.0, 0.0), (0.0, 0.0, 0.0), (0.08, 0.0, 0.0)),
    "spine1": JointRange((-0.2, -0.3, -0.2), (0.5, 0.3, 0.2), (0.03, 0.0, 0.0), (0.08, 0.06, 0.05)),
    "spine2": JointRange((-0.2, -0.3, -0.2), (0.4, 0.3, 0.2), (0.03, 0.0, 0.0), (0.06, 0.06, 0.05)),
    "spine3": JointRange((-0.2, -0.3, -0.2), (0.3, 0.3, 0.2), (0.0, 0.0, 0.0), (0.06, 0.06, 0.05)),
    "neck": JointRange((-0.4, -0.6, -0.3), (0.5, 0.6, 0.3), (0.0, 0.0, 0.0), (0.12, 0.2, 0.08)),
    "head": JointRange((-0.4, -0.6, -0.3), (0.4, 0.6, 0.3), (0.05, 0.0, 0.0), (0.12, 0.2, 0.08)),
    "collar": JointRange((-0.1, -0.2, -0.15), (0.1, 0.2, 0.35), (0.0, 0.0, 0.0), (0.04, 0.06, 0.06)),
    "shoulder": JointRange((-1.0, -1.7, -1.45), (1.0, 0.6, 1.3), (0.0, -0.1, -1.15), (0.25, 0.3, 0.3)),
    "elbow": JointRange((-0.5, -2.4, -0.15), (0.5, 0.0, 0.15), (0.0, -0.45, 0.0), (0.3, 0.4, 0.05)),
    "wrist": JointRange((-0.6, -0.4, -0.6), (0.6, 0.4, 0.6), (0.0, 0.0, 0.0), (0.25, 0.15, 0.2)),
    # The hand joint turns all fingers as one block and folds the skin beyond about 0.4 rad.
    "hand": JointRange((-0.1, -0.2, -0.35), (0.1, 0.2, 0.2), (0.0, 0.0, -0.1), (0.03, 0.05, 0.1)),
}
_SITTING = {
    "hip": JointRange((-2.1, -0.5, -0.2), (-0.8, 0.5, 0.8), (-1.5, 0.0, 0.2), (0.25, 0.2, 0.2)),
    "knee": JointRange((0.3, -0.1, -0.1), (2.4, 0.1, 0.1), (1.45, 0.0, 0.0), (0.4, 0.03, 0.03)),
}
_REACHING = {
    "shoulder": JointRange((-1.0, -1.7, -1.45), (1.0, 0.6, 1.3), (0.0, -0.6, -0.4), (0.5, 0.7, 0.8)),
    "elbow": JointRange((-0.5, -2.4, -0.15), (0.5, 0.0, 0.15), (0.0, -0.9, 0.0), (0.4, 0.7, 0.05)),
}
_ARMS = ("collar", "shoulder", "elbow", "wrist", "hand")
_LEGS = ("hip", "knee", "ankle", "foot")


class PoseSampler:
    """Draws poses: the heading-free orientation of the root and the rotations of all other joints.

    Args:
        recordings: ``(N, 24, 3)`` axis-angle poses in SMPL's joint order, or None for made-up poses only.
    """

    def __init__(self, recordings: np.ndarray | None = None) -> None:
        self.recordings = None if recordings is None else torch.from_numpy(np.ascontiguousarray(recordings))

    @classmethod
    def from_motion_pack(cls, path: str | Path | None) -> PoseSampler:
        """From a motion pack's npz (key ``poses``); a path that is None or does not exist gives made-up poses.

        Raises:
            InvalidInput: the file exists but is not such a pack.
        """
        if path is None or not Path(path).exists():
            return cls()
        try:
            with np.load(path, allow_pickle=False) as pack:
                return cls(pack["poses"])
        except (OSError, ValueError, KeyError) as error:
            raise InvalidInput(
                f"{path} is not a motion pack: expected an npz with 'poses' (N, 24, 3); {error}."
            ) from error

    def sample(self, count: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """Draw poses.

        Returns:
            Root rotations (B, 3, 3) in body axes without heading, and joint rotations (B, 23, 3, 3).
        """
        pose = _draw(_RELAXED, count, generator)
        root = torch.zeros(count, 3)
        if self.recordings is not None:
            first, second = self._recorded(count, generator), self._recorded(count, generator)
            made_up = torch.rand(count, generator=generator) < 0.15
            pose = torch.where(made_up[:, None, None], pose, first)
            root = torch.where(made_up[:, None], root, pose[:, 0])
            swap = torch.rand(count, generator=generator) < 0.2
            pose = _replace_limbs(pose, second, _ARMS, swap)
        pose = _replace_limbs(
            pose, _draw(_RELAXED | _SITTING, count, generator), _LEGS, torch.rand(count, generator=generator) < 0.18
        )
        pose = _replace_limbs(
            pose, _draw(_RELAXED | _REACHING, count, generator), _ARMS, torch.rand(count, generator=generator) < 0.2
        )
        pose = pose + 0.05 * torch.randn(count, 24, 3, generator=generator)
        pose, root = _mirror_some(pose, root, generator)
        rotations = axis_angle_to_matrix(pose[:, 1:])
        return _without_heading(axis_angle_to_matrix(root)), rotations

    def _recorded(self, count: int, generator: Generator) -> Tensor:
        return self.recordings[torch.randint(len(self.recordings), (count,), generator=generator)].float()


def sample_view(root: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Turn heading-free roots in front of a camera of random height and roll.

    Six in ten people have any heading, the rest roughly face the camera, as in photographs that people take of each
    other. A few lie or tumble.

    Args:
        root: (B, 3, 3) rotations of the root in body axes.
    Returns:
        Body to camera axes (B, 3, 3), and the heading in radians (B,), 0 towards the camera, positive towards +x.
    """
    count = len(root)
    uniform = lambda: torch.rand(count, generator=generator)  # noqa: E731
    normal = lambda: torch.randn(count, generator=generator)  # noqa: E731
    heading = torch.where(uniform() < 0.6, (2 * uniform() - 1) * torch.pi, 0.45 * normal())
    pitch = torch.where(uniform() < 0.1, 0.6 * normal(), 0.08 + 0.12 * normal())
    roll = torch.where(uniform() < 0.08, (2 * uniform() - 1) * torch.pi, 0.12 * normal())
    y_up_to_y_down = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    view = y_up_to_y_down @ rotation_about_z(roll) @ rotation_about_x(pitch) @ rotation_about_y(heading)
    return view @ root, heading


def _draw(ranges: dict[str, JointRange], count: int, generator: Generator) -> Tensor:
    """(B, 24, 3) axis-angle poses around the means, inside the bounds."""
    pose = torch.zeros(count, 24, 3)
    for joint, name in enumerate(SMPL24.names[1:], start=1):
        side, _, bare = name.partition("_") if name.startswith(("left_", "right_")) else ("", "", name)
        limits = ranges[bare]
        angles = torch.tensor(limits.mean) + torch.tensor(limits.deviation) * torch.randn(count, 3, generator=generator)
        angles = angles.clamp(torch.tensor(limits.low), torch.tensor(limits.high))
        pose[:, joint] = angles * torch.tensor([1.0, -1.0, -1.0]) if side == "right" else angles
    return pose


def _replace_limbs(pose: Tensor, other: Tensor, limbs: tuple[str, ...], which: Tensor) -> Tensor:
    chosen = torch.tensor([name.endswith(limbs) for name in SMPL24.names])
    return torch.where(which[:, None, None] & chosen[:, None], other, pose)


def _mirror_some(pose: Tensor, root: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Mirror half of the poses left to right: swap the sides, negate y and z of every axis-angle."""
    flip = torch.rand(len(pose), generator=generator) < 0.5
    sign = torch.tensor([1.0, -1.0, -1.0])
    pose = torch.where(flip[:, None, None], pose[:, list(SMPL24.mirror)] * sign, pose)
    return pose, torch.where(flip[:, None], root * sign, root)


def _without_heading(root: Tensor) -> Tensor:
    """Turn each body about the vertical until its front points along z."""
    forward = root[:, :, 2]
    return rotation_about_y(-torch.atan2(forward[:, 0], forward[:, 2])) @ root


def relaxed_pose() -> Tensor:
    """The mean of the made-up standing poses: hanging arms, slightly bent elbows; (23, 3, 3) rotations."""
    pose = torch.zeros(24, 3)
    for joint, name in enumerate(SMPL24.names[1:], start=1):
        side, mean = name.split("_")[0], torch.tensor(_RELAXED[name.removeprefix("left_").removeprefix("right_")].mean)
        pose[joint] = mean * torch.tensor([1.0, -1.0, -1.0]) if side == "right" else mean
    return axis_angle_to_matrix(pose[1:])
