"""Parameters of an SMPL-format body and what posing it gives."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.structures.indexing import keep_axis


@dataclass(frozen=True)
class BodyParams:
    """Shape and pose of bodies in SMPL's parametrisation, with rotations as matrices.

    Attributes:
        betas: (B, S) shape coefficients, in standard deviations.
        global_orient: (B, 3, 3) rotation of the root, body axes to camera axes; an upright person who faces the
            camera has diag(1, -1, -1), because the body's y points up and the camera's down.
        body_pose: (B, J - 1, 3, 3) rotation of every other joint relative to its parent.
    """

    betas: Tensor
    global_orient: Tensor
    body_pose: Tensor

    def __post_init__(self) -> None:
        check_shapes(
            betas=(self.betas, "B S"),
            global_orient=(self.global_orient, "B 3 3"),
            body_pose=(self.body_pose, "B J 3 3"),
        )

    def __len__(self) -> int:
        return self.betas.shape[0]

    def __getitem__(self, index) -> BodyParams:
        """The parameters of some bodies; an integer keeps the batch axis."""
        index = keep_axis(index)
        return BodyParams(self.betas[index], self.global_orient[index], self.body_pose[index])

    def to(self, *args, **kwargs) -> BodyParams:
        return BodyParams(*(value.to(*args, **kwargs) for value in (self.betas, self.global_orient, self.body_pose)))

    @classmethod
    def rest(
        cls,
        batch: int = 1,
        betas: int = 10,
        joints: int = 24,
        *,
        facing_camera: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> BodyParams:
        """Bodies of mean shape in the rest pose, in their own axes or upright in front of the camera."""
        identity = torch.eye(3, device=device, dtype=dtype)
        root = torch.diag(torch.tensor([1.0, -1.0, -1.0], device=device, dtype=dtype)) if facing_camera else identity
        return cls(
            torch.zeros(batch, betas, device=device, dtype=dtype),
            root.expand(batch, 3, 3).clone(),
            identity.expand(batch, joints - 1, 3, 3).clone(),
        )


@dataclass(frozen=True)
class BodyOutput:
    """Posed bodies, in metres, in the axes that ``global_orient`` maps to; the origin is the body's own.

    Attributes:
        vertices: (B, V, 3).
        joints: (B, J, 3) of the kinematic tree.
    """

    vertices: Tensor
    joints: Tensor

    def __post_init__(self) -> None:
        check_shapes(vertices=(self.vertices, "B V 3"), joints=(self.joints, "B J 3"))

    def __getitem__(self, index) -> BodyOutput:
        """Some of the bodies; an integer keeps the batch axis."""
        index = keep_axis(index)
        return BodyOutput(self.vertices[index], self.joints[index])

    def to(self, *args, **kwargs) -> BodyOutput:
        return BodyOutput(self.vertices.to(*args, **kwargs), self.joints.to(*args, **kwargs))
