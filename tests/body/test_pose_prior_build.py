"""Fitting a pose prior: samples of known mixtures, brute force for the choice of poses, and small made-up packs."""

import math

import numpy as np
import pytest
import torch

from meshrec.body import BodyModel
from meshrec.body.build import prior_comparison
from meshrec.body.build.gaussian_mixture import GaussianMixture, fit_mixture, with_mirror_images
from meshrec.body.build.motion_poses import distinct_poses, mirror_poses, read_motion_poses
from meshrec.body.build.pose_prior import (
    PosePriorRecipe,
    build_pose_prior,
    floor_rad,
    joints_alone,
    leading_factors,
    mean_pose,
    measure_hinges,
    mirror_matrix,
    tangent,
)
from meshrec.body.build.prior_comparison import PARABOLA, HeldOutPoses, compare_pose_priors, log_density
from meshrec.body.pose_prior import PosePrior
from meshrec.errors import InvalidInput
from meshrec.geometry.rotations import axis_angle_to_matrix
from meshrec.structures import SMPL24, BodyParams
from tests.support.commands import load_main


def random_poses(count, spread=0.3, seed=0):
    return axis_angle_to_matrix(spread * torch.randn(count, 23, 3, generator=torch.Generator().manual_seed(seed)))


def write_pack(path, frames=60, seed=0):
    """Two free clips, one of squats and one of tangles, and a clip under a non-commercial licence."""
    generator = torch.Generator().manual_seed(seed)
    poses = 0.1 * torch.randn(3, frames, 24, 3, generator=generator)
    bend = torch.linspace(0, 2, frames)
    for side in ("left", "right"):
        poses[0, :, SMPL24.index(f"{side}_knee")] = torch.stack([bend, 0 * bend, 0 * bend], -1)
    poses[:, :, SMPL24.index("left_elbow"), 1] -= bend
    poses[:, :, SMPL24.index("right_elbow"), 1] += bend
    poses[2, :, SMPL24.index("head"), 0] += 2.0
    np.savez(
        path,
        poses=poses.flatten(0, 1).numpy().astype(np.float16),
        clip_start=np.arange(4) * frames,
        categories=np.array(["squats", "tangles", "nods"]),
        subjects=np.array(["a", "b", "c"]),
        licences=np.array(["free", "free", "CC-BY-NC-4.0"]),
    )
    return path


def test_a_mixture_is_found_again_in_its_samples():
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(3000, 2, generator=generator) * torch.tensor([0.5, 2.0]) + torch.tensor([4.0, 0.0])
    second = torch.randn(1000, 2, generator=generator) - 4
    samples = torch.cat([first, second])[None]
    found = fit_mixture(samples, 2, torch.zeros(2))
    order = found.weights.argsort(descending=True)
    assert torch.allclose(found.weights[order], torch.tensor([0.75, 0.25]), atol=0.01)
    assert torch.allclose(found.means[order], torch.tensor([[4.0, 0.0], [-4.0, -4.0]]), atol=0.15)
    variances = found.covariances[order].diagonal(dim1=1, dim2=2)
    assert torch.allclose(variances, torch.tensor([[0.25, 4.0], [1.0, 1.0]]), rtol=0.15)
    normals = torch.distributions.MultivariateNormal(found.means, found.covariances)
    reference = torch.distributions.MixtureSameFamily(torch.distributions.Categorical(found.weights), normals)
    assert torch.allclose(found.log_density(samples[0]), reference.log_prob(samples[0]), atol=1e-3)


def test_one_of_two_mirror_images_explains_a_sample():
    """A cloud at +3 or, mirrored, at -3: one component finds one of them, and its image covers the other."""
    generator = torch.Generator().manual_seed(1)
    side = torch.where(torch.rand(2000, 1, generator=generator) < 0.5, -1.0, 1.0)
    one = side * (3 + 0.5 * torch.randn(2000, 1, generator=generator))
    found = fit_mixture(torch.stack([one, -one]), 1, torch.zeros(1))
    assert found.means.abs().item() == pytest.approx(3, abs=0.05)
    both = with_mirror_images(found, -torch.eye(1))
    assert both.means.sum().abs() < 1e-6 and both.weights.tolist() == [0.5, 0.5]
    assert torch.allclose(both.log_density(one), both.log_density(-one), atol=1e-4)


