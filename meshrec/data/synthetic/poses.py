"""Poses of synthetic people: recorded motion where the motion pack is at hand, plausible made-up ones otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from meshrec.data.synthetic.dice import Dice
from meshrec.errors import InvalidInput
from meshrec.geometry.rotations import axis_angle_to_matrix, rotation_about_y
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
        device: where the poses are made.
    """

    def __init__(self, recordings: np.ndarray | None = None, device: torch.device | str = "cpu") -> None:
        self.recordings = None
        if recordings is not None:
            self.recordings = torch.from_numpy(np.ascontiguousarray(recordings)).to(device)
        self._relaxed = _MadeUp(_RELAXED, device)
        self._sitting = _MadeUp(_RELAXED | _SITTING, device)
        self._reaching = _MadeUp(_RELAXED | _REACHING, device)
        names = SMPL24.names
        self._arms = torch.tensor([name.endswith(_ARMS) for name in names], device=device)[:, None]
        self._legs = torch.tensor([name.endswith(_LEGS) for name in names], device=device)[:, None]
        self._mirror = torch.tensor(SMPL24.mirror, device=device)
        self._mirror_sign = torch.tensor([1.0, -1.0, -1.0], device=device)

    @classmethod
    def from_motion_pack(cls, path: str | Path | None, device: torch.device | str = "cpu") -> PoseSampler:
        """From a motion pack's npz (key ``poses``); a path that is None or does not exist gives made-up poses.

        Raises:
            InvalidInput: the file exists but is not such a pack.
        """
        if path is None or not Path(path).exists():
            return cls(device=device)
        try:
            with np.load(path, allow_pickle=False) as pack:
                return cls(pack["poses"], device)
        except (OSError, ValueError, KeyError) as error:
            raise InvalidInput(
                f"{path} is not a motion pack: expected an npz with 'poses' (N, 24, 3); {error}."
            ) from error

    def sample(self, count: int, dice: Dice) -> tuple[Tensor, Tensor]:
        """Draw poses.

        Returns:
            Root rotations (B, 3, 3) in body axes without heading, and joint rotations (B, 23, 3, 3).
        """
        pose = self._relaxed.draw(count, dice)
        root = torch.zeros_like(pose[:, 0])
        if self.recordings is not None:
            first, second = self._recorded(count, dice), self._recorded(count, dice)
            made_up = dice.chance(0.15, count, 1)
            pose = torch.where(made_up[..., None], pose, first)
            root = torch.where(made_up, root, pose[:, 0])
            pose = torch.where(dice.chance(0.2, count, 1, 1) & self._arms, second, pose)
        pose = torch.where(dice.chance(0.18, count, 1, 1) & self._legs, self._sitting.draw(count, dice), pose)
        pose = torch.where(dice.chance(0.2, count, 1, 1) & self._arms, self._reaching.draw(count, dice), pose)
        pose = pose + 0.05 * dice.normal(count, 24, 3)
        pose, root = self._mirror_some(pose, root, dice)
        return _without_heading(axis_angle_to_matrix(root)), axis_angle_to_matrix(pose[:, 1:])

    def as_recorded(self, count: int, dice: Dice) -> Tensor:
        """Joint rotations (B, 23, 3, 3) of recorded poses, half of them mirrored, and nothing else changed.

        Without recordings they are made up.
        """
        pose = self._relaxed.draw(count, dice) if self.recordings is None else self._recorded(count, dice)
        pose, _ = self._mirror_some(pose, pose[:, 0], dice)
        return axis_angle_to_matrix(pose[:, 1:])

    def _recorded(self, count: int, dice: Dice) -> Tensor:
        return self.recordings.index_select(0, dice.integers(len(self.recordings), count)).float()

    def _mirror_some(self, pose: Tensor, root: Tensor, dice: Dice) -> tuple[Tensor, Tensor]:
        """Mirror half of the poses left to right: swap the sides, negate y and z of every axis-angle."""
        flip = dice.chance(0.5, len(pose), 1)
        pose = torch.where(flip[..., None], pose.index_select(1, self._mirror) * self._mirror_sign, pose)
        return pose, torch.where(flip, root * self._mirror_sign, root)


class _MadeUp:
    """Axis-angle poses (B, 24, 3) around the means of joint ranges, inside their bounds."""

    def __init__(self, ranges: dict[str, JointRange], device: torch.device | str) -> None:
        self.mean, self.deviation, low, high = (
            _per_joint(ranges, field).to(device) for field in ("mean", "deviation", "low", "high")
        )
        # Mirroring negates the bounds of the right side, which swaps low and high.
        self.low, self.high = torch.minimum(low, high), torch.maximum(low, high)

    def draw(self, count: int, dice: Dice) -> Tensor:
        angles = self.mean + self.deviation.abs() * dice.normal(count, *self.mean.shape)
        return torch.minimum(torch.maximum(angles, self.low), self.high)


def _per_joint(ranges: dict[str, JointRange], field: str) -> Tensor:
    """(24, 3) values of a field of the ranges, mirrored on the right side; zero at the root."""
    rows = torch.zeros(len(SMPL24), 3)
    for joint, name in enumerate(SMPL24.names[1:], start=1):
        value = torch.tensor(getattr(ranges[name.removeprefix("left_").removeprefix("right_")], field))
        rows[joint] = value * torch.tensor([1.0, -1.0, -1.0]) if name.startswith("right_") else value
    return rows


def _without_heading(root: Tensor) -> Tensor:
    """Turn each body about the vertical until its front points along z."""
    forward = root[:, :, 2]
    return rotation_about_y(-torch.atan2(forward[:, 0], forward[:, 2])) @ root


def relaxed_pose() -> Tensor:
    """The mean of the made-up standing poses: hanging arms, slightly bent elbows; (23, 3, 3) rotations."""
    return axis_angle_to_matrix(_per_joint(_RELAXED, "mean")[1:])
