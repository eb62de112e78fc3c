"""The pose prior against slow twins, density by the textbook and derivatives by differences, and what it forbids."""

import json
import math

import numpy as np
import pytest
import torch

from meshrec.assets import asset_path
from meshrec.body.build.motion_poses import mirror_poses
from meshrec.body.hinges import SOFTNESS_RAD, Hinges
from meshrec.body.pose_prior import PosePrior
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.geometry.rotations import axis_angle_to_matrix, random_rotation_matrix
from meshrec.structures import SMPL24


@pytest.fixture(scope="module")
def prior():
    return PosePrior.from_file()


def small_prior(components=3, seed=0):
    """A prior with random components of moderate size."""
    generator = torch.Generator().manual_seed(seed)
    mean_pose = axis_angle_to_matrix(0.3 * torch.randn(23, 3, generator=generator))
    means = 0.3 * torch.randn(components, 69, generator=generator)
    whitening = 0.5 * torch.randn(components, 69, 69, generator=generator).tril(-1) + 5 * torch.eye(69)
    weights = torch.softmax(torch.randn(components, generator=generator), 0)
    knee = Hinges(["left_knee"], torch.tensor([[1.0, 0, 0]]), torch.tensor([-0.1]), torch.tensor([2.5]))
    return PosePrior(mean_pose, means, whitening, weights, knee, {"for": "tests"})


def some_poses(count, spread=0.4, seed=1):
    return axis_angle_to_matrix(spread * torch.randn(count, 23, 3, generator=torch.Generator().manual_seed(seed)))


def rest():
    return torch.eye(3).expand(1, 23, 3, 3).clone()


def bent(name, vector):
    """The rest pose with one joint turned by an axis-angle vector."""
    pose = rest()
    pose[0, SMPL24.index(name) - 1] = axis_angle_to_matrix(torch.tensor(vector))
    return pose


def test_the_energy_is_the_negative_log_of_the_mixtures_density():
    prior = small_prior().double()
    poses = some_poses(20).double()
    covariances = torch.linalg.inv(prior.whitening.mT @ prior.whitening)
    components = torch.distributions.MultivariateNormal(prior.means, covariances)
    mixture = torch.distributions.MixtureSameFamily(torch.distributions.Categorical(prior.weights), components)
    difference = prior.energy(poses) + mixture.log_prob(prior.coordinates(poses))
    assert difference.std() < 1e-5 and prior.energy(poses).std() > 1


def test_coordinates_and_poses_are_inverse_to_each_other():
    prior, poses = small_prior(), some_poses(8)
    assert torch.allclose(prior.pose_at(prior.coordinates(poses)), poses, atol=1e-5)
    assert prior.coordinates(prior.mean_pose[None]).abs().max() < 1e-6


def test_half_the_squared_residuals_are_the_energy_of_the_best_component():
    prior, poses = small_prior(), some_poses(20)
    best = 0.5 * prior.residuals(poses).square().sum(-1)
    difference = best - prior.energy(poses)
    assert difference.min() > -1e-3 and difference.max() < math.log(3) + 1e-3
    alone = small_prior(components=1)
    assert torch.allclose(0.5 * alone.residuals(poses).square().sum(-1), alone.energy(poses), rtol=1e-5)


def test_the_linearised_residuals_are_their_derivative_by_small_turns():
    prior, poses = small_prior().double(), some_poses(3).double()
    residuals, slope = prior.linearise(poses)
    assert torch.equal(residuals, prior.residuals(poses)) and slope.shape == (3, 70, 69)
    turn = 1e-5 * torch.randn(23, 3, generator=torch.Generator().manual_seed(2)).double()
    there, back = (prior.residuals(poses @ axis_angle_to_matrix(sign * turn)) for sign in (1, -1))
    assert torch.allclose(slope @ turn.flatten(), (there - back) / 2, atol=1e-9)
    assert (there - back).abs().max() > 1e-5