def test_floors_and_shrinkage_widen_components():
    samples = torch.randn(1, 500, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 0.0])
    covariance = fit_mixture(samples, 1, torch.tensor([0.0, 0.3])).covariances[0]
    assert covariance[1, 1].item() == pytest.approx(0.09, rel=1e-4)
    apart = torch.cat([samples - torch.tensor([9.0, 0]), samples + torch.tensor([9.0, 0])], 1)
    narrow, wide = (fit_mixture(apart, 2, torch.ones(2) / 9, shrinkage=size).covariances for size in (0.0, 500.0))
    assert (wide[:, 0, 0] > 10 * narrow[:, 0, 0]).all()


def test_leading_factors_keep_the_largest_directions_and_the_total():
    turn = torch.linalg.qr(torch.randn(5, 5, generator=torch.Generator().manual_seed(0)))[0]
    covariance = turn @ torch.diag(torch.tensor([9.0, 4.0, 0.3, 0.2, 0.1])) @ turn.T
    found = torch.linalg.eigvalsh(leading_factors(covariance, 2)).flip(0)
    assert torch.allclose(found, torch.tensor([9.0, 4.0, 0.2, 0.2, 0.2]), atol=1e-4)
    alone = joints_alone(torch.ones(69, 69))
    assert alone.sum() == 23 * 9 and alone[3:6, 3:6].all() and not alone[3:6, :3].any()


def test_distinct_poses_are_apart_and_leave_nobody_far():
    walk = random_poses(40, 0.1).repeat(5, 1, 1, 1)  # the same forty frames again and again
    others = random_poses(300, 0.2, seed=1)
    poses = torch.cat([walk, others, others @ random_poses(300, 0.03, seed=2)])  # and all but the same once more
    kept = distinct_poses(poses, 1.0)
    vectors = poses.flatten(1) / math.sqrt(2)
    between = (vectors[:, None] - vectors[kept]).norm(dim=-1)
    assert between.amin(1).max() <= 1.0  # everybody has somebody near
    between[kept, torch.arange(len(kept))] = math.inf
    assert between[kept].min() > 1.0 and kept[0] == 0
    assert (kept < 200).sum() <= 40 and (kept[kept < 200] < 40).all() and (kept >= 200).sum() > 200 and kept.max() < 500
    assert len(distinct_poses(poses, 0.0)) == len(poses)


def test_mirrored_poses_put_the_bodys_joints_where_a_mirror_shows_them():
    body, poses = BodyModel.from_file(), random_poses(4)
    joints = [
        body(BodyParams(torch.zeros(4, 10), torch.eye(3).expand(4, 3, 3), pose)).joints
        for pose in (poses, mirror_poses(poses))
    ]
    flipped = joints[0][:, list(SMPL24.mirror)] * torch.tensor([-1.0, 1.0, 1.0])
    assert torch.allclose(joints[1], flipped, atol=1e-4) and not torch.allclose(joints[0], flipped, atol=0.1)


def test_the_mirror_matrix_mirrors_coordinates_around_a_symmetric_mean():
    poses = random_poses(50).double()
    mean = mean_pose(poses)
    assert torch.allclose(mirror_poses(mean), mean, atol=1e-6)
    there = tangent(mean, mirror_poses(poses))
    assert torch.allclose(there, tangent(mean, poses) @ mirror_matrix().T, atol=1e-5)
    assert torch.equal(mirror_matrix() @ floor_rad(), floor_rad() * mirror_matrix().sum(1))


def test_non_commercial_clips_are_left_out_unless_asked_for(tmp_path):
    path = write_pack(tmp_path / "pack.npz")
    free, everything = read_motion_poses(path), read_motion_poses(path, non_commercial=True)
    assert len(free) == 120 and len(everything) == 180
    assert {free.subject[clip] for clip in free.clip.tolist()} == {"a", "b"}


def test_hinges_are_measured(tmp_path):
    hinges = measure_hinges(read_motion_poses(write_pack(tmp_path / "pack.npz")).body_pose)
    axes = dict(zip(hinges.names, hinges.axis, strict=True))
    assert axes["left_knee"][0] > 0.99 and axes["left_elbow"][1] < -0.95 and axes["right_elbow"][1] > 0.95
    assert (hinges.low_rad < 0).all() and hinges.low_rad[0] > -0.5
    assert hinges.high_rad[0].item() == pytest.approx(2.1, abs=0.1)


