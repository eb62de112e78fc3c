"""Steps of many fits at once."""

import pytest
import torch

from meshrec.fitting.levenberg_marquardt import minimise, total_energy
from meshrec.fitting.normal_equations import NormalEquations
from meshrec.fitting.state import BodyState, pose_columns, shape_columns
from meshrec.geometry.rotations import rotation_angle_rad
from meshrec.structures import BodyParams


class Spring:
    """Pulls translations and betas linearly, (B, 13) unknowns, to a place that is 3 + 10 numbers."""

    def __init__(self, target: torch.Tensor, jacobian: torch.Tensor) -> None:
        self.target, self.jacobian = target, jacobian

    def residuals(self, state: BodyState) -> torch.Tensor:
        away = torch.cat([state.translation, state.params.betas], 1) - self.target
        return (self.jacobian @ away[..., None]).squeeze(-1)

    def energy(self, state: BodyState) -> torch.Tensor:
        return 0.5 * self.residuals(state).square().sum(1)

    def add_to(self, equations: NormalEquations, state: BodyState) -> None:
        wide = self.jacobian.new_zeros(len(state), self.jacobian.shape[1], state.step_size)
        wide[:, :, :3], wide[:, :, shape_columns(24, 10)] = self.jacobian[..., :3], self.jacobian[..., 3:]
        equations.add(self.residuals(state), wide)


class Cliff(Spring):
    """A spring whose model is right and whose energy is not a number for everybody but the first."""

    def add_to(self, equations: NormalEquations, state: BodyState) -> None:
        super().add_to(equations, state)
        moved = state.translation.abs().sum(1) > 0
        equations.energy[1:] = torch.where(moved[1:], torch.nan, equations.energy[1:])


@pytest.fixture
def start() -> BodyState:
    return BodyState(BodyParams.rest(3, dtype=torch.float64), torch.zeros(3, 3, dtype=torch.float64))


def some_spring(kind: type[Spring] = Spring) -> Spring:
    generator = torch.Generator().manual_seed(0)
    target = torch.randn(3, 13, generator=generator, dtype=torch.float64)
    return kind(target, torch.randn(3, 20, 13, generator=generator, dtype=torch.float64))


def test_a_linear_problem_is_solved_whatever_the_units(start):
    spring = some_spring()
    spring.jacobian = spring.jacobian * torch.logspace(-2, 3, 13, dtype=torch.float64)
    solved, energy = minimise([spring], start, 12)
    found = torch.cat([solved.translation, solved.params.betas], 1)
    assert torch.allclose(found, spring.target, atol=1e-6)
    assert torch.allclose(energy, spring.energy(solved)) and energy.max() < 1e-9
    assert torch.equal(solved.params.body_pose, start.params.body_pose)


def test_columns_that_are_not_named_stay(start):
    solved, _ = minimise([some_spring()], start, 5, columns=range(3))
    assert torch.equal(solved.params.betas, start.params.betas)
    assert (solved.translation != start.translation).all()


def test_a_step_that_does_not_help_is_not_taken(start):
    """Bodies have a success of their own: the first goes on where the others are stuck."""
    cliff = some_spring(Cliff)
    solved, energy = minimise([cliff], start, 6)
    assert torch.equal(solved.translation[1:], start.translation[1:])
    assert torch.allclose(solved.translation[0], cliff.target[0, :3], atol=1e-4)
    assert torch.equal(energy[1:], cliff.energy(start)[1:])


def test_terms_are_summed(start):
    first, second = some_spring(), some_spring()
    second.target = -second.target
    middle, energy = minimise([first, second], start, 12)
    assert middle.translation.abs().max() < 1e-6
    assert torch.allclose(energy, total_energy([first, second], middle))


def test_nothing_to_minimise_moves_nobody(start):
    nothing = Spring(torch.zeros(3, 13).double(), torch.zeros(3, 1, 13).double())
    solved, energy = minimise([nothing], start, 3)
    assert torch.equal(solved.translation, start.translation) and not energy.any()


def test_a_step_turns_about_the_joints_own_axes(start):
    step = torch.zeros(3, start.step_size, dtype=torch.float64)
    step[:, pose_columns(24)][:, 3] = 0.3
    once = start.moved(step)
    twice = once.moved(step)
    assert rotation_angle_rad(twice.params.body_pose).amax(1).tolist() == pytest.approx([0.6] * 3)
    assert torch.equal(
        start.where(torch.tensor([True, False, True]), once).params.body_pose[1], once.params.body_pose[1]
    )
