"""Terms of the energy: their models agree with the energies, and they say what their names say."""

import math

import pytest
import torch

from meshrec.body import BodyModel
from meshrec.body.pose_prior import PosePrior
from meshrec.fitting.body_terms import HingeTerm, LeanTerm, PoseTerm, ShapeTerm
from meshrec.fitting.evidence import Evidence
from meshrec.fitting.normal_equations import NormalEquations
from meshrec.fitting.reprojection import ReprojectionTerm
from meshrec.fitting.robust import geman_mcclure
from meshrec.fitting.sparse_body import SparseBody
from meshrec.fitting.state import BodyState
from meshrec.geometry.alignment import nearest_rotation
from meshrec.geometry.rotations import axis_angle_to_matrix, rotation_about_x, rotation_about_z
from meshrec.structures import COCO17, SMPL24, BodyParams
from tests.support.seen_bodies import see_bodies


@pytest.fixture(scope="module")
def body():
    return BodyModel.from_file()


@pytest.fixture(scope="module")
def prior():
    return PosePrior.from_file()


@pytest.fixture(scope="module")
def seen(body, prior):
    return see_bodies(body, prior, 3)


@pytest.fixture(scope="module")
def state(seen):
    """Bodies off the seen ones, and with bent-back knees, so that every term has something to say."""
    step = 0.1 * torch.randn(3, seen.state.step_size, generator=torch.Generator().manual_seed(1))
    off = seen.state.moved(step)
    off.params.body_pose[:, SMPL24.index("left_knee") - 1] = axis_angle_to_matrix(torch.tensor([-0.5, 0.05, 0.1]))
    return in_double(off)


def reprojection(points: SparseBody, evidence: Evidence, outlier_px: float = 100.0) -> ReprojectionTerm:
    return ReprojectionTerm(
        points, evidence.joints_px, evidence.confidence, evidence.camera, evidence.person_px, 3.0, outlier_px
    )


def in_double(state: BodyState) -> BodyState:
    """In double precision, with rotations that are rotations to that precision."""
    params = state.params
    turns = (nearest_rotation(rotation.double()) for rotation in (params.global_orient, params.body_pose))
    return BodyState(BodyParams(params.betas.double(), *turns), state.translation.double())


@pytest.fixture(scope="module", params=["reprojection", "pose", "hinges", "shape", "lean"])
def term(request, body, prior, seen):
    points = SparseBody.of_joints(body.double(), COCO17)
    body.float()
    prior = PosePrior.from_file().double()
    terms = {
        "reprojection": lambda: reprojection(points, seen.evidence.to(torch.float64), 20.0),
        "pose": lambda: PoseTerm(prior, 0.7),
        "hinges": lambda: HingeTerm(prior, 2.0),
        "shape": lambda: ShapeTerm(3.0),
        "lean": lambda: LeanTerm(0.1),
    }
    return terms[request.param]()


def test_every_term_adds_its_energy_and_that_energys_gradient(term, state):
    equations = NormalEquations(state)
    term.add_to(equations, state)
    step = torch.zeros(3, state.step_size, dtype=torch.float64, requires_grad=True)
    energy = term.energy(state.moved(step))
    (gradient,) = torch.autograd.grad(energy.sum(), step)
    assert (energy > 0.01).all()
    assert torch.allclose(equations.energy, energy.detach())
    assert torch.allclose(equations.gradient, gradient, rtol=1e-6, atol=1e-8 * float(gradient.abs().max()))


def test_every_terms_curvature_is_symmetric_and_never_negative(term, state):
    equations = NormalEquations(state)
    term.add_to(equations, state)
    assert torch.allclose(equations.curvature, equations.curvature.mT)
    assert torch.linalg.eigvalsh(equations.curvature).min() > -1e-6 * equations.curvature.abs().max()
    assert equations.curvature.abs().max() > 0


def test_reprojection_predicts_small_steps_like_gauss_newton(body, seen):
    """At the truth residuals vanish, and the model's curvature is the energy's."""
    evidence = seen.evidence.to(torch.float64)
    points = SparseBody.of_joints(body.double(), COCO17)
    body.float()
    state = in_double(seen.state)
    term, equations = reprojection(points, evidence), NormalEquations(state)
    term.add_to(equations, state)
    step = 1e-4 * torch.randn(3, state.step_size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    predicted = 0.5 * torch.einsum("bi,bij,bj->b", step, equations.curvature, step)
    assert torch.allclose(term.energy(state.moved(step)), predicted, rtol=0.02)


def test_geman_mcclure_is_the_square_when_small_and_bounded_when_large():
    robust, slope = geman_mcclure(torch.tensor([0.0, 1e-4, 25.0, 1e8]), 5.0)
    assert torch.allclose(robust, torch.tensor([0.0, 1e-4, 12.5, 25.0]), rtol=1e-4)
    assert torch.allclose(slope, torch.tensor([1.0, 1.0, 0.25, 0.0]), atol=1e-4)


def test_confidence_weighs_squared_and_zero_counts_for_nothing(body, seen):
    points = SparseBody.of_joints(body, COCO17)
    moved = seen.state.moved(torch.full((3, seen.state.step_size), 0.02))
    energies = []
    for confidence in (1.0, 0.5, 0.0):
        evidence = seen.evidence[:]
        evidence.confidence.fill_(confidence)
        energies.append(reprojection(points, evidence).energy(moved))
    seen.evidence.confidence.fill_(1.0)
    assert torch.allclose(energies[1], 0.25 * energies[0]) and not energies[2].any()


def test_knees_cost_energy_only_when_they_bend_backwards(prior):
    term, params = HingeTerm(prior, 1.0), BodyParams.rest(2)
    params.body_pose[:, SMPL24.index("left_knee") - 1] = axis_angle_to_matrix(torch.tensor([[1.0, 0, 0], [-1.0, 0, 0]]))
    forwards, backwards = term.energy(BodyState(params, torch.zeros(2, 3)))
    assert forwards == 0 and backwards > 1


def test_the_mean_shape_is_the_cheapest():
    params = BodyParams.rest(2)
    params.betas[1] = 2.0
    assert ShapeTerm(1.0).energy(BodyState(params, torch.zeros(2, 3))).tolist() == [0.0, 20.0]


def test_leaning_away_costs_energy_and_leaning_aside_or_lying_across_none():
    facing = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    away, aside = rotation_about_x(torch.tensor(0.5)), rotation_about_z(torch.tensor([0.0, 0.5, math.pi / 2]))
    orient = torch.cat([aside @ facing, (away @ facing)[None]])
    params = BodyParams(torch.zeros(4, 10), orient, BodyParams.rest(4).body_pose)
    energy = LeanTerm(0.3).energy(BodyState(params, torch.zeros(4, 3)))
    assert energy[:3].tolist() == [0, 0, 0] and 0.5 < energy[3] < 4.5