def test_a_prior_of_a_small_pack_knows_its_poses_and_is_reproducible(tmp_path):
    path, recipe = write_pack(tmp_path / "pack.npz"), PosePriorRecipe(components=2, shrinkage=20.0)
    prior, again = build_pose_prior(path, recipe), build_pose_prior(path, recipe)
    seen, unseen = read_motion_poses(path).body_pose, random_poses(50, 0.6)
    assert torch.equal(prior.energy(seen), again.energy(seen))
    assert prior.energy(seen).max() < prior.energy(unseen).min()
    assert prior.provenance["subjects"] == ["a", "b"] and prior.provenance["frames"] == 120
    assert len(prior.means) == 5 and torch.isclose(prior.weights.sum(), torch.tensor(1.0))
    assert prior.weights[-1].item() == pytest.approx(0.05)


def test_densities_of_priors_are_per_volume_of_rotations(tmp_path):
    """The textbook's density of the coordinates, times how much volume of coordinates a volume of turns takes."""
    prior = build_pose_prior(write_pack(tmp_path / "pack.npz"), PosePriorRecipe(components=1))
    poses = random_poses(3, 0.5)
    mixture = GaussianMixture(prior.weights, prior.means, torch.linalg.inv(prior.whitening.mT @ prior.whitening))

    def turned(turn, pose):
        return prior.coordinates(pose @ axis_angle_to_matrix(turn)).unflatten(-1, (-1, 3))

    slope = torch.func.vmap(torch.func.jacrev(turned))(torch.zeros(3, 23, 3), poses)
    volume = torch.stack([torch.linalg.det(slope[:, j, :, j]).abs().log() for j in range(23)]).sum(0)
    expected = mixture.log_density(prior.coordinates(poses)) + volume
    assert torch.allclose(log_density(prior, poses), expected, atol=0.05) and volume.max() > 0.5


def test_lifting_needs_a_prior_and_gains_by_a_good_one(tmp_path, monkeypatch):
    monkeypatch.setattr(prior_comparison, "_STEPS", 60)
    held_out = HeldOutPoses(write_pack(tmp_path / "pack.npz"))
    task, truth = held_out.task, held_out.lifted_pose
    exact = lambda pose: 200 * (pose - truth).square().sum((-3, -2, -1))  # noqa: E731
    nothing = lambda pose: 0 * pose.sum((-3, -2, -1))  # noqa: E731
    near_rest = lambda pose: (pose - torch.eye(3)).square().sum((-3, -2, -1))  # noqa: E731
    start = torch.eye(3).expand(23, 3, 3)
    told, untold = (task.errors_mm(energy, start, limb_hidden=True) for energy in (exact, nothing))
    assert told.mean() < 20 and untold.mean() > 2 * told.mean()
    of_limb = [task.errors_mm(near_rest, start, hidden).gather(1, task.limb).mean() for hidden in (False, True)]
    assert of_limb[1] > 1.1 * of_limb[0]


def test_the_tool_writes_a_prior_and_explains_what_is_no_pack(tmp_path, capsys):
    main, out = load_main("tools/build_pose_prior.py"), tmp_path / "prior.npz"
    assert main(write_pack(tmp_path / "pack.npz"), "--out", out) == 0
    assert "left_knee" in capsys.readouterr().out and PosePrior.from_file(out).provenance["frames"] == 120
    (tmp_path / "no.npz").write_bytes(b"nothing")
    assert main(tmp_path / "no.npz", "--out", out) == 2
    assert "is not a motion pack" in capsys.readouterr().err
    with np.load(tmp_path / "pack.npz") as file:
        arrays = dict(file)
    np.savez(tmp_path / "short.npz", **(arrays | {"poses": arrays["poses"][:-1]}))
    np.save(tmp_path / "array.npy", arrays["poses"])
    whole = (tmp_path / "pack.npz").read_bytes()
    contents = [(tmp_path / name).read_bytes() for name in ("short.npz", "array.npy")]
    for content in (*contents, b"", b"nothing", b"PK\x03\x04nothing", whole[:900]):
        (tmp_path / "no.npz").write_bytes(content)
        with pytest.raises(InvalidInput, match="not a motion pack"):
            read_motion_poses(tmp_path / "no.npz")


def test_comparing_names_each_prior_and_explains_an_unknown_one(tmp_path, monkeypatch):
    monkeypatch.setattr(prior_comparison, "_STEPS", 15)
    path = write_pack(tmp_path / "pack.npz")
    (name, prior, score), (other, none, parabola) = compare_pose_priors(path, path, ["1 component", PARABOLA])
    assert (name, len(prior.means), other, none) == ("1 component", 3, PARABOLA, None)
    assert score.lifted_mm < parabola.lifted_mm
    assert math.isfinite(score.log_density) and math.isnan(parabola.log_density)
    with pytest.raises(InvalidInput, match="no prior called 'best'; there are shipped, 1 component"):
        next(compare_pose_priors(path, path, ["best"]))
