"""Where fits begin: likely poses seen from many sides, put onto the joints in the image in closed form.

The reprojection error has many local minima: somebody seen from behind, an arm that reaches away instead of towards
the camera. SMPLify tries two orientations. Here poses are turned to all sides, and for each the scaled orthographic
camera follows from least squares, its roll included, so that somebody upside down is found, too. With image points as
complex numbers the camera maps a pose's points z to `slope * z + shift`, and a few matrix products score every pose for
everybody.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec.body.pose_prior import PosePrior
from meshrec.fitting.evidence import Evidence
from meshrec.fitting.options import FitOptions
from meshrec.fitting.reprojection import CROP_PX
from meshrec.fitting.sparse_body import SparseBody
from meshrec.fitting.state import BodyState
from meshrec.geometry.rotations import rotation_about_y, rotation_about_z
from meshrec.structures import BodyParams

_HEADINGS_PER_SIDE = 3
# The starts only have to be near: pose and shape are not fitted yet, so joints may be off by this much.
_START_NOISE_PX = 10.0
# Energy of hanging upside down, against which joints must speak up; about as rare as four standard deviations.
_UPSIDE_DOWN = 8.0
# Bounds of the scale, crops per metre: from a face to a person who is small in the box of noisy joints.
_LEAST_SCALE, _MOST_SCALE = 0.1, 10.0


@dataclass(frozen=True)
class SeenPoses:
    """C poses, each upright before the camera and turned to some side.

    Attributes:
        params: of the bodies.
        points: (C, P) complex, x + i y of the evidence's joints in metres, camera axes.
        side: (C,) long, front, left, back or right, and so on.
    """

    params: BodyParams
    points: Tensor
    side: Tensor


def seen_poses(points: SparseBody, prior: PosePrior, options: FitOptions) -> SeenPoses:
    """The poses to begin with, from all sides."""
    mean, sides = prior.mean_pose, options.start_sides
    poses = mean[None]
    if options.start_poses > 1:
        generator = torch.Generator(mean.device).manual_seed(0)
        poses = torch.cat([poses, prior.sample(options.start_poses - 1, generator).to(mean)])
    heading = torch.arange(sides * _HEADINGS_PER_SIDE, device=mean.device)
    side = ((heading + _HEADINGS_PER_SIDE // 2) // _HEADINGS_PER_SIDE) % sides
    turn = rotation_about_y(heading.to(mean) * (2 * math.pi / len(heading)))
    facing = torch.diag(mean.new_tensor([1.0, -1.0, -1.0]))
    params = BodyParams(
        mean.new_zeros(len(poses) * len(heading), points.shape.shape[-1]),
        (facing @ turn).repeat(len(poses), 1, 1),
        poses.repeat_interleave(len(heading), 0),
    )
    seen = points(BodyState(params, mean.new_zeros(len(params), 3))).points_cam
    return SeenPoses(params, torch.complex(seen[..., 0], seen[..., 1]), side.repeat(len(poses)))


def best_starts(evidence: Evidence, seen: SeenPoses, options: FitOptions) -> BodyState:
    """The best pose of every side for every person, standing where it fits the joints best.

    Returns:
        B x sides bodies, those of a person next to each other.
    """
    cost, slope, shift = _orthographic_fits(evidence, seen)
    elsewhere = seen.side != torch.arange(options.start_sides, device=cost.device)[:, None]
    best = cost[:, None].masked_fill(elsewhere, torch.inf).argmin(2)
    slope, shift, best = slope.gather(1, best).flatten(), shift.gather(1, best).flatten(), best.flatten()
    camera = evidence.camera[torch.arange(len(evidence), device=cost.device).repeat_interleave(options.start_sides)]
    depth = camera.focal_px.prod(-1).sqrt() / slope.abs()
    origin_px = torch.stack([shift.real, shift.imag], -1)
    across = (origin_px - camera.centre_px) / camera.focal_px * depth[:, None]
    params = seen.params[best]
    upright = BodyParams(params.betas, rotation_about_z(slope.angle()) @ params.global_orient, params.body_pose)
    return BodyState(upright, torch.cat([across, depth[:, None]], 1))


def _orthographic_fits(evidence: Evidence, seen: SeenPoses) -> tuple[Tensor, Tensor, Tensor]:
    """(B, C) cost of each pose for each person, and the slope and shift, in pixels, that put it onto the joints."""
    known = evidence.confidence > 0
    joints = torch.where(known[..., None], evidence.joints_px, 0.0)
    joints = torch.complex(joints[..., 0], joints[..., 1])
    weight = evidence.confidence.square()
    weight = weight / weight.sum(1, keepdim=True).clamp_min(torch.finfo(weight.dtype).tiny)
    middle = torch.complex(*evidence.camera.centre_px.unbind(1))
    mean_px = torch.where(known.any(1), (weight * joints).sum(1), middle)[:, None]
    away = joints - mean_px
    mean = weight.to(away) @ seen.points.T
    variance = weight @ seen.points.abs().square().T - mean.abs().square()
    together = (weight * away) @ seen.points.conj().T
    person = evidence.person_px[:, None]
    slope = together / variance.clamp_min(1e-6)
    size = slope.abs().clamp(_LEAST_SCALE * person, _MOST_SCALE * person)
    slope = torch.polar(size, slope.angle())
    # What is left of the joints' spread, summed over as many joints as there are.
    rest = (weight * away.abs().square()).sum(1, keepdim=True) - 2 * (slope.conj() * together).real
    rest = (rest + size.square() * variance) * evidence.confidence.square().sum(1, keepdim=True)
    cost = 0.5 * rest * (CROP_PX / _START_NOISE_PX / person).square()
    return cost + 0.5 * _UPSIDE_DOWN * (1 - slope.real / size), slope, mean_px - slope * mean
