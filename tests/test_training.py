"""The training command as a user runs it, on the seconds-long twins of the shipped configurations."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from meshrec.assets import asset_path
from meshrec.build import DEFAULT_WEIGHTS, TrainConfig, load_decomr
from meshrec.build_detector import DetectorTrainConfig
from meshrec.checkpoint import read_weights
from meshrec.config import load_config
from meshrec.engine.tasks import DecoMRTask
from meshrec.errors import InvalidInput
from meshrec.iuv.rcnn_files import load_rcnn
from meshrec.iuv.results import DENSEPOSE_CHARTS
from meshrec.training import run_training
from meshrec.training.detection import Detection
from meshrec.training.reconstruction import Reconstruction

REPOSITORY = Path(__file__).parents[1]
SMOKE = REPOSITORY / "configs" / "smoke"
STAGES = {"decomr_light": ("perception", "lifting", "joint"), "decomr": ("correspondence", "end"),
          "densepose_rcnn_light": ("small", "large"), "densepose_rcnn": ("s1x",),
          "hmr_light": ("regressor",), "hmr": ("spin",)}  # fmt: skip


@pytest.fixture(autouse=True)
def few_examples(monkeypatch):
    monkeypatch.setattr(
        "meshrec.training.reconstruction.BASIS_EXAMPLES", 200
    )  # the command's thousands take many seconds


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
    assert load_decomr(shared, finder=False).input_size == 128


def test_a_location_net_that_begins_with_pictures_gets_its_basis_too(tmp_path):
    """Of bodies that are drawn without pictures, whatever the stage itself learns from."""
    stage = "{name: lifting, nets: [location_net], steps: 1, batch: 2, size: 32, losses: {vertices: 1.0}}"
    run_training(SMOKE / "decomr_light.yaml", [f"stages=[{stage}]"], tmp_path)
    run_training(SMOKE / "decomr_light.yaml", ["stages.1.steps=1"], tmp_path / "b", only="lifting")
    ours, rendered = (read_weights(folder / "lifting.safetensors")[1] for folder in (tmp_path, tmp_path / "b"))
    torch.testing.assert_close(*(state["location_net.map_basis.mean"] for state in (ours, rendered)))
    largest = [state["location_net.map_basis.components"][0].norm() for state in (ours, rendered)]
    torch.testing.assert_close(*largest, rtol=0.01, atol=0)


def test_a_detector_starts_from_the_backbone_of_a_correspondence_net_or_from_its_own_weights(tmp_path):
    course = Detection(load_config(DetectorTrainConfig, SMOKE / "densepose_rcnn_light.yaml"))
    weights = asset_path(DEFAULT_WEIGHTS)
    before = {name: value.clone() for name, value in course.net.state_dict().items()}
    course.start_from(f"backbone={weights}")
    first = "net.conv1.weight"
    assert torch.equal(course.net.backbone.state_dict()[first],
                       read_weights(weights)[1][f"correspondence_net.backbone.{first}"].float())  # fmt: skip
    assert torch.equal(course.net.state_dict()["box_head.logits.weight"], before["box_head.logits.weight"])
    course.save(tmp_path / "saved.safetensors", half=True)
    again = Detection(course.config)
    again.start_from(f"all={tmp_path / 'saved.safetensors'}")
    assert torch.equal(again.net.backbone.state_dict()[first], course.net.backbone.state_dict()[first])
    found = load_rcnn(tmp_path / "saved.safetensors")
    assert found.charts == course.surface.charts.hash and found.model.config == course.config.model
    with pytest.raises(InvalidInput, match="NET one of backbone, pyramid, regions_head, box_head, charts, all"):
        course.start_from("legs=file")


def test_a_detector_starts_from_a_checkpoint_of_detectron2(tmp_path, monkeypatch):
    course = Detection(load_config(DetectorTrainConfig, SMOKE / "densepose_rcnn_light.yaml"))
    theirs = {name: torch.full_like(value, 0.25) for name, value in course.net.state_dict().items()}
    read = {tmp_path / "model_final.pkl": theirs}
    monkeypatch.setattr("meshrec.training.detection.read_detectron2_weights", read.get)
    course.start_from(f"box_head={tmp_path / 'model_final.pkl'}")
    assert bool((course.net.box_head.logits.weight == 0.25).all())
    assert not bool((course.net.regions_head.conv.weight == 0.25).any())


def test_a_detector_that_learns_from_annotators_points_speaks_of_denseposes_charts(tmp_path):
    file = {"file": "densepose_coco_2014_train.json", "images": "train2014"}
    course = Detection(load_config(DetectorTrainConfig, SMOKE / "densepose_rcnn_light.yaml",
                                   [f"data.photos.densepose=[{file}]"]))  # fmt: skip
    course.save(tmp_path / "saved.safetensors")
    assert load_rcnn(tmp_path / "saved.safetensors").charts == DENSEPOSE_CHARTS


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


class ScriptedWorld:
    """A first process that notes what it gives to the others, or, given such notes, one of those others."""

    def __init__(self, answers=None):
        self.is_first, self.answers = answers is None, [] if answers is None else list(answers)

    def from_first(self, make):
        if not self.is_first:
            return self.answers.pop(0)
        self.answers.append(make())
        return self.answers[-1]


def test_processes_that_have_not_read_the_starting_weights_ask_the_first_one_for_the_same_things(tmp_path):
    config = load_config(TrainConfig, SMOKE / "decomr_light.yaml")
    stage, device = config.stages[1], torch.device("cpu")
    first, other = Reconstruction(config), Reconstruction(config)
    first.start_from(f"location_net={asset_path(DEFAULT_WEIGHTS)}")
    world = ScriptedWorld()
    first.prepare(stage, device, tmp_path, world)
    followed = ScriptedWorld(world.answers)
    before = other.net.location_net.map_basis.components.clone()
    other.prepare(stage, device, tmp_path, followed)
    assert followed.answers == [] and torch.equal(other.net.location_net.map_basis.components, before)


def start_tool(folder, *launcher):
    """``tools/train.py`` on the first stage of the smoke configuration, with a checkpoint at every step."""
    command = [*launcher, "tools/train.py", "configs/smoke/decomr_light.yaml", "--only", "perception"]
    words = ["stages.0.steps=6", "loop.save_every=1", "--folder", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, *command, *words], cwd=REPOSITORY, env=environment, text=True,
                            stderr=subprocess.PIPE)  # fmt: skip


def test_a_run_killed_alone_and_resumed_by_two_processes_ends_like_an_undisturbed_one(tmp_path):
    """One process from start to end, beside: one, killed by SIGKILL, then two that torchrun starts."""
    undisturbed, killed = start_tool(tmp_path / "whole"), start_tool(tmp_path / "killed")
    while not (tmp_path / "killed" / "previous.pt").exists():  # in the middle of the third step, or near it
        assert killed.poll() is None, killed.stderr.read()
        time.sleep(0.01)
    killed.kill()
    assert killed.wait() == -signal.SIGKILL and not (tmp_path / "killed" / "perception.safetensors").exists()
    killed.stderr.close()
    resumed = start_tool(tmp_path / "killed", "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    for process in (undisturbed, resumed):
        said = process.communicate()[1]
        assert process.returncode == 0, said[-2000:]
    for name in ("perception.safetensors", "weights.safetensors"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
