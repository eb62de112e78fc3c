"""Recorded poses to learn from: one motion pack, balanced so that a thousand steps of a walk count as one."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from meshrec.errors import InvalidInput
from meshrec.geometry.rotations import axis_angle_to_matrix
from meshrec.structures.joints import SMPL24

NON_COMMERCIAL = "CC-BY-NC-4.0"
_CHUNK = 256  # frames compared at once


@dataclass(frozen=True)
class MotionPoses:
    """Poses of recorded clips.

    Attributes:
        body_pose: (N, 23, 3, 3) rotations relative to the parent.
        clip: (N,) long, the clip that each frame belongs to.
        category: names of the clips' categories.
        subject: names of the clips' subjects.
    """

    body_pose: Tensor
    clip: Tensor
    category: tuple[str, ...]
    subject: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.clip)

    def __getitem__(self, index: Tensor) -> MotionPoses:
        return MotionPoses(self.body_pose[index], self.clip[index], self.category, self.subject)


def read_motion_poses(path: str | Path, non_commercial: bool = False) -> MotionPoses:
    """Read a motion pack.

    Args:
        path: npz with ``poses`` (N, 24, 3) axis-angle, ``clip_start`` (C + 1,), and per clip ``categories``,
            ``subjects`` and ``licences``.
        non_commercial: also take the clips under CC BY-NC 4.0.
    Raises:
        InvalidInput: no such file, or another content.
    """
    try:
        with np.load(path, allow_pickle=False) as pack:
            poses, start = pack["poses"], pack["clip_start"]
            category, subject, licence = (pack[name] for name in ("categories", "subjects", "licences"))
        clip = np.repeat(np.arange(len(start) - 1), np.diff(start))
        if poses.shape != (len(clip), len(SMPL24), 3) or not len(start) - 1 == len(licence) == len(subject):
            raise ValueError(f"{poses.shape} poses of {len(clip)} frames and {len(licence)} clips")
    except (LookupError, TypeError, ValueError, OSError, EOFError, BadZipFile, zlib.error) as error:
        raise InvalidInput(f"{path} is not a motion pack with subjects and licences: {error}.") from error
    keep = np.ones(len(poses), bool) if non_commercial else (licence != NON_COMMERCIAL)[clip]
    body_pose = axis_angle_to_matrix(torch.from_numpy(poses[keep, 1:].astype(np.float32)))
    return MotionPoses(
        body_pose, torch.from_numpy(clip[keep]), tuple(map(str, category.tolist())), tuple(map(str, subject.tolist()))
    )


def mirror_poses(body_pose: Tensor) -> Tensor:
    """The same poses seen in a mirror: sides swapped, and turns about y and z reversed, (..., 23, 3, 3)."""
    mirror = torch.tensor(SMPL24.mirror[1:], device=body_pose.device) - 1
    sign = torch.tensor([-1.0, 1.0, 1.0], dtype=body_pose.dtype, device=body_pose.device)
    return body_pose.index_select(-3, mirror) * sign[:, None] * sign


def distinct_poses(body_pose: Tensor, least_distance_rad: float) -> Tensor:
    """Frames no two of which are closer than a distance, so that poses count by their variety, not by their time.

    The first frame is kept, and then every frame that is far enough from all kept before it.

    Args:
        body_pose: (N, 23, 3, 3).
        least_distance_rad: root of the summed squared angles between the joints (for small angles); 0 keeps all.
    Returns:
        (M,) long, the frames that are kept, in order.
    """
    if least_distance_rad == 0:
        return torch.arange(len(body_pose))
    # The Frobenius norm of a difference of rotations is sqrt(2) times the angle between them.
    flat = body_pose.flatten(1) / 2**0.5
    kept: list[int] = []
    for first in range(0, len(flat), _CHUNK):
        some = flat[first : first + _CHUNK]
        new = torch.arange(len(some))
        if kept:
            new = new[torch.cdist(some, flat[kept]).amin(1) > least_distance_rad]
        kept += [first + row for row in _spread(some, new.tolist(), least_distance_rad)]
    return torch.tensor(kept)


def _spread(poses: Tensor, rows: list[int], least_distance_rad: float) -> list[int]:
    """Those of some rows that are far enough from the ones kept before."""
    distance = torch.cdist(poses, poses)
    kept: list[int] = []
    for row in rows:
        if not kept or distance[row, kept].min() > least_distance_rad:
            kept.append(row)
    return kept
