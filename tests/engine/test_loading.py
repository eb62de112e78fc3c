"""Batches ahead of time: workers and devices change nothing but the speed."""

import os
import time

import pytest
import torch

from meshrec.data.mixture import Mixture
from meshrec.engine.loading import load_batches
from meshrec.engine.timing import StepClock
from tests.support.toy_training import Noise

CPU = torch.device("cpu")


class OnAnotherDevice(Noise):
    """Draws as a source does that lives on a GPU; remembers which process did it."""

    device = "meta"

    def __init__(self):
        super().__init__()
        self.processes = set()

    def batch(self, count, size, seed):
        self.processes.add(os.getpid())
        return super().batch(count, size, seed + 1_000_000)


def images(source, workers):
    return torch.stack([batch.images for batch in load_batches(source, 6, 4, range(10, 15), workers, CPU)])


def test_workers_draw_the_same_batches():
    source = Noise()
    direct = torch.stack([Noise().batch(6, 4, seed).images for seed in range(10, 15)])
    assert torch.equal(images(source, 0), direct) and source.seeds == list(range(10, 15))
    source = Noise()
    assert torch.equal(images(source, 2), direct) and source.seeds == []  # other processes drew them


def test_a_mixture_of_devices_is_drawn_where_each_source_lives():
    def mixture():
        return Mixture([(OnAnotherDevice(), 0.5), (Noise(), 0.5)])

    direct = torch.stack([mixture().batch(6, 4, seed).images for seed in range(10, 15)])
    both = mixture()
    assert torch.equal(images(both, 2), direct)
    (there, _), (here, _) = both.sources
    assert there.processes == {os.getpid()} and here.seeds == []


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_batches_of_workers_arrive_on_the_gpu():
    batches = load_batches(Noise(), 6, 4, range(10, 15), 2, torch.device("cuda"))
    for seed, batch in zip(range(10, 15), batches):
        assert batch.images.is_cuda and torch.equal(batch.images.cpu(), Noise().batch(6, 4, seed).images)


def test_loading_leaves_the_training_s_random_numbers_alone():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    images(Noise(), 2)
    assert torch.equal(torch.rand(3), expected)


def test_the_clock_tells_waiting_from_working():
    clock = StepClock(CPU, elapsed_s=5.0)
    for _ in range(2):
        clock.begin_step()
        with clock.waiting_for_data():
            time.sleep(0.03)
        time.sleep(0.01)
        clock.end_step(images=8)
    time.sleep(0.3)  # between steps: a picture is drawn
    rates = clock.take_rates()
    assert 0.5 < rates["data_wait"] < 0.95 and 40 < rates["images_per_second"] <= 200
    assert 5.08 <= clock.elapsed_s < 5.35
