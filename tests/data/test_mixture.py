"""Mixtures: shares that hold exactly in the long run, whatever the batch, and the same for the same seed."""

import pytest
import torch

from meshrec.data.mixture import Mixture, step_seed
from meshrec.structures import TrainingBatch


class Grey:
    """Pictures of one brightness; remembers the seeds it was asked for."""

    def __init__(self, brightness):
        self.brightness, self.seeds = brightness, []

    def batch(self, count, size, seed):
        self.seeds.append(seed)
        return TrainingBatch.unlabelled(torch.full((count, 3, size, size), self.brightness), vertex_count=1)


def counts(mixture, count, seed):
    given = {source.brightness: number for source, number, _ in mixture.parts(count, seed)}
    return [given.get(source.brightness, 0) for source, _ in mixture.sources]


def brightnesses(batch):
    return batch.images[:, 0, 0, 0].tolist()


def test_shares_hold_exactly_over_many_small_batches():
    mixture = Mixture([(Grey(0.1), 0.58), (Grey(0.2), 0.4), (Grey(0.3), 0.02)])
    drawn = torch.tensor([counts(mixture, 7, seed) for seed in range(4000)], dtype=torch.float64)
    assert (drawn.sum(1) == 7).all() and (drawn >= 0).all()
    torch.testing.assert_close(drawn.mean(0) / 7, torch.tensor([0.58, 0.4, 0.02]).double(), atol=4e-3, rtol=0)
    assert (drawn - 7 * torch.tensor([0.58, 0.4, 0.02])).abs().max() < 1


def test_shares_of_whole_samples_are_the_same_in_every_batch():
    mixture = Mixture([(Grey(0.1), 0.7), (Grey(0.2), 0.3)])
    assert {tuple(counts(mixture, 20, seed)) for seed in range(50)} == {(14, 6)}


def test_a_batch_follows_from_its_seed():
    mixture = Mixture([(Grey(0.1), 0.5), (Grey(0.2), 0.25), (Grey(0.3), 0.25)])
    assert brightnesses(mixture.batch(5, 2, 8)) == brightnesses(mixture.batch(5, 2, 8))
    assert len({tuple(brightnesses(mixture.batch(5, 2, seed))) for seed in range(9)}) > 1


def test_sources_of_one_mixture_get_different_seeds():
    sources = Grey(0.1), Grey(0.2)
    Mixture([(source, 0.5) for source in sources]).batch(4, 2, 3)
    assert sources[0].seeds != sources[1].seeds


@pytest.mark.parametrize("shares", [[], [0.5, 0.4], [1.2, -0.2], [1.0, 0.0]])
def test_shares_that_do_not_add_up_are_refused(shares):
    with pytest.raises(ValueError, match="add up to 1"):
        Mixture([(Grey(0.1), share) for share in shares])


def test_steps_and_their_micro_batches_have_seeds_of_their_own():
    seeds = [step_seed(seed, step, micro) for seed in (1, 2) for step in range(1000) for micro in range(4)]
    assert len(set(seeds)) == len(seeds)
