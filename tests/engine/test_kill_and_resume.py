"""Kill -9 at any moment: the resumed run ends like one that nothing disturbed, to the last bit.

    pytest tests/engine/test_kill_and_resume.py

The processes are real and so are the signals.
"""

import os
import random
import signal
import time

import pytest
import torch

from meshrec.engine.checkpoints import Checkpoints
from meshrec.engine.run_log import read_log
from tests.support.processes import ends, start, start_world, train, train_and_die
from tests.support.toy_training import TIMES

STEPS = 40


def log_of(folder):
    return [{name: value for name, value in row.items() if name not in TIMES} for row in read_log(folder / "first.csv")]


def assert_same_run(folder, expected):
    """The same rows in the log, and the same final state: weights, their mean, the optimiser."""
    assert log_of(folder) == log_of(expected)
    state, wanted = (torch.load(place / "latest.pt", weights_only=True) for place in (folder, expected))
    assert state["step"] == wanted["step"] == STEPS
    for part in ("model", "average"):
        for name, value in wanted[part].items():
            assert torch.equal(state[part][name], value), (part, name)
    for number, moments in wanted["optimizer"]["state"].items():
        for name, value in moments.items():
            assert torch.equal(state["optimizer"]["state"][number][name], value), (number, name)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    assert ends(start(train, str(folder), steps=STEPS, loop=dict(log_every=3, save_every=4))) == [0]
    assert len(log_of(folder)) == 14 and log_of(folder)[-1]["step"] == STEPS - 1  # the last row is no multiple of 3
    return folder


def wait_for_rows(process, folder, rows):
    log = folder / "first.csv"
    while process.is_alive() and not (log.exists() and log.read_text().count("\n") > rows):
        time.sleep(0.0005)


def kill_after(process, folder, rows):
    """SIGKILL at whatever the process is doing some moments after the log has so many rows."""
    wait_for_rows(process, folder, rows)
    time.sleep(random.Random(rows).uniform(0, 0.01))
    process.kill()


def test_killed_from_outside_at_random_moments(tmp_path, undisturbed):
    settings = dict(steps=STEPS, loop=dict(log_every=3, save_every=4))
    killed = 0
    for rows in (1, 4, 5, 8, 11):
        process = start(train, str(tmp_path), **settings)
        kill_after(process, tmp_path, rows)
        killed += ends(process) == [-signal.SIGKILL]
    assert killed >= 3, "the runs were over before they could be killed"
    assert ends(start(train, str(tmp_path), **settings)) == [0]
    assert_same_run(tmp_path, undisturbed)


@pytest.mark.parametrize(
    "moments",
    [
        [("fsync:2", "partial"), ("fsync:5", "latest partial"), ("fsync:2", "latest partial")],
        [
            ("replace:2", "partial"),
            ("replace:4", "latest partial"),
            ("replace:3", "previous partial"),
            ("replace:2", "previous partial"),
        ],
        [("row:2", "latest"), ("row:7", "latest previous")],
    ],
    ids=["while a checkpoint is forced to the disk", "between renames", "within a row of the log"],
)
def test_killed_while_writing(tmp_path, undisturbed, moments):
    settings = dict(steps=STEPS, loop=dict(log_every=3, save_every=4))
    names = {"latest": "latest.pt", "previous": "previous.pt", "partial": "latest.pt.partial"}
    for moment, left in moments:
        assert ends(start(train_and_die, str(tmp_path), at=moment, **settings)) == [-signal.SIGKILL]
        assert [name for name, file in names.items() if (tmp_path / file).exists()] == left.split()
        good = Checkpoints(tmp_path).load("first")
        assert (good is not None) == ("latest" in left or "previous" in left)
    assert ends(start(train, str(tmp_path), **settings)) == [0]
    assert_same_run(tmp_path, undisturbed)
    assert not (tmp_path / "latest.pt.partial").exists()


def test_two_killed_processes_resume_as_one_with_workers(tmp_path):
    settings = dict(steps=STEPS, micro_batches=2)
    assert ends(start(train, str(tmp_path / "whole"), **settings)) == [0]
    both = start_world(2, train, str(tmp_path / "killed"), **settings)
    kill_after(both[0], tmp_path / "killed", rows=10)
    both[1].kill()
    assert ends(*both) == [-signal.SIGKILL] * 2
    assert ends(start(train, str(tmp_path / "killed"), **settings, loop=dict(workers=2))) == [0]
    assert_same_run(tmp_path / "killed", tmp_path / "whole")


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_process_that_is_asked_to_stop_saves_and_says_how_to_go_on(tmp_path, undisturbed, number, code, workers):
    settings = dict(steps=STEPS, loop=dict(log_every=3, save_every=4, workers=workers))
    process = start(train, str(tmp_path / "run"), errors=tmp_path / "said", **settings)
    wait_for_rows(process, tmp_path / "run", 3)
    os.killpg(process.pid, number)
    assert ends(process) == [code]
    said = (tmp_path / "said").read_text()
    assert said.count("\n") == 1 and said.startswith(f"Stopped by {signal.Signals(number).name} after step ")
    assert ends(start(train, str(tmp_path / "run"), **settings)) == [0]
    assert_same_run(tmp_path / "run", undisturbed)


def test_both_processes_stop_when_one_is_asked_to(tmp_path):
    both = start_world(2, train, str(tmp_path / "run"), errors=tmp_path / "said", steps=400, micro_batches=2)
    wait_for_rows(both[0], tmp_path / "run", 3)
    os.kill(both[1].pid, signal.SIGTERM)
    assert ends(*both) == [143, 0]
    assert "the same command goes on from there" in (tmp_path / "said0").read_text()
    assert (tmp_path / "said1").read_text() == ""
