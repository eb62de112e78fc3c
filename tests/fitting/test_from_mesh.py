"""Parameters of meshes: exact ones where the mesh is a body, sensible ones where it is not."""

from dataclasses import replace

import pytest
import torch

from meshrec.body import BodyModel
from meshrec.body.pose_prior import PosePrior
from meshrec.data.synthetic.dice import Dice
from meshrec.data.synthetic.poses import PoseSampler
from meshrec.errors import InvalidInput
from meshrec.fitting.from_mesh import MeshFitOptions, params_from_vertices, with_body_params
from meshrec.fitting.part_alignment import part_turns
from meshrec.geometry.alignment import procrustes
from meshrec.geometry.rotations import random_rotation_matrix, rotation_angle_rad
from meshrec.structures import SMPL24, BodyParams
from tests.support.people import egg_prediction
from tests.support.posed_people import posed_people, random_params

PLACE = torch.tensor([0.4, -0.2, 5.0])
FIRST_GUESS = MeshFitOptions(refinements=())


@pytest.fixture(scope="module")
def body():
    return BodyModel.from_file()


@pytest.fixture(scope="module")
def params():
    """Made-up poses of the synthetic test people, turned anyhow, with shapes as they have them."""
    dice = Dice(4)
    _, pose = PoseSampler().sample(8, dice)
    turn = random_rotation_matrix((8,), generator=torch.Generator().manual_seed(5))
    return BodyParams((1.1 * dice.normal(8, 10)).clamp(-3, 3), turn, pose)


@pytest.fixture(scope="module")
def vertices(body, params):
    return body(params).vertices + PLACE


def test_the_first_guess_is_within_twelve_millimetres_and_the_refined_fit_within_three(body, vertices):
    guess, fit = params_from_vertices(vertices, body, options=FIRST_GUESS), params_from_vertices(vertices, body)
    assert guess.error_m.mean() < 0.006 and guess.error_m.max() < 0.012
    assert fit.error_m.mean() < 0.0005 and fit.error_m.max() < 0.002


def test_the_reported_error_is_the_distance_of_the_fitted_bodys_vertices(body, vertices):
    fit = params_from_vertices(vertices, body, options=FIRST_GUESS)
    fitted = body(fit.params).vertices + fit.translation[:, None]
    assert torch.allclose(fit.error_m, (fitted - vertices).norm(dim=-1).mean(-1))


def test_shape_pose_and_place_of_a_body_are_found_again(body, params, vertices):
    fit = params_from_vertices(vertices, body, options=MeshFitOptions(refinements=(4, 4)))
    assert (fit.params.betas - params.betas).abs().max() < 0.05
    assert (fit.translation - PLACE).abs().max() < 0.001
    assert rotation_angle_rad(fit.params.global_orient, params.global_orient).max() < 0.01
    # What a collar turns about the arm's axis the shoulder can turn back: hardly any skin belongs to the collar alone.
    either = [SMPL24.index(f"{side}_{joint}") - 1 for side in ("left", "right") for joint in ("collar", "shoulder")]
    angles = rotation_angle_rad(fit.params.body_pose, params.body_pose)
    assert angles[:, either].max() < 0.2
    assert angles[:, sorted(set(range(23)) - set(either))].max() < 0.03


def test_an_exact_body_is_found_with_a_prior_too_however_unlikely_its_pose(body):
    unlikely = random_params(4, seed=7, deviation_rad=0.6)
    prior = PosePrior.from_file()
    assert (prior.energy(unlikely.body_pose) > 150).all()
    fit = params_from_vertices(body(unlikely).vertices, body, prior)
    assert fit.error_m.max() < 0.003


def test_a_mesh_in_other_axes_gives_the_same_body_turned(body, params, vertices):
    turn = random_rotation_matrix((), generator=torch.Generator().manual_seed(1))
    fit = params_from_vertices(vertices[:2], body)
    turned = params_from_vertices(vertices[:2] @ turn.T, body)
    assert rotation_angle_rad(turned.params.global_orient, turn @ fit.params.global_orient).max() < 1e-3
    assert (turned.params.betas - fit.params.betas).abs().max() < 0.02


def test_a_body_far_away_is_found_as_well(body, vertices):
    fit = params_from_vertices(vertices[:2] + torch.tensor([0.0, 0.0, 500.0]), body)
    assert fit.error_m.max() < 0.002


