"""Checkpoints: damaged ones are passed over, and a full disk leaves the good ones."""

import resource
import shutil

import pytest
import torch

from meshrec.engine.checkpoints import Checkpoints
from meshrec.errors import CheckpointMismatch, MeshrecError
from tests.support.processes import ends, start, train
from tests.support.toy_training import train_toy


def state(step, stage="first"):
    return {"stage": stage, "step": step, "weights": torch.arange(1000.0)}


def saved_twice(folder):
    checkpoints = Checkpoints(folder)
    checkpoints.save(state(2))
    checkpoints.save(state(4))
    return checkpoints


def test_the_last_two_are_kept(tmp_path):
    checkpoints = saved_twice(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest.pt", "previous.pt"]
    assert checkpoints.load("first")["step"] == 4 and checkpoints.load("second") is None
    assert Checkpoints(tmp_path / "empty").load("first") is None


def cut(path):
    path.write_bytes(path.read_bytes()[:-300])


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [cut, flip_a_bit, empty])
def test_a_damaged_latest_checkpoint_falls_back_to_the_previous(tmp_path, damage):
    checkpoints = saved_twice(tmp_path)
    damage(checkpoints.latest)
    again = Checkpoints(tmp_path)
    assert again.load("first")["step"] == 2 and "previous.pt (stage first, step 2)" in again.newest
    damage(checkpoints.previous)
    with pytest.raises(CheckpointMismatch, match="cannot be read, they are damaged; delete them"):
        again.load("first")


def test_a_run_whose_latest_checkpoint_is_damaged_ends_as_if_it_were_not(tmp_path):
    whole = train_toy(tmp_path / "whole")
    train_toy(tmp_path / "damaged", steps=6)
    cut(tmp_path / "damaged" / "latest.pt")
    again = train_toy(tmp_path / "damaged")
    assert torch.equal(again.correspondence_net[0].weight, whole.correspondence_net[0].weight)


def limited(folder, *, file_bytes, **options):
    """The toy training with files that cannot grow beyond a size: writing fails in the middle, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    train(folder, **options)


def test_a_checkpoint_that_does_not_fit_ends_with_one_sentence_and_the_last_good_one(tmp_path):
    run, errors = tmp_path / "run", tmp_path / "errors"
    assert ends(start(train, run, steps=2, schedule="constant")) == [0]
    size = (run / "latest.pt").stat().st_size
    settings = dict(steps=6, schedule="constant")  # the cosine would depend on the number of steps
    assert ends(start(limited, run, file_bytes=size // 2, errors=errors, **settings)) == [2]
    said = errors.read_text()
    assert said.count("\n") == 1 and "File too large" in said and "latest.pt (stage first, step 2)" in said
    assert not (run / "latest.pt.partial").exists() and Checkpoints(run).load("first")["step"] == 2

    assert ends(start(train, run, **settings)) == [0]  # room was made
    assert ends(start(train, tmp_path / "whole", **settings)) == [0]
    again, whole = (Checkpoints(folder).load("first") for folder in (run, tmp_path / "whole"))
    assert all(torch.equal(again["model"][name], value) for name, value in whole["model"].items())


def test_a_log_that_does_not_fit_ends_the_same_way(tmp_path):
    run, errors = tmp_path / "run", tmp_path / "errors"
    # The checkpoints of this net take about 20 kB, its log is longer than that after some 200 rows.
    assert ends(start(limited, run, file_bytes=26_000, steps=2000, loop=dict(save_every=100), errors=errors)) == [2]
    said = errors.read_text()
    assert said.count("\n") == 1 and "Traceback" not in said
    assert f"The run folder {run} cannot be written: File too large" in said and "latest.pt (stage first, step" in said
    whole_rows = (run / "first.csv").read_bytes()
    assert len(whole_rows) <= 26_000 and Checkpoints(run).load("first")["step"] >= 100
    assert ends(start(train, run, steps=310, loop=dict(save_every=100))) == [0]


def test_a_folder_that_cannot_be_written_is_explained(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MeshrecError, match="cannot be written"):
        train_toy(tmp_path / "file" / "run")
    shutil.rmtree(tmp_path)
