"""Limbs that pass through the body."""

import pytest
import torch

from meshrec.body import BodyModel
from meshrec.fitting.levenberg_marquardt import minimise
from meshrec.fitting.normal_equations import NormalEquations
from meshrec.fitting.self_contact import SelfContactTerm
from meshrec.fitting.state import BodyState
from meshrec.geometry.rotations import axis_angle_to_matrix
from meshrec.structures import SMPL24, BodyParams


@pytest.fixture(scope="module")
def body():
    return BodyModel.from_file().double()


@pytest.fixture(scope="module")
def term(body):
    return SelfContactTerm(body, weight=1.0)


def posed(**turns: tuple[float, float, float]) -> BodyState:
    """One body at rest but for some joints' axis-angle turns."""
    params = BodyParams.rest(1, dtype=torch.float64)
    for name, turn in turns.items():
        params.body_pose[:, SMPL24.index(name) - 1] = axis_angle_to_matrix(torch.tensor(turn, dtype=torch.float64))
    return BodyState(params, torch.zeros(1, 3, dtype=torch.float64))


def test_a_body_at_rest_with_hanging_arms_touches_nothing(term):
    hanging = posed(left_shoulder=(0.0, 0.0, -1.2), right_shoulder=(0.0, 0.0, 1.2))
    assert term.energy(posed()).item() == 0 and term.energy(hanging).item() == 0


def test_legs_through_each_other_cost_energy(term):
    crossed = posed(left_hip=(0.0, 0.0, -0.35), right_hip=(0.0, 0.0, 0.35))
    assert term.energy(crossed).item() > 1
    assert 0.005 < term.overlap_m(crossed).item() < 0.2


def test_a_bent_elbow_is_no_contact(term):
    assert term.energy(posed(right_elbow=(0.0, 2.2, 0.0))).item() == 0


def test_gradient_and_curvature_are_those_of_the_energy(term):
    state = posed(left_hip=(0.0, 0.0, -0.3), right_hip=(0.1, 0.0, 0.25))
    equations = NormalEquations(state)
    term.add_to(equations, state)
    step = torch.zeros(1, state.step_size, dtype=torch.float64, requires_grad=True)
    energy = term.energy(state.moved(step))
    (gradient,) = torch.autograd.grad(energy.sum(), step)
    assert energy.item() > 1 and torch.allclose(equations.energy, energy.detach())
    assert torch.allclose(equations.gradient, gradient, atol=1e-8)


def test_minimising_parts_the_legs(term):
    state = posed(left_hip=(0.0, 0.0, -0.3), right_hip=(0.1, 0.0, 0.25))
    parted, energy = minimise([term], state, 10, columns=range(6, 75))
    assert term.overlap_m(parted).item() < 0.1 * term.overlap_m(state).item()
    assert torch.allclose(energy, term.energy(parted))


def test_a_hand_in_the_belly_costs_energy_and_one_before_it_none(term):
    inside = posed(right_shoulder=(0.0, 0.0, 1.2), right_elbow=(0.0, 0.0, 1.2))
    before = posed(right_shoulder=(0.0, 0.9, 0.9), right_elbow=(0.0, 1.6, 0.0))
    assert term.energy(inside).item() > 1 and term.energy(before).item() == 0
