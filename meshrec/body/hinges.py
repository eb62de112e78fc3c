"""Knees and elbows: how far they are bent, and an energy for bending past what bodies do."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from meshrec.checks import check_shapes
from meshrec.structures.joints import SMPL24

SOFTNESS_RAD = 0.1  # an excess of this much costs half a unit, like one standard deviation
_NO_BEND = 1e-6  # below it the joint is turned half around across its axis, and its bend means nothing


class Hinges(nn.Module):
    """Joints that bend about one axis and one way.

    The bend of a joint is the angle of that rotation about the hinge's axis which is nearest to the joint's rotation
    (the twist of a swing-twist decomposition); turns about other axes are left to the pose prior.

    Attributes:
        names: of the joints, in SMPL24.
        axis: (N, 3) unit axes in the joint's rest axes; the joint bends by positive angles.
        low_rad, high_rad: (N,) the range of the bend.
    """

    axis: Tensor
    low_rad: Tensor
    high_rad: Tensor

    def __init__(self, names: Sequence[str], axis: Tensor, low_rad: Tensor, high_rad: Tensor) -> None:
        super().__init__()
        check_shapes(axis=(axis, "N 3"), low_rad=(low_rad, "N"), high_rad=(high_rad, "N"))
        self.names = tuple(names)
        self._rows = [SMPL24.index(name) - 1 for name in self.names]  # of a body pose, which has no root
        for name, value in (("axis", axis), ("low_rad", low_rad), ("high_rad", high_rad)):
            self.register_buffer(name, value, persistent=False)

    def bend_rad(self, body_pose: Tensor) -> Tensor:
        """How far each hinge is bent.

        Args:
            body_pose: (..., 23, 3, 3) rotations relative to the parent.
        Returns:
            (..., N) radians, within half a turn of the middle of the range.
        """
        check_shapes(body_pose=(body_pose, f"... {len(SMPL24) - 1} 3 3"))
        rotation = body_pose[..., self._rows, :, :]
        skew = rotation - rotation.mT
        vector = torch.stack([skew[..., 2, 1], skew[..., 0, 2], skew[..., 1, 0]], -1)
        along = torch.einsum("...ni,...nij,...nj->...n", self.axis, rotation, self.axis)
        sine = (vector * self.axis).sum(-1)
        cosine = rotation.diagonal(dim1=-2, dim2=-1).sum(-1) - along
        return self._angle_near_range(sine, cosine)

    def _angle_near_range(self, sine: Tensor, cosine: Tensor) -> Tensor:
        """The angle of the direction (cosine, sine), cut open opposite to the middle of the range."""
        middle = 0.5 * (self.low_rad + self.high_rad)
        turned_sine = sine * middle.cos() - cosine * middle.sin()
        turned_cosine = cosine * middle.cos() + sine * middle.sin()
        usable = turned_sine.square() + turned_cosine.square() > _NO_BEND**2
        angle = torch.atan2(
            torch.where(usable, turned_sine, torch.zeros_like(sine)),
            torch.where(usable, turned_cosine, torch.ones_like(cosine)),
        )
        return middle + angle

    def residuals(self, body_pose: Tensor) -> Tensor:
        """By how much each hinge is outside its range, in units of ``SOFTNESS_RAD``: (..., 23, 3, 3) -> (..., N)."""
        bend = self.bend_rad(body_pose)
        return ((bend - self.high_rad).relu() + (self.low_rad - bend).relu()) / SOFTNESS_RAD

    def energy(self, body_pose: Tensor) -> Tensor:
        """Half the sum of squared residuals, zero within the ranges: (..., 23, 3, 3) -> (...)."""
        return 0.5 * self.residuals(body_pose).square().sum(-1)

    def describe(self) -> str:
        """One line a hinge, in degrees."""
        rows = zip(self.names, self.axis.tolist(), self.low_rad.tolist(), self.high_rad.tolist(), strict=True)
        return "\n".join(
            f"{name:12s} axis ({x:5.2f}, {y:5.2f}, {z:5.2f})  {math.degrees(low):4.0f} to {math.degrees(high):3.0f} deg"
            for name, (x, y, z), low, high in rows
        )
