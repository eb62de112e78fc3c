"""Two processes do what one does: the same data, the same gradient, one common end.

    pytest tests/engine/test_distributed.py

The processes are real and talk through gloo, as those that torchrun starts.
"""

import json
import os
import signal

import pytest
import torch
from torch import nn

from meshrec.engine.distributed import World, join_world
from meshrec.engine.run_log import read_log
from meshrec.errors import CheckpointMismatch, InvalidInput
from tests.support.processes import ends, start, start_world, train
from tests.support.toy_training import TIMES, Nets, Noise, brightness, train_toy


def train_and_tell(folder, **options):
    """The toy training; each process writes the seeds of its data, and all weights and statistics it ends with."""
    source = Noise()
    with join_world() as world:
        net = train_toy(folder, world=world, source=source, **options)
        torch.save({"seeds": source.seeds, "net": net.state_dict()}, f"{folder}/process{world.rank}.pt")


def told(folder, rank):
    return torch.load(folder / f"process{rank}.pt", weights_only=True)


def log_of(folder):
    return [{name: value for name, value in row.items() if name not in TIMES} for row in read_log(folder / "first.csv")]


@pytest.mark.parametrize("micro_batches", [2, 4])
def test_two_processes_learn_what_one_learns_from_the_same_data(tmp_path, micro_batches):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    settings = dict(steps=8, micro_batches=micro_batches)
    assert ends(start(train_and_tell, tmp_path / "one", **settings)) == [0]
    assert ends(*start_world(2, train_and_tell, tmp_path / "two", **settings)) == [0, 0]
    one, first, second = told(tmp_path / "one", 0), told(tmp_path / "two", 0), told(tmp_path / "two", 1)

    share = micro_batches // 2
    steps = [one["seeds"][start : start + micro_batches] for start in range(0, 8 * micro_batches, micro_batches)]
    assert len(set(one["seeds"])) == 8 * micro_batches
    assert first["seeds"] == [seed for step in steps for seed in step[:share]]
    assert second["seeds"] == [seed for step in steps for seed in step[share:]]

    for name, value in one["net"].items():
        assert torch.equal(first["net"][name], second["net"][name]), name
        # Two terms have one sum; of more, the order of summation shows in the last bits.
        torch.testing.assert_close(first["net"][name], value, rtol=0, atol=0 if micro_batches == 2 else 1e-5)
    if micro_batches == 2:
        assert log_of(tmp_path / "one") == log_of(tmp_path / "two")


def test_two_processes_remember_what_one_remembers(tmp_path):
    settings = dict(micro_batches=2, remembers=True)
    assert ends(start(train, str(tmp_path / "one"), **settings)) == [0]
    assert ends(*start_world(2, train, str(tmp_path / "two"), **settings)) == [0, 0]
    one, two = (torch.load(tmp_path / run / "latest.pt", weights_only=True) for run in ("one", "two"))
    assert torch.equal(one["memory"]["known"], two["memory"]["known"]) and one["memory"]["known"].all()
    assert all(torch.equal(two["model"][name], value) for name, value in one["model"].items())


def test_the_gradient_of_a_step_is_the_mean_over_its_micro_batches(tmp_path):
    """Against the definition, without dropout: the gradient of the mean of the losses, each with its own statistics."""
    net, gradients = Nets(), []
    net.correspondence_net[2] = nn.Identity()
    twin = Nets()
    twin.correspondence_net[2] = nn.Identity()
    source = Noise()

    def note(model, batch, stage, seed):
        if not gradients:  # before the first step, with the weights that the twin has too
            gradients.append(None)
            model.correspondence_net[0].weight.register_post_accumulate_grad_hook(
                lambda weight: gradients.append(weight.grad.clone())
            )
        return brightness(model, batch, stage, seed)

    train_toy(tmp_path, net=net, source=source, losses=note, steps=1, micro_batches=3)
    batches = [Noise().batch(4, 8, seed) for seed in source.seeds]
    sum(brightness(twin.train(), batch, None, 0)["brightness"] for batch in batches).div(3).backward()
    torch.testing.assert_close(gradients[-1], twin.correspondence_net[0].weight.grad, rtol=1e-4, atol=1e-7)


