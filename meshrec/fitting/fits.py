"""What fitting returns: parameters, where the body stands, and how well that explains the evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from meshrec.body import BodyModel, NamedJoints
from meshrec.checks import check_shapes
from meshrec.geometry.projection import project_pinhole
from meshrec.structures import SMPL24, BodyParams, JointSet, PinholeCamera
from meshrec.structures.indexing import keep_axis


@dataclass(frozen=True)
class FitQuality:
    """How well bodies explain their evidence, (B,) each.

    Attributes:
        reprojection_px: mean distance of projected from given joints, weighted by confidence, pixels of the camera;
            infinite for a person of whom no joint is known.
        reprojection_share: the same over `Evidence.person_px`, the side of a crop around the person; 2 px at 224 are
            0.009.
        joints_used: long, how many joints with a confidence above zero the body has.
        prior_energy: negative log density of the pose, up to the prior's constant; low is likely.
        energy: of joints, pose, shape and contact together, which fitting minimises; comparable between fits of one
            person to the same joints only.
    """

    reprojection_px: Tensor
    reprojection_share: Tensor
    joints_used: Tensor
    prior_energy: Tensor
    energy: Tensor

    def __post_init__(self) -> None:
        check_shapes(**{field.name: (getattr(self, field.name), "B") for field in fields(self)})

    def __len__(self) -> int:
        return self.energy.shape[0]

    def __getitem__(self, index) -> FitQuality:
        """The quality of some fits; an integer keeps the batch axis."""
        index = keep_axis(index)
        return FitQuality(*(getattr(self, field.name)[index] for field in fields(self)))

    def to(self, *args, **kwargs) -> FitQuality:
        moved = {field.name: getattr(self, field.name).to(*args, **kwargs) for field in fields(self)}
        return FitQuality(**(moved | {"joints_used": moved["joints_used"].long()}))


@dataclass(frozen=True)
class Fits:
    """Bodies fitted to B people.

    Attributes:
        params: shape and pose; ``global_orient`` turns body axes into camera axes.
        translation: (B, 3) where each body's origin stands, camera axes, metres.
        camera: the evidence's cameras.
        quality: how well they explain the evidence.
    """

    params: BodyParams
    translation: Tensor
    camera: PinholeCamera
    quality: FitQuality

    def __post_init__(self) -> None:
        check_shapes(
            betas=(self.params.betas, "B S"),
            translation=(self.translation, "B 3"),
            camera=(self.camera.focal_px, "B 2"),
            energy=(self.quality.energy, "B"),
        )

    def __len__(self) -> int:
        return len(self.params)

    def __getitem__(self, index) -> Fits:
        """Some of the fits; an integer keeps the batch axis."""
        index = keep_axis(index)
        return Fits(self.params[index], self.translation[index], self.camera[index], self.quality[index])

    def to(self, *args, **kwargs) -> Fits:
        return Fits(*(getattr(self, field.name).to(*args, **kwargs) for field in fields(self)))

    def vertices_cam(self, body: BodyModel) -> Tensor:
        """(B, V, 3) vertices in camera axes, placed in front of the camera, metres."""
        return body(self.params).vertices + self.translation[:, None]

    def joints_cam(self, body: BodyModel, joint_set: JointSet = SMPL24) -> Tensor:
        """(B, K, 3) joints of a set in camera axes, metres; those that the body lacks are at the body's origin."""
        return NamedJoints(body, joint_set)(body(self.params)) + self.translation[:, None]

    def joints_px(self, body: BodyModel, joint_set: JointSet = SMPL24) -> Tensor:
        """(B, K, 2) where the joints of a set are seen, pixels of the camera."""
        return project_pinhole(self.joints_cam(body, joint_set), self.camera.focal_px, self.camera.centre_px)

    @staticmethod
    def together(parts: Sequence[Fits]) -> Fits:
        """Fits of several batches as one; their cameras' images have one size."""
        sizes = {part.camera.image_size for part in parts}
        if len(sizes) != 1:
            raise ValueError(f"Fits are joined when their images have one size, got {sorted(sizes)}")
        params = [part.params for part in parts]
        quality = [part.quality for part in parts]
        return Fits(
            BodyParams(*(_joined(params, name) for name in ("betas", "global_orient", "body_pose"))),
            _joined(parts, "translation"),
            PinholeCamera(*(_joined([p.camera for p in parts], n) for n in ("focal_px", "centre_px")), *sizes),
            FitQuality(*(_joined(quality, field.name) for field in fields(FitQuality))),
        )


def _joined(parts: Sequence, name: str) -> Tensor:
    return torch.cat([getattr(part, name) for part in parts])
