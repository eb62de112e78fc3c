"""The training loop: exact resumption, schedules, and what it says when things go wrong."""

from pathlib import Path

import pytest
import torch
from torch import nn

from meshrec.engine.devices import pick_device
from meshrec.engine.learner import set_learning_rate
from meshrec.engine.run_log import read_log
from meshrec.engine.stages import StageConfig
from meshrec.engine.trainer import LoopConfig, train_stage
from meshrec.errors import CheckpointMismatch, MeshrecError
from meshrec.structures import TrainingBatch

LOOP = LoopConfig(device="cpu", precision="fp32", log_every=1, save_every=2)


class Noise:
    """A source whose pictures follow from the seed."""

    def batch(self, count, size, seed):
        return TrainingBatch.unlabelled(
            torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed)), 1
        )


class Nets(nn.Module):
    """Two small nets under the names that stages know, with dropout and batch statistics as state to carry."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.correspondence_net = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Conv2d(4, 1, 1)
        )
        self.location_net = nn.Linear(2, 2)


def brightness(model, batch, stage, seed):
    return {
        "brightness": (model.correspondence_net(batch.images).mean((1, 2, 3)) - batch.images.mean((1, 2, 3)))
        .square()
        .mean()
    }


def stage(**changes):
    settings = dict(
        name="first",
        steps=6,
        nets=("correspondence_net",),
        location_input="none",
        batch=4,
        size=8,
        warmup_steps=2,
        losses={"brightness": 1.0},
    )
    return StageConfig(**(settings | changes))


class Killed(Exception):
    """Stands for the process ending at a step."""


def steps_until(last):
    def progress(steps):
        for step in steps:
            if step == last:
                raise Killed
            yield step

    return progress


def run(folder, progress=iter, **changes):
    return train_stage(Nets(), Noise(), stage(**changes), brightness, LOOP, folder, seed=5, progress=progress)


@pytest.mark.parametrize("killed_at", [1, 2, 3, 5])
def test_a_run_killed_at_any_step_ends_with_the_weights_of_an_undisturbed_one(tmp_path, killed_at):
    undisturbed = run(tmp_path / "whole")
    with pytest.raises(Killed):
        run(tmp_path / "killed", progress=steps_until(killed_at))
    resumed = run(tmp_path / "killed")
    for (name, expected), value in zip(undisturbed.state_dict().items(), resumed.state_dict().values()):
        assert torch.equal(value, expected), name
    rows = read_log(tmp_path / "killed" / "first.csv")
    assert [row["step"] for row in rows] == list(range(6))
    assert [row["total"] for row in rows] == [row["total"] for row in read_log(tmp_path / "whole" / "first.csv")]


def test_only_the_nets_of_the_stage_change(tmp_path):
    before, after = Nets(), run(tmp_path)
    assert torch.equal(before.location_net.weight, after.location_net.weight)
    assert not torch.equal(before.correspondence_net[0].weight, after.correspondence_net[0].weight)


def test_a_loss_that_is_not_finite_stops_with_the_last_good_state(tmp_path):
    def explode(model, batch, stage, seed):
        value = brightness(model, batch, stage, seed)["brightness"]
        return {"brightness": value * (float("nan") if model.correspondence_net[1].num_batches_tracked > 3 else 1)}

    with pytest.raises(MeshrecError, match="loss is nan .brightness. at step 3 of stage first.*latest.pt"):
        train_stage(Nets(), Noise(), stage(), explode, LOOP, tmp_path, seed=5)
    state = torch.load(tmp_path / "latest.pt", weights_only=True)
    assert state["step"] == 2 and all(value.isfinite().all() for value in state["model"].values())


def test_a_checkpoint_of_another_net_is_refused(tmp_path):
    with pytest.raises(Killed):
        run(tmp_path, progress=steps_until(3))
    other = Nets()
    other.correspondence_net[0] = nn.Conv2d(3, 4, 5)
    with pytest.raises(CheckpointMismatch, match="choose another run folder"):
        train_stage(other, Noise(), stage(), brightness, LOOP, tmp_path, seed=5)


def test_the_learning_rate_warms_up_and_falls_to_a_hundredth():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1)
    rates = []
    for step in range(100):
        set_learning_rate(optimizer, stage(steps=100, warmup_steps=10, learning_rate=1.0), step)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates[0] == pytest.approx(0.1, rel=0.01) and max(rates) == pytest.approx(1, rel=0.05)
    assert rates[-1] == pytest.approx(0.01, rel=0.1) and rates[20:] == sorted(rates[20:], reverse=True)


def test_an_unavailable_device_is_explained():
    with pytest.raises(MeshrecError, match="not available here; use cpu"):
        pick_device("nonsense")


def test_learning_curves_are_drawn(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib draws the curves (extra train)")
    run(tmp_path)
    assert (tmp_path / "first.curves.png").stat().st_size > 1000
    assert Path(tmp_path / "latest.pt").exists()