def test_people_do_not_depend_on_who_is_fitted_with_them(body, vertices):
    together, alone = params_from_vertices(vertices[:3], body), params_from_vertices(vertices[2:3], body)
    assert (together.params.betas[2] - alone.params.betas[0]).abs().max() < 1e-2
    assert (together.translation[2] - alone.translation[0]).abs().max() < 1e-3


def test_a_prior_makes_poses_of_rough_meshes_likely_at_little_cost(body, vertices):
    rough = smooth_noise(body, vertices, 0.06)
    prior = PosePrior.from_file()
    free, likely = params_from_vertices(rough, body), params_from_vertices(rough, body, prior)
    assert prior.energy(likely.params.body_pose).mean() < 0.5 * prior.energy(free.params.body_pose).mean()
    assert likely.error_m.mean() < 1.4 * free.error_m.mean()


@pytest.mark.parametrize("kind", ["shrunk", "huge", "flat", "point", "noise", "mirrored", "line"])
def test_meshes_that_are_no_bodies_give_finite_parameters_and_bounded_shapes(body, vertices, kind):
    centred = vertices[:3] - vertices[:3].mean(1, keepdim=True)
    generator = torch.Generator().manual_seed(0)
    mesh = {
        "shrunk": 0.3 * centred,
        "huge": 20 * centred,
        "flat": centred * torch.tensor([1.0, 1.0, 0.0]),
        "point": torch.zeros_like(centred),
        "noise": torch.randn(centred.shape, generator=generator),
        "mirrored": centred * torch.tensor([-1.0, 1.0, 1.0]),
        "line": centred * torch.tensor([0.0, 1.0, 0.0]),
    }[kind]
    fit = params_from_vertices(mesh, body, PosePrior.from_file())
    values = (fit.params.betas, fit.params.global_orient, fit.params.body_pose, fit.translation, fit.error_m)
    assert all(bool(value.isfinite().all()) for value in values)
    assert fit.params.betas.abs().max() < 12
    identity = fit.params.body_pose @ fit.params.body_pose.mT
    assert (identity - torch.eye(3)).abs().max() < 1e-5 and (torch.linalg.det(fit.params.body_pose) > 0.99).all()


def test_each_part_turns_as_its_own_procrustes_alignment_says():
    generator = torch.Generator().manual_seed(2)
    source, target = torch.randn(2, 2, 40, 3, generator=generator, dtype=torch.float64)
    weights = torch.rand(40, 5, generator=generator, dtype=torch.float64)
    turns = part_turns(source, target, weights)
    for part in range(5):
        expected = procrustes(source, target, weights[:, part].expand(2, 40), with_scale=False).rotation
        assert torch.allclose(turns[:, part], expected, atol=1e-6)


def test_parts_without_vertices_or_extent_do_not_turn():
    source = torch.zeros(1, 10, 3)
    weights = torch.ones(10, 2) * torch.tensor([1.0, 0.0])
    assert torch.allclose(part_turns(source, source + 1, weights), torch.eye(3).expand(1, 2, 3, 3))


def test_people_get_the_parameters_that_they_lack_and_keep_those_they_have(body, params):
    people = posed_people(body, params[:3])
    lacking = [people[0], replace(people[1], body_params=None), people[2]]
    first, found, last = with_body_params(lacking, body)
    assert first is people[0] and last is people[2]
    assert rotation_angle_rad(found.body_params.body_pose, params[1].body_pose).median() < 0.01
    assert torch.equal(found.vertices_cam, people[1].vertices_cam)
    assert with_body_params([], body) == []


def test_meshes_that_cannot_be_used_are_explained(body, vertices):
    for wrong in (vertices[0], vertices[:, :100], vertices[..., :2]):
        with pytest.raises(InvalidInput, match="6890 vertices"):
            params_from_vertices(wrong, body)
    with pytest.raises(InvalidInput, match="finite"):
        params_from_vertices(vertices.clone().index_fill_(1, torch.tensor([7]), torch.nan), body)
    with pytest.raises(InvalidInput, match="no mesh"):
        params_from_vertices(vertices[:0], body)
    with pytest.raises(InvalidInput, match="not one of body"):
        with_body_params([egg_prediction()], body)
    with pytest.raises(ValueError, match="at least one round"):
        MeshFitOptions(rounds=0)


def smooth_noise(body, vertices, deviation_m):
    """Parts displaced each on its own, as much in every direction: what networks get wrong."""
    generator = torch.Generator().manual_seed(6)
    shifts = deviation_m * torch.randn(len(vertices), body.joint_count, 3, generator=generator)
    return vertices + body.skinning_weights @ shifts
