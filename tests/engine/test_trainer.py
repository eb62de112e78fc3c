"""The training loop: exact resumption, schedules, and what it says when things go wrong."""

import itertools
import signal
from pathlib import Path

import pytest
import torch
from torch import nn

from meshrec.engine.devices import pick_device
from meshrec.engine.interruption import StopRequest
from meshrec.engine.learner import set_learning_rate
from meshrec.engine.run_log import read_log
from meshrec.errors import CheckpointMismatch, MeshrecError, Stopped
from tests.support.toy_training import Nets, brightness, toy_stage, train_toy


class Killed(Exception):
    """Stands for the process ending at a step."""


def steps_until(last):
    def progress(steps):
        for step in steps:
            if step == last:
                raise Killed
            yield step

    return progress


@pytest.mark.parametrize("killed_at", [1, 2, 3, 5])
def test_a_run_killed_at_any_step_ends_with_the_weights_of_an_undisturbed_one(tmp_path, killed_at):
    undisturbed = train_toy(tmp_path / "whole")
    with pytest.raises(Killed):
        train_toy(tmp_path / "killed", progress=steps_until(killed_at))
    resumed = train_toy(tmp_path / "killed")
    for (name, expected), value in zip(undisturbed.state_dict().items(), resumed.state_dict().values()):
        assert torch.equal(value, expected), name
    rows = read_log(tmp_path / "killed" / "first.csv")
    assert [row["step"] for row in rows] == list(range(6))
    assert [row["total"] for row in rows] == [row["total"] for row in read_log(tmp_path / "whole" / "first.csv")]


@pytest.mark.parametrize("killed_at", [1, 2, 5])
def test_what_the_losses_remember_survives_like_the_weights(tmp_path, killed_at):
    undisturbed, forgetful = train_toy(tmp_path / "whole", remembers=True), train_toy(tmp_path / "other")
    with pytest.raises(Killed):
        train_toy(tmp_path / "killed", remembers=True, progress=steps_until(killed_at))
    resumed = train_toy(tmp_path / "killed", remembers=True)
    weights = [net.correspondence_net[0].weight for net in (undisturbed, resumed, forgetful)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    states = [torch.load(tmp_path / run / "latest.pt", weights_only=True)["memory"] for run in ("whole", "killed")]
    assert torch.equal(states[0]["known"], states[1]["known"]) and states[0]["known"].all()


def test_single_nets_may_learn_at_a_rate_of_their_own(tmp_path):
    def both(model, batch, stage, seed):
        return {"brightness": brightness(model, batch, stage, seed)["brightness"]
                + model.location_net(batch.images[:, :2, 0, 0]).square().mean()}  # fmt: skip

    nets = dict(
        nets=("correspondence_net", "location_net"),
        location_input="predicted",
        weight_decay=0.0,
        steps=1,
        warmup_steps=0,
    )
    ended = [train_toy(tmp_path / str(factor), losses=both, rate_factors={"location_net": factor}, **nets)
             for factor in (1.0, 0.1)]  # fmt: skip
    # Adam's first step has the length of the learning rate, whatever the gradient.
    moved = [(net.location_net.weight - Nets().location_net.weight).abs().max().item() for net in ended]
    assert moved[1] == pytest.approx(0.1 * moved[0], rel=1e-3) and moved[0] > 0
    assert torch.equal(ended[0].correspondence_net[0].weight, ended[1].correspondence_net[0].weight)
    with pytest.raises(ValueError, match="rate_factors must be positive and of nets that learn"):
        toy_stage(rate_factors={"location_net": 2.0})


def test_only_the_nets_of_the_stage_change(tmp_path):
    before, after = Nets(), train_toy(tmp_path)
    assert torch.equal(before.location_net.weight, after.location_net.weight)
    assert not torch.equal(before.correspondence_net[0].weight, after.correspondence_net[0].weight)


def test_a_loss_that_is_not_finite_stops_with_the_last_good_state(tmp_path):
    def explode(model, batch, stage, seed):
        value = brightness(model, batch, stage, seed)["brightness"]
        return {"brightness": value * (float("nan") if model.correspondence_net[1].num_batches_tracked > 3 else 1)}

    with pytest.raises(MeshrecError, match="loss is nan .brightness. at step 3 of stage first.*latest.pt"):
        train_toy(tmp_path, losses=explode)
    state = torch.load(tmp_path / "latest.pt", weights_only=True)
    assert state["step"] == 2 and all(value.isfinite().all() for value in state["model"].values())


def test_a_checkpoint_of_another_net_is_refused(tmp_path):
    with pytest.raises(Killed):
        train_toy(tmp_path, progress=steps_until(3))
    other = Nets()
    other.correspondence_net[0] = nn.Conv2d(3, 4, 5)
    with pytest.raises(CheckpointMismatch, match="choose another run folder"):
        train_toy(tmp_path, net=other)


def test_the_learning_rate_warms_up_and_falls_to_a_hundredth():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1)
    rates = []
    for step in range(100):
        set_learning_rate(optimizer, toy_stage(steps=100, warmup_steps=10, learning_rate=1.0), step)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates[0] == pytest.approx(0.1, rel=0.01) and max(rates) == pytest.approx(1, rel=0.05)
    assert rates[-1] == pytest.approx(0.01, rel=0.1) and rates[20:] == sorted(rates[20:], reverse=True)


