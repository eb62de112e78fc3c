"""One door to every kind of weights: what they are decides, and a method that does not fit is refused."""

import numpy as np
import pytest
import torch

from meshrec.assets import asset_path
from meshrec.body import BodyModel
from meshrec.build_hmr import HmrConfig, build_hmr, save_hmr
from meshrec.checkpoint import read_weights, save_weights
from meshrec.errors import AssetNotFound, CheckpointMismatch, InvalidInput
from meshrec.geometry.crops import PERSON_CROP_ENLARGEMENT, WIDE_CROP_ENLARGEMENT
from meshrec.load import load_model
from meshrec.models import DecoMR
from meshrec.models.hmr import Hmr
from tests.support.spin_files import spin_state, write_spin_file


@pytest.fixture(scope="module")
def hmr_weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "hmr.safetensors"
    torch.manual_seed(0)
    config = HmrConfig()
    save_hmr(path, build_hmr(config), config, BodyModel.from_file(), half=True)
    return path


def test_weights_say_which_method_they_are_of(hmr_weights):
    model = load_model(hmr_weights, finder=False)
    assert isinstance(model.net, Hmr) and not model.net.training
    assert isinstance(load_model(finder=False).net, DecoMR)


def test_weights_say_which_crops_they_are_for_and_old_ones_are_for_wide_ones(hmr_weights, tmp_path):
    assert load_model(hmr_weights, finder=False).crop_enlargement == PERSON_CROP_ENLARGEMENT
    metadata, state = read_weights(hmr_weights)
    del metadata["crop_enlargement"]
    save_weights(tmp_path / "old.safetensors", state, metadata)
    assert load_model(tmp_path / "old.safetensors", finder=False).crop_enlargement == WIDE_CROP_ENLARGEMENT


def test_weights_of_the_other_method_are_refused(hmr_weights):
    with pytest.raises(CheckpointMismatch, match="not of DecoMR"):
        load_model(hmr_weights, finder=False, method="decomr")


def test_an_unknown_method_names_the_known_ones():
    with pytest.raises(InvalidInput, match="decomr, hmr"):
        load_model(method="vibe")


def test_files_that_are_no_weights_are_not_taken_for_spins(tmp_path):
    for other in (tmp_path, tmp_path / "photo.jpg"):
        with pytest.raises(InvalidInput, match="neither a file of ours"):
            load_model(other, finder=False)
    with pytest.raises(AssetNotFound, match="no weights file"):
        load_model(tmp_path / "nowhere.pth", finder=False)


def test_an_official_spin_checkpoint_reconstructs_with_the_body_that_the_user_brings(tmp_path):
    checkpoint = write_spin_file(tmp_path / "model_checkpoint.pt", spin_state())
    with pytest.raises(InvalidInput, match="needs SMPL's file"):
        load_model(checkpoint, finder=False)
    with pytest.raises(InvalidInput, match="no file of ours"):
        load_model(checkpoint, finder=False, method="decomr")
    model = load_model(checkpoint, body=asset_path("body/meshrec_body.npz"), finder=False, method="hmr")
    assert model.input_size == 224 and model.crop_enlargement == WIDE_CROP_ENLARGEMENT
    bodies = model.bodies(torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0)))
    assert bodies.vertices.shape == (1, model.body.vertex_count, 3) and bool(bodies.vertices.isfinite().all())


def test_spin_with_a_body_of_other_joints_is_refused_when_it_is_loaded(tmp_path):
    checkpoint = write_spin_file(tmp_path / "model_checkpoint.pt", spin_state())
    with np.load(asset_path("body/meshrec_body.npz")) as ours:
        parts = {name: ours[name] for name in ("v_template", "shapedirs", "f")}
        one_hand = np.concatenate([ours["weights"][:, :22], ours["weights"][:, 22:].sum(1, keepdims=True)], axis=1)
        parts |= {"weights": one_hand, "J_regressor": ours["J_regressor"][:23]}
        parts |= {"posedirs": ours["posedirs"][..., :198], "kintree_table": ours["kintree_table"][:, :23]}
    np.savez(tmp_path / "handless.npz", **parts)
    with pytest.raises(InvalidInput, match="handless.npz has 23 and 10"):
        load_model(checkpoint, body=tmp_path / "handless.npz", finder=False)
