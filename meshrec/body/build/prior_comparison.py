"""Measures pose priors on people who took no part in fitting them: density of their poses, and lifting them from 2D.

Lifting is the task that a prior is for: joints seen in one direction, and nothing but the prior says how deep they lie.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from meshrec.body.build.motion_poses import distinct_poses, read_motion_poses
from meshrec.body.build.pose_prior import PosePriorRecipe, build_pose_prior
from meshrec.body.model import BodyModel
from meshrec.body.pose_prior import PosePrior
from meshrec.errors import InvalidInput
from meshrec.geometry.alignment import procrustes
from meshrec.geometry.rotations import axis_angle_to_matrix, rotation_about_x, rotation_about_y
from meshrec.geometry.skinning import kinematic_chain
from meshrec.structures.joints import SMPL24

Energy = Callable[[Tensor], Tensor]

_BLUR_RAD = 0.05  # skeletons do not agree better, and joints that never move would have infinite density
_POSES_PER_CATEGORY = 20
_SEEN = tuple(
    f"{side}_{joint}" for joint in ("ankle", "knee", "hip", "wrist", "elbow", "shoulder") for side in ("left", "right")
) + ("neck", "head")
_LIMBS = (
    ("left_knee", "left_ankle"),
    ("right_knee", "right_ankle"),
    ("left_elbow", "left_wrist"),
    ("right_elbow", "right_wrist"),
)
_NOISE_M, _TRUSTED_M = 0.01, 0.02  # of the given joints, and how well they are believed
_STEPS, _STEP_RAD = 150, 0.05
_PARABOLA_RAD = 0.5
PARABOLA = "no prior: a parabola"

VARIANTS: dict[str, dict] = {
    "shipped": {},
    "1 component": {"components": 1},
    "4 components": {"components": 4},
    "16 components": {"components": 16},
    "32 components": {"components": 32},
    "8, 16 factors each": {"covariance": "factors"},
    "8, joints independent": {"covariance": "joints"},
    "32, joints independent": {"covariance": "joints", "components": 32},
    "turns from the T-pose": {"around_mean": False},
    "poses 1 rad apart": {"least_distance_rad": 1.0},
    "floors halved": {"floor_scale": 0.5},
    "floors times 1.5": {"floor_scale": 1.5},
    "no shrinkage": {"shrinkage": 0.0},
    "no wide component": {"wide_weight": 0.0},
    "with CC BY-NC clips": {"non_commercial": True},
}


@dataclass(frozen=True)
class PriorScore:
    """What a prior is worth on held-out poses; all are means over categories, so that dances do not drown jumps.

    Attributes:
        log_density: nats a pose, with respect to the uniform density of rotations; NaN for what has no density.
        lifted_mm: PA-MPJPE of 14 joints lifted from their orthographic image.
        hidden_mm: the same when the two outer joints of an arm or a leg are not seen.
        hidden_limb_mm: the error of those two.
        lifted_error_mm: standard error of ``lifted_mm`` over the poses.
    """

    log_density: float
    lifted_mm: float
    hidden_mm: float
    hidden_limb_mm: float
    lifted_error_mm: float


class HeldOutPoses:
    """Distinct poses of a motion pack by category, and the task of lifting some of each."""

    def __init__(self, motion_pack: str | Path, least_distance_rad: float = 0.5, seed: int = 0) -> None:
        motion = read_motion_poses(motion_pack)
        motion = motion[distinct_poses(motion.body_pose, least_distance_rad)]
        names = sorted({motion.category[clip] for clip in motion.clip.tolist()})
        self.category = torch.tensor([names.index(motion.category[clip]) for clip in motion.clip.tolist()])
        generator = torch.Generator().manual_seed(seed)
        blur = torch.randn(len(motion), len(SMPL24) - 1, 3, generator=generator)
        self.blurred_pose = motion.body_pose @ axis_angle_to_matrix(_BLUR_RAD * blur)
        order = torch.randperm(len(motion), generator=generator)
        rows = torch.cat([order[self.category[order] == k][:_POSES_PER_CATEGORY] for k in range(len(names))])
        self.lifted_category, self.lifted_pose = self.category[rows], motion.body_pose[rows]
        self.task = LiftingTask(self.lifted_pose, generator)

    def score(self, energy: Energy, start: Tensor, log_density: Energy | None = None) -> PriorScore:
        """Measure an energy of poses; lifting starts from the pose ``start`` (23, 3, 3)."""
        density = float("nan")
        if log_density is not None:
            density = _mean_of_categories(log_density(self.blurred_pose), self.category)
        lifted, hidden = (self.task.errors_mm(energy, start, limb_hidden) for limb_hidden in (False, True))
        error, of_hidden = lifted.mean(1), hidden.gather(1, self.task.limb).mean(1)
        return PriorScore(
            density,
            *(_mean_of_categories(value, self.lifted_category) for value in (error, hidden.mean(1), of_hidden)),
            float(error.std() / len(error) ** 0.5),
        )


class LiftingTask:
    """Orthographic images of poses seen from anywhere around, with noise."""

    def __init__(self, body_pose: Tensor, generator: torch.Generator) -> None:
        body = BodyModel.from_file()
        self._rest, self._parents = body.joint_regressor @ body.template_vertices, body.parents
        self._seen = [SMPL24.index(name) for name in _SEEN]
        count = len(body_pose)
        heading = 2 * math.pi * torch.rand(count, generator=generator)
        self.view = rotation_about_y(heading) @ rotation_about_x(0.3 * torch.randn(count, generator=generator))
        self.joints = self._joints(self.view, body_pose)
        self.image = self.joints[..., :2] + _NOISE_M * torch.randn(count, len(_SEEN), 2, generator=generator)
        limbs = torch.tensor([[_SEEN.index(name) for name in limb] for limb in _LIMBS])
        self.limb = limbs[torch.randint(len(limbs), (count,), generator=generator)]
        self._first_turn = 0.2 * torch.randn(count, 1, 3, generator=generator)

    def _joints(self, root: Tensor, body_pose: Tensor) -> Tensor:
        rotations = torch.cat([root[:, None], body_pose], 1)
        frames = kinematic_chain(rotations, self._rest.expand(len(root), -1, -1), self._parents)
        return frames[:, self._seen, :, 3]

    def errors_mm(self, energy: Energy, start: Tensor, limb_hidden: bool) -> Tensor:
        """(B, 14) distances of the lifted joints from the true ones after alignment.

        The search starts at ``start``, some 20 degrees off the true view, and minimises the squared distance in the
        image plus the energy.
        """
        seen = torch.ones(self.image.shape[:2])
        if limb_hidden:
            seen.scatter_(1, self.limb, 0.0)
        turn = torch.cat([self._first_turn, torch.zeros(len(seen), len(SMPL24) - 1, 3)], 1).requires_grad_()
        shift = torch.zeros(len(seen), 1, 2, requires_grad=True)
        optimiser = torch.optim.Adam([turn, shift], lr=_STEP_RAD)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, _STEPS, eta_min=0.1 * _STEP_RAD)
        for _ in range(_STEPS):
            rotations = axis_angle_to_matrix(turn)
            pose = start @ rotations[:, 1:]
            joints = self._joints(self.view @ rotations[:, 0], pose)
            distance_sq = (joints[..., :2] + shift - self.image).square().sum(-1)
            cost = 0.5 * (seen * distance_sq).sum() / _TRUSTED_M**2 + energy(pose).sum()
            optimiser.zero_grad()
            cost.backward()
            optimiser.step()
            schedule.step()
        joints = joints.detach()
        return 1000 * (procrustes(joints, self.joints).apply(joints) - self.joints).norm(dim=-1)


def log_density(prior: PosePrior, body_pose: Tensor) -> Tensor:
    """(N,) logarithm of a prior's density with respect to the uniform measure of rotations.

    The measure is scaled to be that of axis-angle vectors near zero; so priors around different poses are comparable.
    """
    angle = prior.coordinates(body_pose).unflatten(-1, (-1, 3)).norm(dim=-1).clamp_min(1e-3)
    volume = (2 * (1 - angle.cos()) / angle.square()).log().sum(-1)
    highest = (prior.weights.log() + prior.whitening.diagonal(dim1=-2, dim2=-1).log().sum(-1)).max()
    return highest - 0.5 * prior.means.shape[1] * math.log(2 * math.pi) - prior.energy(body_pose) - volume


def compare_pose_priors(
    motion_pack: str | Path, held_out_pack: str | Path, names: Sequence[str] = ()
) -> Iterator[tuple[str, PosePrior | None, PriorScore]]:
    """Names, priors and scores of variants of the shipped prior, all of them by default, one after the other.

    The last is no prior but a parabola around the mean pose with half a radian of deviation in every direction.

    Raises:
        InvalidInput: an unknown name, or a file that is no motion pack.
    """
    unknown = sorted(set(names) - {*VARIANTS, PARABOLA})
    if unknown:
        raise InvalidInput(f"There is no prior called {unknown[0]!r}; there are {', '.join((*VARIANTS, PARABOLA))}.")
    held_out = HeldOutPoses(held_out_pack)
    for name in names or (*VARIANTS, PARABOLA):
        prior = build_pose_prior(motion_pack, replace(PosePriorRecipe(), **VARIANTS.get(name, {})))
        if name == PARABOLA:
            yield name, None, held_out.score(partial(_parabola, prior), prior.mean_pose)
        else:
            yield name, prior, held_out.score(prior.energy, typical_pose(prior), partial(log_density, prior))


def typical_pose(prior: PosePrior) -> Tensor:
    """(23, 3, 3) the middle of all components, which is near the mean pose whatever the coordinates start from."""
    return prior.pose_at(prior.weights @ prior.means)


def _parabola(prior: PosePrior, body_pose: Tensor) -> Tensor:
    return 0.5 * prior.coordinates(body_pose).square().sum(-1) / _PARABOLA_RAD**2


def _mean_of_categories(value: Tensor, category: Tensor) -> float:
    return float(torch.stack([value[category == k].mean() for k in category.unique()]).mean())
