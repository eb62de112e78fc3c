"""A few points of a body, against the whole body and automatic differentiation."""

import pytest
import torch

from meshrec.body import BodyModel, NamedJoints
from meshrec.fitting.sparse_body import SparseBody
from meshrec.fitting.state import BodyState
from meshrec.geometry.rotations import axis_angle_to_matrix
from meshrec.structures import BODY30, COCO17, SMPL24, BodyParams, JointSet


@pytest.fixture(scope="module")
def body():
    return BodyModel.from_file().double()


def some_state(batch: int = 2, betas: int = 10, joints: int = 24) -> BodyState:
    generator = torch.Generator().manual_seed(0)
    turns = 0.4 * torch.randn(batch, joints, 3, generator=generator, dtype=torch.float64)
    rotations = axis_angle_to_matrix(turns)
    params = BodyParams(
        torch.randn(batch, betas, generator=generator, dtype=torch.float64), rotations[:, 0], rotations[:, 1:]
    )
    return BodyState(params, torch.randn(batch, 3, generator=generator, dtype=torch.float64))


@pytest.mark.parametrize("joint_set", [COCO17, SMPL24, BODY30], ids=lambda joint_set: joint_set.name)
def test_joints_of_a_set_are_those_of_the_whole_body(body, joint_set):
    state = some_state()
    expected = NamedJoints(body, joint_set)(body(state.params)) + state.translation[:, None]
    points = SparseBody.of_joints(body, joint_set)(state).points_cam
    assert torch.allclose(points, expected, atol=1e-12)


def test_vertices_are_those_of_the_whole_body(body):
    state, vertices = some_state(), torch.tensor([0, 17, 3000, 5901])
    points = SparseBody.at(body, body.joint_count + vertices)(state).points_cam
    assert torch.allclose(points, body(state.params).vertices[:, vertices] + state.translation[:, None], atol=1e-12)


@pytest.mark.parametrize("joint_set", [COCO17, SMPL24], ids=lambda joint_set: joint_set.name)
def test_the_jacobian_is_that_of_automatic_differentiation(body, joint_set):
    state, points = some_state(), SparseBody.of_joints(body, joint_set)
    jacobian = points.jacobian(state, points(state))
    step = torch.zeros(2, state.step_size, dtype=torch.float64)
    expected = torch.autograd.functional.jacobian(lambda step: points(state.moved(step)).points_cam.sum(0), step)
    assert jacobian.abs().amax((0, 1, 2)).gt(1e-6).sum() > 50
    assert torch.allclose(jacobian, expected.permute(2, 0, 1, 3), atol=1e-10)


def test_fewer_betas_than_the_body_has_are_enough(body):
    state = some_state(betas=4)
    points = SparseBody.of_joints(body, COCO17, betas=4)
    posed = points(state)
    assert torch.allclose(
        posed.points_cam, NamedJoints(body, COCO17)(body(state.params)) + state.translation[:, None], atol=1e-12
    )
    assert points.jacobian(state, posed).shape == (2, 17, 3, 79)


def test_points_on_a_bone_divide_it_however_the_body_is_posed(body):
    start, end = torch.tensor([18, 4]), torch.tensor([20, 7])
    fraction = torch.tensor([[0.25], [1.0]], dtype=torch.float64)
    state = some_state()
    joints = body(state.params).joints + state.translation[:, None]
    share = torch.lerp(body.joint_regressor[start], body.joint_regressor[end], fraction)
    points = SparseBody.inside(body, share, start)(state).points_cam
    assert torch.allclose(points, torch.lerp(joints[:, start], joints[:, end], fraction), atol=1e-12)


def test_joints_that_the_body_lacks_are_left_out(body):
    joint_set = JointSet("made up", ("tail", "left_knee"))
    points = SparseBody.of_joints(body, joint_set)(some_state()).points_cam
    assert torch.equal(points, SparseBody.at(body, torch.tensor([4]))(some_state()).points_cam)
