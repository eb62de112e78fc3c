"""Bodies in front of cameras, with the joints that are seen of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec.body import BodyModel, NamedJoints
from meshrec.body.pose_prior import PosePrior
from meshrec.fitting.evidence import Evidence
from meshrec.fitting.state import BodyState
from meshrec.geometry.projection import project_pinhole
from meshrec.geometry.rotations import rotation_about_x, rotation_about_y, rotation_about_z
from meshrec.structures import COCO17, BodyParams, JointSet, PinholeCamera


@dataclass(frozen=True)
class SeenBodies:
    """Bodies, where they stand, and their exact joints in crops of 224 px."""

    state: BodyState
    joints: Tensor  # (B, 24, 3) camera axes, without the translation
    evidence: Evidence


def see_bodies(
    body: BodyModel, prior: PosePrior, count: int, seed: int = 0, roll_rad: float = 0.0, joint_set: JointSet = COCO17
) -> SeenBodies:
    """Random bodies, upright but for a roll, turned to any side, about 5 m before a camera."""
    generator = torch.Generator().manual_seed(seed)
    heading = rotation_about_y(2 * math.pi * torch.rand(count, generator=generator))
    tilt = rotation_about_x(0.15 * torch.randn(count, generator=generator))
    roll = rotation_about_z(torch.tensor(roll_rad))
    params = BodyParams(
        torch.randn(count, 10, generator=generator),
        roll @ torch.diag(torch.tensor([1.0, -1.0, -1.0])) @ tilt @ heading,
        ordinary_poses(prior, count, generator),
    )
    translation = torch.tensor([[0.3, -0.2, 5.0]]).repeat(count, 1)
    posed = body(params)
    joints_cam = NamedJoints(body, joint_set)(posed) + translation[:, None]
    seen = joints_cam[..., :2] / joints_cam[..., 2:]
    side = 1.3 * (seen.amax(1) - seen.amin(1)).amax(1)
    focal_px = (224 / side)[:, None].repeat(1, 2)
    camera = PinholeCamera(focal_px, 112 - focal_px * 0.5 * (seen.amax(1) + seen.amin(1)), (224, 224))
    joints_px = project_pinhole(joints_cam, camera.focal_px, camera.centre_px)
    evidence = Evidence(joints_px, torch.ones(joints_px.shape[:2]), joint_set, camera)
    return SeenBodies(BodyState(params, translation), posed.joints, evidence)


def ordinary_poses(prior: PosePrior, count: int, generator: torch.Generator) -> Tensor:
    """(count, 23, 3, 3) the likelier half of poses drawn from a prior, whose tails hold contortions."""
    drawn = prior.sample(2 * count, generator)
    return drawn[prior.energy(drawn).argsort()[:count]]