@pytest.mark.parametrize("pose", ["rest", "mean", "half turns", "random"])
def test_energies_and_gradients_are_finite_everywhere(prior, pose):
    half_turns = torch.diag_embed(torch.tensor([[1.0, -1, -1], [-1, 1, -1], [-1, -1, 1]])).repeat(8, 1, 1)[:23]
    poses = {
        "rest": rest(),
        "mean": prior.mean_pose[None].clone(),
        "half turns": torch.stack([half_turns, prior.mean_pose @ half_turns]),
        "random": random_rotation_matrix((16, 23), generator=torch.Generator().manual_seed(0)),
    }[pose].requires_grad_()
    (prior.energy(poses) + prior.hinge_energy(poses) + prior.residuals(poses).sum(-1)).sum().backward()
    assert poses.grad.isfinite().all() and poses.grad.abs().max() > 0
    assert all(part.isfinite().all() for part in prior.linearise(poses))


def test_hanging_arms_are_likelier_than_level_ones_and_those_likelier_than_a_tangle(prior):
    hanging = bent("left_shoulder", [0.0, 0.0, -1.1])
    hanging[0, SMPL24.index("right_shoulder") - 1] = axis_angle_to_matrix(torch.tensor([0.0, 0.0, 1.1]))
    tangle = some_poses(1, spread=0.5)
    assert prior.energy(hanging) < prior.energy(rest()) - 3 and prior.energy(rest()) < prior.energy(tangle) - 30


def test_descending_the_energy_makes_a_tangle_likely(prior):
    turns = 0.5 * torch.randn(1, 23, 3, generator=torch.Generator().manual_seed(0))
    turns.requires_grad_()
    optimiser = torch.optim.Adam([turns], lr=0.15)
    for _ in range(40):
        optimiser.zero_grad()
        prior.energy(axis_angle_to_matrix(turns)).sum().backward()
        optimiser.step()
    assert prior.energy(axis_angle_to_matrix(turns)) < 40


def test_a_pose_and_its_mirror_image_are_equally_likely(prior):
    poses = some_poses(16)
    assert torch.allclose(prior.energy(poses), prior.energy(mirror_poses(poses)), rtol=1e-3)
    assert torch.allclose(prior.hinge_energy(poses), prior.hinge_energy(mirror_poses(poses)), atol=1e-3)
    assert (prior.energy(poses) - prior.energy(poses.flip(0))).abs().max() > 1


def test_a_batch_is_as_many_single_poses(prior):
    poses = some_poses(5)
    single = torch.cat([prior.energy(pose[None]) for pose in poses])
    assert torch.allclose(prior.energy(poses), single, rtol=1e-5) and prior.energy(poses[0]).shape == ()


def test_samples_are_likely_poses_reproducible_and_varied(prior):
    draw = lambda seed: prior.sample(200, torch.Generator().manual_seed(seed))  # noqa: E731
    poses = draw(0)
    assert torch.equal(poses, draw(0)) and not torch.equal(poses, draw(1))
    assert prior.energy(poses).median() < prior.energy(random_rotation_matrix((50, 23))).min()
    assert poses[:, SMPL24.index("left_shoulder") - 1].std(0).max() > 0.3
    assert torch.allclose(poses @ poses.mT, torch.eye(3).expand_as(poses), atol=1e-5)


def test_samples_spread_as_their_component_says():
    prior = small_prior(components=1)
    found = torch.cov(prior.coordinates(prior.sample(20_000, torch.Generator().manual_seed(0))).T)
    expected = torch.linalg.inv(prior.whitening[0].T @ prior.whitening[0])
    assert (found - expected).abs().max() < 0.05 * expected.diagonal().max()
    assert (expected - torch.diag(expected.diagonal())).abs().max() > 0.1 * expected.diagonal().max()


