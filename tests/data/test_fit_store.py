"""The store of fits: what files bring, what is looked up, and what a checkpoint restores."""

import numpy as np
import pytest
import torch

from meshrec.body import BodyModel
from meshrec.data.annotations import Annotations
from meshrec.data.fit_store import FitStore, as_vectors, without_fits
from meshrec.data.mesh_truth import MeshTruth
from meshrec.data.numbered_people import NumberedPeople
from meshrec.errors import CheckpointMismatch
from meshrec.structures import TrainingBatch


@pytest.fixture(scope="module")
def people():
    """A measured person, a good fit, a bad fit, a good fit of another body, and somebody unknown."""
    pose = np.random.default_rng(1).normal(0, 0.3, (5, 24, 3)).astype(np.float32)
    return Annotations.of(
        [f"{number}.jpg" for number in range(5)], [[0, 0, 9, 9]] * 5, pose=pose, betas=np.full((5, 10), 0.5),
        body=["mine", "mine", "mine", "other", ""], fit_error=[-1, 0.01, 0.2, 0.01, -1],
        fit_kept=[False, True, False, True, False],
    )  # fmt: skip


def test_a_file_brings_the_good_fits_of_the_body_in_use(people):
    fits = FitStore.of(people, "mine")
    assert fits.known.tolist() == [False, True, False, False, False]
    params, known = fits.look_up(torch.tensor([1, 0, -1]))
    assert known.tolist() == [True, False, False]
    pose, betas = as_vectors(params)
    np.testing.assert_allclose(pose[0], people.pose[1], atol=1e-5)
    np.testing.assert_allclose(betas[0], people.betas[1])


def test_fits_are_no_truth(people):
    body = BodyModel.from_file()
    measured = without_fits(people.replace(body=[body.hash if name == "mine" else name for name in people.body]))
    posed = MeshTruth(body).pose(measured)
    assert posed.has_params.tolist() == posed.has_mesh.tolist() == [True, False, False, False, False]


def test_stores_are_joined_in_order_and_keep_what_is_put_in(people):
    fits = FitStore.together([FitStore.empty(2), FitStore.of(people, "mine")])
    assert len(fits) == 7 and fits.known.nonzero().tolist() == [[3]]
    fits.put(0, torch.full((24, 3), 0.1), torch.ones(10))
    assert fits.look_up(torch.tensor([0]))[0].betas.tolist() == [[1.0] * 10] and bool(fits.known[0])


def test_a_state_restores_and_one_of_other_people_is_refused(people):
    fits, again = FitStore.of(people, "mine"), FitStore.empty(5)
    again.restore(fits.state())
    assert torch.equal(again.pose, fits.pose) and torch.equal(again.known, fits.known)
    again.put(0, torch.ones(24, 3), torch.ones(10))
    assert not fits.known[0], "a restored store shares no memory with the state"
    with pytest.raises(CheckpointMismatch, match="fits of 5 people, the data have 2"):
        FitStore.empty(2).restore(fits.state())


def test_nobody_is_known_of_an_empty_store():
    assert not FitStore.empty(0).look_up(torch.tensor([-1, -1]))[1].any()


def test_numbers_are_counted_through_and_made_up_people_have_none():
    class Source:
        def batch(self, count, size, seed):
            batch = TrainingBatch.unlabelled(torch.zeros(count, 3, size, size), 4)
            return batch.replace(person=torch.tensor([0, 2, -1]))

    assert NumberedPeople(Source(), 100).batch(3, 8, 1).person.tolist() == [100, 102, -1]
