"""Makes the pose prior: distinct recorded poses and their mirror images, a mixture, and the ranges of the hinges."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from meshrec.assets import sha256_of_file
from meshrec.body.build.gaussian_mixture import GaussianMixture, fit_mixture, with_mirror_images
from meshrec.body.build.motion_poses import MotionPoses, distinct_poses, mirror_poses, read_motion_poses
from meshrec.body.hinges import Hinges
from meshrec.body.pose_prior import PosePrior
from meshrec.geometry.alignment import nearest_rotation
from meshrec.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from meshrec.structures.joints import SMPL24

# How exactly a joint's rotation can be known at all (radians): skeletons disagree about where a joint's zero is, about
# twist along a limb, and about which of two neighbours turns. Collars and hands never move in the CMU recordings.
_FLOOR_RAD = {
    "hip": 0.08, "knee": 0.08, "ankle": 0.12, "foot": 0.12, "spine1": 0.08, "spine2": 0.08, "spine3": 0.08,
    "neck": 0.10, "head": 0.10, "collar": 0.12, "shoulder": 0.10, "elbow": 0.12, "wrist": 0.15, "hand": 0.10,
}  # fmt: skip
_HINGES = ("left_knee", "right_knee", "left_elbow", "right_elbow")
_HINGE_MARGIN_RAD = 0.1  # around the range that the recordings show, and around a straight limb
_HINGE_QUANTILE = 0.001


@dataclass(frozen=True)
class PosePriorRecipe:
    """How a prior is fitted."""

    components: int = 8
    """Gaussians before mirroring doubles them."""
    least_distance_rad: float = 0.5
    """Poses nearer than this to one that counts do not count."""
    shrinkage: float = 200.0
    """Poses' worth of the covariance of all poses in every component."""
    floor_scale: float = 1.0
    """Factor on the deviations below which no joint is believed to be known."""
    wide_weight: float = 0.05
    """Weight of one more component for poses unlike the recorded ones: joints independent of each other."""
    wide_scale: float = 2.0
    """Its deviations over those of all poses."""
    non_commercial: bool = False
    """Whether clips under CC BY-NC 4.0 take part."""
    covariance: str = "full"
    """What components know: full, joints (each independent of the others), or factors (a few directions)."""
    factors: int = 16
    """Directions of ``factors``; all others share one deviation."""
    around_mean: bool = True
    """Whether turns count from the mean pose; from the T-pose otherwise."""
    seed: int = 0


def build_pose_prior(motion_pack: str | Path, recipe: PosePriorRecipe | None = None) -> PosePrior:
    """Fit a prior on a motion pack."""
    recipe = recipe or PosePriorRecipe()
    motion = read_motion_poses(motion_pack, recipe.non_commercial)
    chosen = motion[distinct_poses(motion.body_pose, recipe.least_distance_rad)]
    provenance = {
        "motion_pack_sha256": sha256_of_file(motion_pack),
        "subjects": sorted({motion.subject[clip] for clip in motion.clip.tolist()}),
        "frames": len(motion),
        "distinct_poses": len(chosen),
        "recipe": asdict(recipe),
    }
    return fit_pose_prior(chosen, measure_hinges(motion.body_pose), recipe, provenance)


def fit_pose_prior(motion: MotionPoses, hinges: Hinges, recipe: PosePriorRecipe, provenance: dict) -> PosePrior:
    """Fit a prior on chosen poses."""
    pose = motion.body_pose.double()  # so that the same poses give the same prior on other machines
    mean = mean_pose(pose) if recipe.around_mean else torch.eye(3, dtype=pose.dtype).expand(len(SMPL24) - 1, 3, 3)
    samples = torch.stack([tangent(mean, pose), tangent(mean, mirror_poses(pose))])
    mixture = fit_mixture(
        samples,
        recipe.components,
        recipe.floor_scale * floor_rad(),
        shrinkage=recipe.shrinkage,
        structure=STRUCTURES[recipe.covariance](recipe),
        seed=recipe.seed,
    )
    mixture = with_wide_component(with_mirror_images(mixture, mirror_matrix()), samples, recipe)
    return prior_of(mixture, mean, hinges, provenance)


