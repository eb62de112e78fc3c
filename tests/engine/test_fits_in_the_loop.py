"""SPIN's loop with a fitter whose answers are known: which fits are kept, and for whom they teach."""

import math

import pytest
import torch

from meshrec.body.turned_params import turn_params
from meshrec.data.fit_store import FitStore
from meshrec.engine.distributed import World
from meshrec.engine.fits_in_the_loop import FitLoopConfig, FitsInTheLoop
from meshrec.geometry.rotations import axis_angle_to_matrix, rotation_about_z
from meshrec.structures import BodyParams, TrainingBatch

PEOPLE = 4


def bodies(count, seed):
    rotations = axis_angle_to_matrix(0.3 * torch.randn(count, 24, 3, generator=torch.Generator().manual_seed(seed)))
    return BodyParams(torch.full((count, 10), 0.1 * seed), rotations[:, 0], rotations[:, 1:])


class KnownFitter:
    """Answers with prepared bodies, whose error is the mean of their betas."""

    class prior:  # noqa: N801 - stands for an object
        @staticmethod
        def energy(body_pose):
            return torch.zeros(len(body_pose))

    def __init__(self, answer):
        self.answer, self.asked = answer, 0

    def fit(self, batch, believed):
        self.asked += 1
        return turn_params(self.answer[batch.person], batch.turn_cam)

    def errors(self, batch, params):
        return params.betas.mean(1)

    def can_fit(self, batch):
        return batch.joint_confidence.sum(1) > 0


@pytest.fixture
def batch():
    """Somebody measured, three photographs in turned and mirrored crops, and somebody unknown without joints."""
    turn = rotation_about_z(torch.tensor(0.3))
    mirror = torch.diag(torch.tensor([-1.0, 1.0, 1.0])) @ turn
    made = TrainingBatch.unlabelled(torch.zeros(5, 3, 8, 8), 4)
    return made.replace(
        person=torch.tensor([3, 0, 1, 2, -1]),
        turn_cam=torch.stack([torch.eye(3), turn, mirror, turn, turn]),
        joint_confidence=torch.tensor([1.0, 1, 1, 1, 0])[:, None].expand(5, 30).clone(),
    ).with_params(bodies(5, 9), torch.tensor([True, False, False, False, False]))


def loop(store, answer, **changes):
    return FitsInTheLoop(FitLoopConfig(**({"every": 2, "most_error": 0.35} | changes)), store, KnownFitter(answer))


def test_fits_teach_whoever_has_no_parameters_and_are_stored_as_the_photograph_shows_them(batch):
    answer = bodies(PEOPLE, 1)
    fits = loop(FitStore.empty(PEOPLE), answer)
    taught = fits.teach(batch, bodies(5, 2))
    assert taught.has_params.tolist() == [True, True, True, True, False]
    torch.testing.assert_close(taught[0].params.body_pose, batch[0].params.body_pose)
    expected = turn_params(answer[torch.tensor([0, 1, 2])], batch.turn_cam[1:4])
    torch.testing.assert_close(taught[1:4].params.body_pose, expected.body_pose)
    assert not fits.store.known.any(), "the micro-batches of a step all find what it began with"
    fits.end_step(World())
    assert fits.store.known.tolist() == [True, True, True, False]
    stored, _ = fits.store.look_up(torch.arange(3))
    torch.testing.assert_close(stored.global_orient, answer.global_orient[:3], atol=1e-5, rtol=0)
    torch.testing.assert_close(stored.body_pose, answer.body_pose[:3], atol=1e-5, rtol=0)


def test_measured_parameters_are_never_replaced(batch):
    fits = loop(FitStore.empty(PEOPLE), bodies(PEOPLE, 1))
    fits.store.put(3, torch.zeros(24, 3), torch.zeros(10))
    for taught in (fits.teach(batch, bodies(5, 0)), fits.look_up(batch)):
        torch.testing.assert_close(taught[0].params.body_pose, batch[0].params.body_pose)
        torch.testing.assert_close(taught[0].betas, batch[0].betas)


def test_a_stored_fit_is_replaced_by_better_ones_only(batch):
    fits = loop(FitStore.empty(PEOPLE), bodies(PEOPLE, 2), every=1)
    fits.teach(batch, bodies(5, 0))
    fits.end_step(World())
    for seed, kept in ((3, 0.2), (1, 0.1)):  # a worse one, a better one
        fits.fitter.answer = bodies(PEOPLE, seed)
        taught = fits.teach(batch, bodies(5, 0))
        fits.end_step(World())
        assert taught.betas[1:4].mean(1).tolist() == pytest.approx([kept] * 3)
        assert fits.store.betas[:3].mean(1).tolist() == pytest.approx([kept] * 3)


def test_bad_and_implausible_fits_do_not_teach(batch):
    fits = loop(FitStore.empty(PEOPLE), bodies(PEOPLE, 4))
    assert fits.teach(batch, bodies(5, 0)).has_params.tolist() == [True, False, False, False, False]
    fits.end_step(World())
    assert fits.store.known.tolist() == [True, True, True, False], "bad fits are kept until there are better ones"
    assert not fits.look_up(batch).has_params[1:].any()
    fits = loop(FitStore.empty(PEOPLE), bodies(PEOPLE, 1), most_energy=-1.0)
    assert fits.teach(batch, bodies(5, 0)).has_params.tolist() == [True, False, False, False, False]
    fits.end_step(World())
    assert not fits.store.known.any()


def test_extreme_shapes_are_made_mean_ones(batch):
    answer = bodies(PEOPLE, 1)
    answer.betas[1, 0] = -4.0
    taught = loop(FitStore.empty(PEOPLE), answer).teach(batch, bodies(5, 0))
    assert taught.betas[2].tolist() == [0.0] * 10 and taught.betas[1].tolist() == pytest.approx([0.1] * 10)


def test_people_are_fitted_every_so_many_steps_and_never_for_0(batch):
    fits = loop(FitStore.empty(PEOPLE), bodies(PEOPLE, 1), every=3)
    for _ in range(7):
        fits.teach(batch, bodies(5, 0))
        fits.end_step(World())
    assert fits.fitter.asked == 3
    fits = loop(FitStore.empty(PEOPLE), bodies(PEOPLE, 1), every=0)
    fits.teach(batch, bodies(5, 0))
    assert fits.fitter.asked == 0


def test_of_two_fits_of_one_person_in_a_step_the_better_one_stays(batch):
    fits = loop(FitStore.empty(PEOPLE), bodies(PEOPLE, 1))
    fits.teach(batch, bodies(5, 0))
    fits.fitter.answer = bodies(PEOPLE, 2)
    fits.teach(batch, bodies(5, 0))
    fits.end_step(World())
    assert fits.store.betas[0].mean().item() == pytest.approx(0.1)


def test_it_goes_on_from_its_state(batch):
    fits, again = (loop(FitStore.empty(PEOPLE), bodies(PEOPLE, 1)) for _ in range(2))
    fits.teach(batch, bodies(5, 0))
    fits.end_step(World())
    again.restore(fits.state())
    assert again.steps == 1 and torch.equal(again.store.pose, fits.store.pose)
    again.teach(batch, bodies(5, 0))
    assert again.fitter.asked == 0, "the step after the first one fits nobody"


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="every must not be negative"):
        FitLoopConfig(every=-1)
    assert math.isfinite(FitLoopConfig().most_energy)