def test_a_schedule_of_steps_falls_to_a_tenth_at_each():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1)
    stage = toy_stage(steps=100, warmup_steps=10, learning_rate=1.0, schedule="steps", drops=(0.7, 0.9))
    rates = []
    for step in range(100):
        set_learning_rate(optimizer, stage, step)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates[:10] == pytest.approx([0.1 * step for step in range(1, 11)])
    assert rates[10:] == pytest.approx([1.0] * 60 + [0.1] * 20 + [0.01] * 10)


def test_drops_without_their_schedule_are_refused():
    for changes in ({"drops": (0.5,)}, {"schedule": "steps"}, {"schedule": "steps", "drops": (1.5,)}):
        with pytest.raises(ValueError, match="drops, between 0 and 1"):
            toy_stage(**changes)


def test_gradient_descent_with_momentum_remembers_its_direction(tmp_path):
    train_toy(tmp_path, optimizer="sgd")
    moments = torch.load(tmp_path / "latest.pt", weights_only=True)["optimizer"]["state"]
    assert moments and all(set(state) == {"momentum_buffer"} for state in moments.values())
    with pytest.raises(ValueError, match="optimizer must be one of .*, got 'adam'"):
        toy_stage(optimizer="adam")


def test_an_unavailable_device_is_explained():
    with pytest.raises(MeshrecError, match="not available here; use cpu"):
        pick_device("nonsense")


