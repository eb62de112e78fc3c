"""The harness: what is done is not done again, what fails is passed over, and the smoke plan really runs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from meshrec.ablation import job, run_ablation
from meshrec.assets import write_json
from meshrec.errors import AssetNotFound, InvalidInput, MeshrecError, Stopped

SMOKE = Path(__file__).parents[2] / "configs" / "ablations" / "smoke.yaml"


@pytest.fixture
def work(monkeypatch):
    """Stands for training and evaluation; records who was trained and measured."""
    done = []

    def train(config, folder, starts):
        done.append(("train", folder.parent.name, config.seed))
        (folder / "latest.pt").write_text("")
        (folder / "weights.safetensors").write_text("")

    def evaluate(training, overrides, options):
        assert options.fast, "a fit would hide what the nets differ in"
        folder = Path(options.json).parent
        done.append(("measure", folder.parent.name, int(folder.name.removeprefix("seed"))))
        value = 10.0 * int(folder.name[-1]) + (folder.parent.name != "baseline")
        write_json({"synthetic": {"figures": {"model": {"pve_mm": value}}}}, options.json)

    monkeypatch.setattr(job, "train_stages", train)
    monkeypatch.setattr(job, "run_evaluation", evaluate)
    return done


RUNS = [("baseline", 1), ("no_facing_loss", 1), ("baseline", 2), ("no_facing_loss", 2)]


def test_every_run_is_trained_and_measured_once(tmp_path, work):
    outcome = run_ablation(SMOKE, folder=tmp_path)
    assert work == [(what, *run) for run in RUNS for what in ("train", "measure")]
    assert "| no_facing_loss | — | — | 1.000 ± 0.000 |" in outcome.table and outcome.failures == {}
    work.clear()
    assert run_ablation(SMOKE, folder=tmp_path).table == outcome.table and work == []
    run_ablation(SMOKE, ["seeds=[1,2,3]"], tmp_path)
    assert [run for run in work if run[0] == "train"] == [("train", "baseline", 3), ("train", "no_facing_loss", 3)]
    assert not list(tmp_path.rglob("latest.pt")), "checkpoints of finished runs only fill the disk"


def test_another_test_measures_again_without_training(tmp_path, work):
    run_ablation(SMOKE, folder=tmp_path)
    work.clear()
    run_ablation(SMOKE, ["test.people=3"], tmp_path)
    assert work == [("measure", *run) for run in RUNS]


def test_runs_of_other_settings_are_not_mixed_in(tmp_path, work):
    run_ablation(SMOKE, folder=tmp_path)
    with pytest.raises(InvalidInput, match="seed1 holds a run of other settings"):
        run_ablation(SMOKE, ["budget.steps=3"], tmp_path)


def test_weights_to_start_from_must_be_there_and_stay_the_same(tmp_path, work):
    start = tmp_path / "start.safetensors"
    words = [f"variants.1.start_from=[all={start}]", "seeds=[1]"]
    with pytest.raises(AssetNotFound, match="no file of weights to start from: 'all="):
        run_ablation(SMOKE, words, tmp_path / "runs")
    start.write_text("first")
    run_ablation(SMOKE, words, tmp_path / "runs")
    assert ("train", "no_facing_loss", 1) in work
    start.write_text("second")
    with pytest.raises(InvalidInput, match="other settings .see its start_from.json"):
        run_ablation(SMOKE, words, tmp_path / "runs")


def test_a_run_that_another_process_has_in_hand_is_left_to_it(tmp_path, work):
    """The other one is real; when it is killed, its run is free again."""
    pytest.importorskip("fcntl", reason="Windows has no such locks; one process does all the work there")
    folder = tmp_path / "baseline" / "seed1"
    folder.mkdir(parents=True)
    hold = (
        "import fcntl, sys; file = open(sys.argv[1], 'w'); fcntl.flock(file, fcntl.LOCK_EX); print('mine', flush=True)"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", f"{hold}; input()", str(folder / "lock")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert other.stdout.readline() == "mine\n"
        outcome = run_ablation(SMOKE, folder=tmp_path)
        assert {run[1:] for run in work} == set(RUNS) - {("baseline", 1)}
        assert "Not finished: baseline, seed 1." in outcome.table and outcome.failures == {}
    finally:
        other.kill()
        other.wait()
    assert "Not finished" not in run_ablation(SMOKE, folder=tmp_path).table
    assert work[-2:] == [("train", "baseline", 1), ("measure", "baseline", 1)]


def test_a_failing_variant_is_passed_over_and_tried_again(tmp_path, work, monkeypatch):
    train = job.train_stages

    def fail(config, folder, starts):
        if folder.parent.name == "no_facing_loss" and config.seed == 1:
            raise MeshrecError("The loss is nan.")
        if folder.parent.name == "baseline" and config.seed == 2:
            raise RuntimeError("out of memory")
        train(config, folder, starts)

    monkeypatch.setattr(job, "train_stages", fail)
    outcome = run_ablation(SMOKE, folder=tmp_path)
    assert outcome.failures == {"no_facing_loss, seed 1": "The loss is nan.", "baseline, seed 2": "out of memory"}
    assert "Failed: no_facing_loss, seed 1: The loss is nan." in outcome.table
    assert json.loads((tmp_path / "table.json").read_text())["failures"] == outcome.failures
    monkeypatch.setattr(job, "train_stages", train)
    assert run_ablation(SMOKE, folder=tmp_path).failures == {}


def test_an_asked_for_stop_ends_the_whole(tmp_path, work, monkeypatch):
    def stop(config, folder, starts):
        raise Stopped("Stopped by SIGINT.", 130)

    monkeypatch.setattr(job, "train_stages", stop)
    with pytest.raises(Stopped):
        run_ablation(SMOKE, folder=tmp_path)


def test_it_runs_in_one_process(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InvalidInput, match="without torchrun"):
        run_ablation(SMOKE, folder=tmp_path)


def test_the_smoke_plan_really_runs(tmp_path):
    outcome = run_ablation(SMOKE, ["seeds=[1]"], tmp_path)
    assert outcome.failures == {}
    results = json.loads((tmp_path / "table.json").read_text())["results"]
    assert [row["variant"] for row in results] == ["baseline", "no_facing_loss"]
    assert all(row["means"]["synthetic/pve_mm"]["mean"] > 0 for row in results)
    assert results[1]["differences"]["synthetic/pve_mm"]["mean"] != 0
    columns = [(tmp_path / name / "seed1" / "perception.csv").read_text().split("\n")[0] for name in
               ("baseline", "no_facing_loss")]  # fmt: skip
    assert "facing" in columns[0] and "facing" not in columns[1]


def test_the_chart_is_drawn(tmp_path, work):
    pytest.importorskip("matplotlib", reason="matplotlib draws the chart (extra train)")
    run_ablation(SMOKE, folder=tmp_path)
    assert (tmp_path / "chart.png").stat().st_size > 1000
