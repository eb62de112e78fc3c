"""Distances from meshes and uncommon shapes, against plain loops and automatic derivatives."""

import pytest
import torch

from meshrec.body import BodyModel
from meshrec.fitting.mesh_terms import MeshTerm, UncommonShapeTerm
from meshrec.fitting.normal_equations import NormalEquations
from meshrec.fitting.sparse_body import SparseBody
from meshrec.fitting.state import BodyState
from meshrec.structures import BodyParams
from tests.support.posed_people import random_params

VERTICES = torch.arange(5, 6890, 331)


@pytest.fixture(scope="module")
def body():
    return BodyModel.from_file().double()


@pytest.fixture(scope="module")
def state():
    return BodyState(random_params(2, dtype=torch.float64), torch.tensor([[0.1, -0.2, 3.0], [0.0, 0.3, 4.0]]).double())


def points_of(body):
    return SparseBody.at(body, body.joint_count + VERTICES)


def mesh_term(body, state, away_m=0.05):
    generator = torch.Generator().manual_seed(3)
    vertices = (body(state.params).vertices + state.translation[:, None])[:, VERTICES]
    target = vertices + away_m * torch.randn(vertices.shape, generator=generator, dtype=torch.float64)
    return MeshTerm(target, points_of(body), torch.tensor([7.0, 900.0]).double())


def test_the_energy_is_half_the_weighted_mean_squared_distance_of_the_bodys_own_vertices(body, state):
    term = mesh_term(body, state)
    vertices = body(state.params).vertices + state.translation[:, None]
    for person in range(2):
        squares = [
            float((vertices[person, vertex] - term.target[person, place]).square().sum())
            for place, vertex in enumerate(VERTICES.tolist())
        ]
        expected = 0.5 * float(term.weight[person]) * sum(squares) / len(squares)
        assert float(term.energy(state)[person]) == pytest.approx(expected, rel=1e-9)


def test_the_gradient_is_that_of_the_energy(body, state):
    term = mesh_term(body, state)
    equations = NormalEquations(state)
    term.add_to(equations, state)
    step = torch.zeros(2, state.step_size, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(term.energy(state.moved(step)).sum(), step)
    assert torch.allclose(equations.gradient, expected, rtol=1e-6, atol=1e-8)
    assert torch.allclose(equations.energy, term.energy(state))


def test_a_mesh_is_trusted_as_far_as_it_is_like_the_body_but_not_without_end(body, state):
    exact = (body(state.params).vertices + state.translation[:, None])[:, VERTICES]
    away = exact.clone()
    away[1, :, 0] += 0.1
    term = MeshTerm.as_noisy_as_seen(away, points_of(body), state, independent_points=50.0)
    assert float(term.weight[1]) == pytest.approx(50 / 0.1**2)
    assert float(term.weight[0]) == pytest.approx(50 / 1e-4**2)


def test_shapes_cost_nothing_within_the_bound_and_the_square_of_the_excess_beyond():
    betas = torch.tensor([[2.9, -3.0, 0.0], [3.5, -4.0, 1.0]], dtype=torch.float64)
    rest = BodyParams.rest(2, betas=3, dtype=torch.float64)
    state = BodyState(BodyParams(betas, rest.global_orient, rest.body_pose), torch.zeros(2, 3).double())
    term = UncommonShapeTerm(bound=3.0, weight=8.0)
    assert term.energy(state).tolist() == pytest.approx([0.0, 4 * (0.25 + 1.0)])
    equations = NormalEquations(state)
    term.add_to(equations, state)
    assert equations.gradient[1, -3:].tolist() == pytest.approx([4.0, -8.0, 0.0])
    assert equations.curvature[1, -3:, -3:].diagonal().tolist() == pytest.approx([8.0, 8.0, 0.0])
    assert not equations.gradient[0].any() and not equations.curvature[0].any()