def mean_pose(body_pose: Tensor) -> Tensor:
    """(23, 3, 3) the rotation nearest to all those of each joint and of its mirror image, exactly symmetric."""
    total = body_pose.mean(0)
    mean = nearest_rotation(total + mirror_poses(total))
    return axis_angle_to_matrix(0.5 * (matrix_to_axis_angle(mean) + matrix_to_axis_angle(mirror_poses(mean))))


def tangent(mean: Tensor, body_pose: Tensor) -> Tensor:
    """(N, 69) axis-angle from the mean pose."""
    return matrix_to_axis_angle(mean.mT @ body_pose).flatten(1)


def mirror_matrix() -> Tensor:
    """(69, 69) what mirroring does to tangent coordinates around a symmetric mean."""
    joints = torch.eye(len(SMPL24) - 1, dtype=torch.double)[torch.tensor(SMPL24.mirror[1:]) - 1]
    return torch.kron(joints, torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.double)))


def floor_rad() -> Tensor:
    """(69,) least deviations, the same for the three axes of a joint."""
    names = [name.removeprefix("left_").removeprefix("right_") for name in SMPL24.names[1:]]
    return torch.tensor([_FLOOR_RAD[name] for name in names], dtype=torch.double).repeat_interleave(3)


def joints_alone(covariance: Tensor) -> Tensor:
    """A covariance (69, 69) without what different joints share."""
    return covariance * torch.block_diag(*torch.ones(len(SMPL24) - 1, 3, 3)).to(covariance)


def leading_factors(covariance: Tensor, count: int) -> Tensor:
    """A covariance with its largest directions, and the mean of the others in all others (Tipping and Bishop 1999)."""
    variance, direction = torch.linalg.eigh(covariance)
    rest = variance[:-count].mean()
    leading = direction[:, -count:]
    return (leading * (variance[-count:] - rest)) @ leading.T + rest * torch.eye(len(covariance)).to(covariance)


STRUCTURES = {
    "full": lambda recipe: None,
    "joints": lambda recipe: joints_alone,
    "factors": lambda recipe: partial(leading_factors, count=recipe.factors),
}


def with_wide_component(mixture: GaussianMixture, samples: Tensor, recipe: PosePriorRecipe) -> GaussianMixture:
    """One more component: every joint on its own, spread wider than recorded."""
    if recipe.wide_weight == 0:
        return mixture
    rows = samples.flatten(0, 1)
    alone = joints_alone(torch.cov(rows.T, correction=0))
    spread = recipe.wide_scale**2 * (alone + torch.diag(floor_rad().square()))
    return GaussianMixture(
        torch.cat([mixture.weights * (1 - recipe.wide_weight), mixture.weights.new_tensor([recipe.wide_weight])]),
        torch.cat([mixture.means, rows.mean(0)[None]]),
        torch.cat([mixture.covariances, spread[None]]),
    )


def prior_of(mixture: GaussianMixture, mean: Tensor, hinges: Hinges, provenance: dict) -> PosePrior:
    """The prior with a mixture in the tangent space of a mean pose."""
    arrays = (mean, mixture.means, mixture.whitening(), mixture.weights)
    return PosePrior(*(array.float() for array in arrays), hinges, provenance)


def measure_hinges(body_pose: Tensor) -> Hinges:
    """Axes and ranges of knees and elbows: the direction that most of their turning shares, and how far it goes."""
    both = torch.cat([body_pose, mirror_poses(body_pose)])
    axes, low, high = [], [], []
    for name in _HINGES:
        turns = matrix_to_axis_angle(both[:, SMPL24.index(name) - 1].double())
        axis = torch.linalg.eigh(turns.T @ turns)[1][:, -1]
        axis = axis * (turns.mean(0) @ axis).sign()
        bend = turns @ axis
        axes.append(axis)
        low.append(bend.quantile(_HINGE_QUANTILE).clamp_max(0) - _HINGE_MARGIN_RAD)
        high.append(bend.quantile(1 - _HINGE_QUANTILE) + _HINGE_MARGIN_RAD)
    return Hinges(_HINGES, *(torch.stack(rows).float() for rows in (axes, low, high)))
