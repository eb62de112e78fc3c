"""The training command as a user runs it, on the seconds-long twins of the shipped configurations."""

import csv
from pathlib import Path

import pytest

from meshrec.build import load_model
from meshrec.checkpoint import read_weights
from meshrec.engine.tasks import DecoMRTask
from meshrec.errors import InvalidInput
from meshrec.training import run_training

SMOKE = Path(__file__).parents[1] / "configs" / "smoke"
STAGES = {"decomr_light": ("perception", "lifting", "joint"), "decomr": ("correspondence", "end")}


@pytest.fixture(autouse=True)
def few_examples(monkeypatch):
    monkeypatch.setattr("meshrec.training.BASIS_EXAMPLES", 200)  # the command's thousands take many seconds


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_runs_and_leaves_weights_logs_and_pictures(tmp_path, name):
    written = run_training(SMOKE / f"{name}.yaml", folder=tmp_path)
    assert [path.stem for path in written] == [*STAGES[name], "weights"]
    assert (tmp_path / "config.yaml").exists() and list(tmp_path.glob("*.png"))
    for stage in STAGES[name]:
        with open(tmp_path / f"{stage}.csv") as file:
            assert all(float(value) == float(value) for row in csv.DictReader(file) for value in row.values() if value)


def test_a_finished_stage_is_not_trained_again(tmp_path):
    words = ["stages.0.steps=1", "stages.1.steps=1", "stages.2.steps=1"]
    first = run_training(SMOKE / "decomr_light.yaml", words, tmp_path, only="lifting")
    assert [path.stem for path in first] == ["lifting", "weights"]
    assert run_training(SMOKE / "decomr_light.yaml", words, tmp_path, only="lifting") == []


def test_a_stage_can_start_from_the_weights_of_another_run(tmp_path):
    words = ["stages.0.steps=1", "stages.1.steps=1", "stages.2.steps=1"]
    lifting, _ = run_training(SMOKE / "decomr_light.yaml", words, tmp_path / "a", only="lifting")
    joint, shared = run_training(
        SMOKE / "decomr_light.yaml", words, tmp_path / "b", only="joint", starts=[f"location_net={lifting}"]
    )
    assert joint.exists() and shared.stat().st_size < 0.6 * joint.stat().st_size
    assert load_model(shared).input_size == 128


def test_the_basis_is_started_once_though_earlier_stages_left_a_checkpoint(tmp_path, monkeypatch):
    words = ["stages.0.steps=1", "stages.1.steps=1", "stages.2.steps=1"]
    run_training(SMOKE / "decomr_light.yaml", words, tmp_path, only="perception")
    assert (tmp_path / "latest.pt").exists()
    run_training(SMOKE / "decomr_light.yaml", words, tmp_path, only="lifting")
    before, after = (
        read_weights(tmp_path / f"{stage}.safetensors")[1]["location_net.map_basis.mean"]
        for stage in ("perception", "lifting")
    )
    assert (before - after).abs().max() > 1e-3

    def start_again(*arguments):
        raise AssertionError("a resumed stage must keep its basis")

    (tmp_path / "lifting.safetensors").unlink()  # as if the run had been killed before it was written
    monkeypatch.setattr(DecoMRTask, "start_basis", start_again)
    run_training(SMOKE / "decomr_light.yaml", words, tmp_path, only="lifting")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (dict(only="nothing"), "There is no stage"),
        (dict(starts=["legs=file"]), "write NET=FILE"),
        (dict(overrides=["stages.0.losses={wrong: 1.0}"]), "no loss 'wrong'"),
    ],
)
def test_mistakes_are_explained(tmp_path, arguments, expected):
    with pytest.raises(InvalidInput, match=expected):
        run_training(SMOKE / "decomr_light.yaml", folder=tmp_path, **arguments)