def test_learning_curves_are_drawn(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib draws the curves (extra train)")
    train_toy(tmp_path)
    assert (tmp_path / "first.curves.png").stat().st_size > 1000
    assert Path(tmp_path / "latest.pt").exists()


def test_the_last_steps_are_logged_and_the_log_says_how_fast_it_went(tmp_path):
    train_toy(tmp_path, steps=5, loop=dict(log_every=3))
    rows = read_log(tmp_path / "first.csv")
    assert [row["step"] for row in rows] == [2, 4]
    assert all(row["images_per_second"] > 0 and 0 < row["data_wait"] < 1 for row in rows)


def test_a_gradient_that_is_not_finite_stops_too(tmp_path):
    def steep(model, batch, stage, seed):
        value = brightness(model, batch, stage, seed)["brightness"]
        return {"brightness": value + (value - value.detach()).sqrt()}  # the root of 0 is steep

    with pytest.raises(
        MeshrecError, match="gradient's length is (inf|nan) at step 0 of stage first. There is no checkpoint"
    ):
        train_toy(tmp_path, losses=steep)


def test_a_stage_ends_after_its_seconds_and_does_not_begin_again(tmp_path, monkeypatch):
    ticks = itertools.count()  # a clock that no busy machine disturbs: every look at it takes a millisecond
    monkeypatch.setattr("meshrec.engine.timing.time.perf_counter", lambda: next(ticks) / 1000)
    ended = train_toy(tmp_path, steps=10_000, seconds=0.3, loop=dict(log_every=10))
    rows = read_log(tmp_path / "first.csv")
    assert 10 < rows[-1]["step"] < 9_000
    assert rows[-1]["learning_rate"] < 0.1 * max(row["learning_rate"] for row in rows)  # the cosine followed the time
    again = train_toy(tmp_path, steps=10_000, seconds=0.3, loop=dict(log_every=10))
    assert read_log(tmp_path / "first.csv")[-1] == rows[-1]
    assert torch.equal(again.correspondence_net[0].weight, ended.correspondence_net[0].weight)


def test_a_loss_of_weight_0_is_left_out(tmp_path):
    assert toy_stage(losses={"brightness": 1.0, "other": 0.0}).losses == {"brightness": 1.0}


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_asked_for_stop_finishes_the_step_saves_and_says_how_to_go_on(tmp_path, number, code):
    def interrupting(model, batch, stage, seed):
        if model.correspondence_net[1].num_batches_tracked == 2:
            signal.raise_signal(number)
        return brightness(model, batch, stage, seed)

    undisturbed = train_toy(tmp_path / "whole")
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(Stopped, match="after step 2 of stage first.*step 3.*the same command goes on") as stop:
        train_toy(tmp_path / "stopped", losses=interrupting, loop=dict(save_every=100))
    assert stop.value.exit_code == code
    assert handlers == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))
    resumed = train_toy(tmp_path / "stopped", loop=dict(save_every=100))
    assert torch.equal(resumed.correspondence_net[0].weight, undisturbed.correspondence_net[0].weight)


@pytest.fixture
def ctrl_c_interrupts():
    """As in a terminal; a shell starts background jobs with Ctrl-C ignored."""
    earlier = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, earlier)


def test_an_impatient_second_ctrl_c_interrupts_at_once(ctrl_c_interrupts):
    with pytest.raises(KeyboardInterrupt), StopRequest() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.signal == signal.SIGINT
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("name", ["bf16", "fp16"])
def test_half_precision_learns_and_resumes(tmp_path, name):
    whole = train_toy(tmp_path / "whole", steps=12, loop=dict(precision=name))
    with pytest.raises(Killed):
        train_toy(tmp_path / "killed", steps=12, loop=dict(precision=name), progress=steps_until(5))
    resumed = train_toy(tmp_path / "killed", steps=12, loop=dict(precision=name))
    full = train_toy(tmp_path / "full", steps=12)
    weights = [net.correspondence_net[0].weight for net in (whole, resumed, full)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
    torch.testing.assert_close(weights[0], weights[2], rtol=0, atol=2e-3)


def test_a_float16_gradient_that_overflows_is_left_out_and_the_factor_halved(tmp_path):
    def huge_once(model, batch, stage, seed):
        factor = 1e9 if model.correspondence_net[1].num_batches_tracked == 1 else 1.0
        return {"brightness": brightness(model, batch, stage, seed)["brightness"] * factor}

    train_toy(tmp_path, losses=huge_once, steps=2, loop=dict(precision="fp16", save_every=1))
    before, after = (torch.load(tmp_path / name, weights_only=True) for name in ("previous.pt", "latest.pt"))
    weight = "correspondence_net.0.weight"
    assert torch.equal(before["model"][weight], after["model"][weight])
    assert after["scaler"]["scale"] == before["scaler"]["scale"] / 2