def test_limbs_that_bend_the_wrong_way_cost_and_those_that_bend_the_right_way_do_not(prior):
    for right, wrong in (
        (bent("left_knee", [1.5, 0.0, 0.0]), bent("left_knee", [-0.5, 0.0, 0.0])),
        (bent("right_knee", [2.3, 0.0, 0.0]), bent("right_knee", [-0.5, 0.0, 0.0])),
        (bent("left_elbow", [0.0, -1.8, 0.0]), bent("left_elbow", [0.0, 0.7, 0.0])),
        (bent("right_elbow", [0.0, 1.8, 0.0]), bent("right_elbow", [0.0, -0.7, 0.0])),
    ):
        assert prior.hinge_energy(right) == 0 and prior.hinge_energy(wrong) > 3
    assert prior.hinge_energy(rest()) == 0 and prior.hinge_energy(bent("left_knee", [3.0, 0.0, 0.0])) > 3


def test_a_bend_is_the_angle_about_the_axis_whatever_else_the_joint_does():
    hinge = Hinges(["left_knee"], torch.tensor([[1.0, 0, 0]]), torch.tensor([-0.1]), torch.tensor([2.7]))
    for bend in (-1.5, -0.2, 0.0, 1.0, math.pi, 4.0):
        pose = bent("left_knee", [bend, 0.0, 0.0])
        assert hinge.bend_rad(pose).item() == pytest.approx(bend, abs=1e-5)
        swing = axis_angle_to_matrix(torch.tensor([0.0, 0.4, -0.3]))
        assert hinge.bend_rad(pose @ swing).item() == pytest.approx(bend, abs=1e-5)
    excess = hinge.energy(bent("left_knee", [-0.1 - 2 * SOFTNESS_RAD, 0.0, 0.0])).item()
    assert excess == pytest.approx(2.0, rel=1e-4)


def test_a_saved_prior_is_the_same(prior, tmp_path):
    prior.save(tmp_path / "prior.npz")
    again, poses = PosePrior.from_file(tmp_path / "prior.npz"), some_poses(8)
    assert torch.equal(again.energy(poses), prior.energy(poses)) and again.provenance == prior.provenance
    assert torch.equal(again.hinges.axis, prior.hinges.axis) and again.hinges.names == prior.hinges.names


def test_the_prior_stays_out_of_checkpoints_but_moves_with_its_owner(prior):
    assert not prior.state_dict()
    assert PosePrior.from_file().double().energy(rest().double()).dtype == torch.float64


def test_files_that_are_no_prior_are_refused(tmp_path):
    with pytest.raises(AssetNotFound, match="build_pose_prior"):
        PosePrior.from_file(tmp_path / "none.npz")
    whole = asset_path("body/pose_prior.npz").read_bytes()
    np.save(tmp_path / "array.npy", np.zeros(3))
    damaged = whole[:9000] + bytes(300) + whole[9300:]
    for content in (b"", b"PK but not really", whole[:9000], damaged, (tmp_path / "array.npy").read_bytes()):
        (tmp_path / "broken.npz").write_bytes(content)
        with pytest.raises(InvalidInput, match="no pose prior"):
            PosePrior.from_file(tmp_path / "broken.npz")
    with np.load(asset_path("body/pose_prior.npz")) as file:
        arrays = dict(file)
    np.savez(tmp_path / "short.npz", **(arrays | {"means": arrays["means"][:, :-3]}))
    with pytest.raises(InvalidInput, match="no pose prior"):
        PosePrior.from_file(tmp_path / "short.npz")


def test_the_shipped_prior_says_what_it_was_fitted_on_and_is_small(prior):
    assert all(subject.startswith("cmu_") for subject in prior.provenance["subjects"])
    assert not {"cmu_02", "cmu_03", "cmu_61", "cmu_135"} & set(prior.provenance["subjects"])  # held out
    assert prior.provenance["recipe"]["non_commercial"] is False and json.dumps(prior.provenance)
    assert asset_path("body/pose_prior.npz").stat().st_size < 300_000
