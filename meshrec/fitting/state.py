"""The unknowns of a fit, and small steps of them as vectors.

A step of N = 3 + 3 J + S numbers is, in this order: the translation in metres; for the root and every other joint a
rotation vector in radians about the joint's own axes, put to the right of its rotation; the shape coefficients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.geometry.rotations import axis_angle_to_matrix
from meshrec.structures import BodyParams
from meshrec.structures.indexing import keep_axis

TRANSLATION = slice(0, 3)
ORIENTATION = slice(3, 6)


def pose_columns(joints: int) -> slice:
    """Where the rotations of the joints but the root lie in a step."""
    return slice(6, 3 + 3 * joints)


def shape_columns(joints: int, betas: int) -> slice:
    """Where the shape coefficients lie in a step."""
    return slice(3 + 3 * joints, 3 + 3 * joints + betas)


@dataclass(frozen=True)
class BodyState:
    """B bodies that stand somewhere.

    Attributes:
        params: shape and pose.
        translation: (B, 3) of the body's origin, camera axes, metres.
    """

    params: BodyParams
    translation: Tensor

    def __post_init__(self) -> None:
        check_shapes(betas=(self.params.betas, "B S"), translation=(self.translation, "B 3"))

    def __len__(self) -> int:
        return len(self.params)

    def __getitem__(self, index) -> BodyState:
        index = keep_axis(index)
        return BodyState(self.params[index], self.translation[index])

    @property
    def step_size(self) -> int:
        """N, the length of a step."""
        return 6 + 3 * self.params.body_pose.shape[1] + self.params.betas.shape[1]

    def moved(self, step: Tensor) -> BodyState:
        """The state after a step (B, N)."""
        joints = self.params.body_pose.shape[1] + 1
        check_shapes(step=(step, f"{len(self)} {self.step_size}"))
        turns = axis_angle_to_matrix(step[:, 3 : 3 + 3 * joints].unflatten(1, (joints, 3)))
        rotations = torch.cat([self.params.global_orient[:, None], self.params.body_pose], 1) @ turns
        params = BodyParams(
            self.params.betas + step[:, shape_columns(joints, self.params.betas.shape[1])],
            rotations[:, 0],
            rotations[:, 1:],
        )
        return BodyState(params, self.translation + step[:, TRANSLATION])

    def where(self, keep: Tensor, other: BodyState) -> BodyState:
        """This state for the bodies of (B,) `keep`, the other one for the rest."""
        mine, others = self._values(), other._values()
        chosen = (torch.where(keep.view(-1, *[1] * (a.dim() - 1)), a, b) for a, b in zip(mine, others, strict=True))
        return BodyState._of(*chosen)

    @staticmethod
    def together(parts: Sequence[BodyState]) -> BodyState:
        """The states of several batches as one."""
        return BodyState._of(*(torch.cat(values) for values in zip(*(part._values() for part in parts), strict=True)))

    @staticmethod
    def _of(betas: Tensor, global_orient: Tensor, body_pose: Tensor, translation: Tensor) -> BodyState:
        return BodyState(BodyParams(betas, global_orient, body_pose), translation)

    def _values(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.params.betas, self.params.global_orient, self.params.body_pose, self.translation
