"""The training of an HMR as a user runs it: with fits inside the loop, killed and resumed, measured afterwards."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from meshrec.build_hmr import HmrConfig, HmrTrainConfig, load_hmr
from meshrec.checkpoint import read_weights, save_weights
from meshrec.config import load_config
from meshrec.engine.fits_in_the_loop import FitsInTheLoop
from meshrec.errors import InvalidInput
from meshrec.evaluation import EvaluationOptions, run_evaluation
from meshrec.models.hmr_variants import spin_hmr
from meshrec.structures import LSP14
from meshrec.training import run_training
from meshrec.training.hmr import BodyRegression
from tests.support.spin_files import spin_state, write_spin_file
from tests.test_training import SMOKE


class Killed(Exception):
    """Stands for the process ending in the middle of a step."""


@pytest.fixture
def pack(tmp_path):
    """Two photographs of nobody, with the joints of somebody who stands upright."""
    folder = tmp_path / "pack"
    folder.mkdir()
    across = {"shoulder": 10, "elbow": 14, "wrist": 15, "hip": 6, "knee": 6, "ankle": 6}
    down = {"shoulder": 30, "elbow": 45, "wrist": 58, "hip": 60, "knee": 82, "ankle": 104, "neck": 26, "head_top": 8}
    joints = []
    for name in LSP14.names:
        side, _, part = name.partition("_") if name.startswith(("left", "right")) else ("", "", name)
        joints.append([50 + {"left": 1, "right": -1, "": 0}[side] * across.get(part, 0), down[part], 2])
    images = []
    for number in range(2):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((120, 100, 3), 90 + 40 * number, np.uint8))
        images.append({"image": f"{number}.png", "people": [{"bbox": [30, 5, 40, 105], "keypoints": joints}]})
    (folder / "index.json").write_text(json.dumps({"keypoint_names": list(LSP14.names), "images": images}))
    return folder


def words(pack):
    stage = (
        "{name: regressor, nets: [regressor], steps: 3, batch: 4, size: 64, photo_share: 0.5, losses: {rotations: 1.0}}"
    )
    return [f"data.photos=[{{folder: {pack}}}]", f"stages=[{stage}]", "fits={every: 1, iterations: 3, most_error: 1.0}",
            "loop.save_every=1"]  # fmt: skip


def memory(folder):
    return torch.load(folder / "latest.pt", weights_only=True)["memory"]


def test_a_run_that_fits_its_photographs_resumes_to_the_same_weights_and_fits(tmp_path, pack, monkeypatch):
    run_training(SMOKE / "hmr_light.yaml", words(pack), tmp_path / "whole")
    assert memory(tmp_path / "whole")["known"].any() and memory(tmp_path / "whole")["steps"] == 3

    teach = FitsInTheLoop.teach

    def die(loop, batch, believed):
        if loop.steps == 2:
            raise Killed
        return teach(loop, batch, believed)

    monkeypatch.setattr(FitsInTheLoop, "teach", die)
    with pytest.raises(Killed):
        run_training(SMOKE / "hmr_light.yaml", words(pack), tmp_path / "killed")
    monkeypatch.setattr(FitsInTheLoop, "teach", teach)
    run_training(SMOKE / "hmr_light.yaml", words(pack), tmp_path / "killed")
    for name, value in memory(tmp_path / "whole").items():
        assert torch.equal(torch.as_tensor(memory(tmp_path / "killed")[name]), torch.as_tensor(value)), name
    whole, killed = (read_weights(tmp_path / run / "regressor.safetensors")[1] for run in ("whole", "killed"))
    assert all(torch.equal(killed[name], value) for name, value in whole.items())

    weights = str(tmp_path / "whole" / "weights.safetensors")
    table = run_evaluation(SMOKE / "hmr_light.yaml", [], EvaluationOptions(weights=weights, people=2))
    assert "mean_pose" in table and "pve_mm" in table
    assert load_hmr(weights, finder=False).input_size == 160


def test_nets_start_from_their_own_weights_and_from_backbones_of_others(tmp_path):
    overrides = ["model.form=spin", "model.discriminator=false", "stages=[]"]
    config = load_config(HmrTrainConfig, SMOKE / "hmr.yaml", overrides)
    torch.manual_seed(1)
    course, other = BodyRegression(config), spin_hmr()
    paper = {
        f"correspondence_net.{name}": value
        for name, value in other.state_dict().items()
        if name.startswith("backbone.")
    }
    paper["correspondence_net.backbone.resnet.fc.weight"] = torch.zeros(2)
    save_weights(tmp_path / "decomr.safetensors", paper, {})
    first, regressor = "resnet.conv1.weight", course.net.regressor.fc1.weight.clone()
    course.start_from(f"backbone={tmp_path / 'decomr.safetensors'}")
    assert torch.equal(course.net.backbone.state_dict()[first], other.backbone.state_dict()[first])
    assert torch.equal(course.net.regressor.fc1.weight, regressor)
    course.save(tmp_path / "own.safetensors")
    again = BodyRegression(replace(config, model=HmrConfig("spin", 224, discriminator=True)))
    again.start_from(f"all={tmp_path / 'own.safetensors'}")
    assert torch.equal(again.net.regressor.fc1.weight, regressor), "though the file holds no discriminator"
    official = {name: value for name, value in spin_state().items() if not name.endswith("num_batches_tracked")}
    again.start_from(f"all={write_spin_file(tmp_path / 'model_checkpoint.pth', official)}")
    assert torch.equal(again.net.regressor.fc1.weight, official["fc1.weight"])
    with pytest.raises(InvalidInput, match="NET one of backbone, reader, regressor, discriminator, all"):
        course.start_from("legs=file")


@pytest.mark.parametrize(
    "nets, reason", [("[regressor, discriminator]", "has no discriminator"), ("[reader]", "nothing in it that learns")]
)
def test_a_stage_of_nets_that_are_not_there_is_refused_before_it_begins(nets, reason):
    config = load_config(HmrTrainConfig, SMOKE / "hmr_light.yaml", [f"stages.0.nets={nets}"])
    with pytest.raises(InvalidInput, match=f"regressor.* {reason}"):
        BodyRegression(config)


def test_spins_regressor_does_not_start_one_with_relus():
    course = BodyRegression(load_config(HmrTrainConfig, SMOKE / "hmr.yaml", ["stages=[]"]))
    for part in ("all", "regressor"):
        with pytest.raises(InvalidInput, match="set model.form=spin"):
            course.start_from(f"{part}=model_checkpoint.pt")


def test_a_shared_backbone_cannot_be_asked_to_learn():
    config = load_config(HmrTrainConfig, SMOKE / "hmr_light.yaml", ["stages.0.nets=[backbone, regressor]"])
    with pytest.raises(InvalidInput, match="shares its backbone, which cannot learn"):
        BodyRegression(config)