def test_statistics_move_by_the_mean_over_the_micro_batches(tmp_path):
    source = Noise()
    net = train_toy(tmp_path, source=source, steps=1, micro_batches=2, average_decay=0.0)
    means = []
    for seed in source.seeds:
        twin = Nets().train()
        twin.correspondence_net[:2](Noise().batch(4, 8, seed).images)
        means.append(twin.correspondence_net[1].running_mean)
    torch.testing.assert_close(net.correspondence_net[1].running_mean, (means[0] + means[1]) / 2)
    assert not torch.allclose(means[0], means[1]) and net.correspondence_net[1].num_batches_tracked == 1


def explode_in_the_second(model, batch, stage, seed):
    exploding = os.environ.get("RANK") == "1" and model.correspondence_net[1].num_batches_tracked >= 3
    value = brightness(model, batch, stage, seed)["brightness"]
    return {"brightness": value * (float("nan") if exploding else 1)}


def test_a_loss_that_is_nan_in_one_process_ends_both_with_one_message(tmp_path):
    errors = tmp_path / "errors"
    both = start_world(2, train, tmp_path / "run", errors=errors, losses=explode_in_the_second)
    assert ends(*both) == [2, 0]
    said, nothing = (errors.with_name(f"errors{rank}").read_text() for rank in (0, 1))
    assert nothing == "" and said.count("\n") == 1 and "Traceback" not in said
    assert "The loss is nan (brightness) at step 3 of stage first" in said and "latest.pt (stage first, step 2)" in said


def fill_the_disk(folder, **options):
    import meshrec.engine.checkpoints as checkpoints

    class FullDisk:
        def __getattr__(self, name):
            return getattr(os, name)

        def fsync(self, handle):
            raise OSError(28, "No space left on device")

    checkpoints.os = FullDisk()
    train(folder, **options)


def test_a_disk_that_is_full_for_the_first_process_ends_both(tmp_path):
    errors = tmp_path / "errors"
    assert ends(*start_world(2, fill_the_disk, tmp_path / "run", errors=errors)) == [2, 0]
    said, nothing = (errors.with_name(f"errors{rank}").read_text() for rank in (0, 1))
    assert nothing == "" and "No space left on device" in said and "There is no checkpoint yet" in said


def die_in_the_second(model, batch, stage, seed):
    if os.environ.get("RANK") == "1" and model.correspondence_net[1].num_batches_tracked >= 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return brightness(model, batch, stage, seed)


def test_the_death_of_one_process_ends_the_other_with_a_sentence(tmp_path):
    errors = tmp_path / "errors"
    assert ends(*start_world(2, train, tmp_path / "run", errors=errors, losses=die_in_the_second)) == [2, -9]
    said = errors.with_name("errors0").read_text()
    assert "Another process of this work has ended" in said and "Traceback" not in said


def test_micro_batches_that_cannot_be_shared_are_explained():
    assert [list(World(rank, 3).share(6)) for rank in range(3)] == [[0, 1], [2, 3], [4, 5]]
    with pytest.raises(InvalidInput, match="A step of 4 micro-batches cannot be shared by 3 processes"):
        World(0, 3).share(4)


def test_a_run_goes_on_only_with_steps_of_the_same_size(tmp_path):
    train_toy(tmp_path, steps=2, micro_batches=2)
    with pytest.raises(CheckpointMismatch, match="made with 2 micro-batches a step, this run has 1"):
        train_toy(tmp_path, steps=4)


def sum_unused(folder):
    """A parameter that only the second process uses, and one that nobody uses."""
    with join_world() as world:
        parameters = [nn.Parameter(torch.ones(3)) for _ in range(3)]
        parameters[0].grad = torch.full((3,), 1.0 + world.rank)
        if world.rank == 1:
            parameters[1].grad = torch.full((3,), 5.0)
        world.add_up_gradients(parameters)
        sums = [None if parameter.grad is None else parameter.grad.tolist() for parameter in parameters]
        answer = world.from_first(lambda: {"from": world.rank})
        (folder / f"sums{world.rank}.json").write_text(json.dumps([sums, answer, world.sums(world.rank, 1.0)]))


def test_gradients_that_some_processes_lack_count_as_zero(tmp_path):
    assert ends(*start_world(2, sum_unused, tmp_path)) == [0, 0]
    for rank in (0, 1):
        sums, answer, numbers = json.loads((tmp_path / f"sums{rank}.json").read_text())
        assert sums == [[3.0] * 3, [5.0] * 3, None]
        assert answer == {"from": 0} and numbers == [1.0, 2.0]
