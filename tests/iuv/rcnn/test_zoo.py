"""Detectron2's files and names: what loads, what is refused, and how it is said."""

import pickle

import numpy as np
import pytest
import torch

from meshrec.errors import AssetNotFound, CheckpointMismatch, InvalidInput
from meshrec.iuv.rcnn.detectron2_weights import config_of, read_detectron2_weights, renamed
from meshrec.iuv.rcnn.model import DensePoseRcnn
from meshrec.iuv.rcnn.zoo import ZOO, load_zoo_model, zoo_config
from tests.support.smpl_pickles import hostile_pickles
from tests.support.zoo_files import write_zoo_file, zoo_shapes

MODELS = {
    "densepose_rcnn_R_50_FPN_s1x": zoo_shapes(),
    "densepose_rcnn_R_101_FPN_s1x": zoo_shapes(101),
    "densepose_rcnn_R_50_FPN_DL_s1x": zoo_shapes(head="deeplab"),
    "densepose_rcnn_R_101_FPN_DL_s1x": zoo_shapes(101, "deeplab"),
    "densepose_rcnn_R_50_FPN_s1x_legacy": zoo_shapes(legacy=True),
    "densepose_rcnn_R_101_FPN_s1x_legacy": zoo_shapes(101, legacy=True),
    "densepose_rcnn_R_50_FPN_WC1_s1x": zoo_shapes(confidence="WC1"),
    "densepose_rcnn_R_50_FPN_WC2M_s1x": zoo_shapes(confidence="WC2M"),
    "densepose_rcnn_R_101_FPN_DL_WC1M_s1x": zoo_shapes(101, "deeplab", confidence="WC1M"),
}
PREDICTOR = "roi_heads.densepose_predictor"


def write_pickle(path, content):
    path.write_bytes(pickle.dumps(content, 2))
    return path


def small_file(path, **entries):
    """The zoo's layout with few and small entries."""
    arrays = {name: np.ones(shape, np.float32) for name, shape in entries.items()}
    return write_pickle(path, {"model": arrays, "__author__": "somebody"})


@pytest.mark.parametrize("name", MODELS)
def test_every_weight_of_a_zoo_model_has_its_place_in_ours(name):
    weights = {key: torch.empty(shape, device="meta") for key, shape in MODELS[name].items()}
    got = renamed(weights, name)
    assert config_of(got) == zoo_config(name)
    with torch.device("meta"):
        expected = DensePoseRcnn(zoo_config(name)).state_dict()
    assert {key: value.shape for key, value in got.items()} == {key: value.shape for key, value in expected.items()}


def test_an_unmodified_file_loads_and_its_values_arrive(tmp_path):
    weights = write_zoo_file(tmp_path / "model.pkl", MODELS["densepose_rcnn_R_50_FPN_WC2M_s1x"])
    model = load_zoo_model(tmp_path / "model.pkl", "densepose_rcnn_R_50_FPN_WC2M_s1x")
    assert not model.training
    pairs = {
        "backbone.bottom_up.res3.0.shortcut.norm.running_var": model.backbone.stages[1][0].downsample[1].running_var,
        "backbone.bottom_up.res5.2.conv3.weight": model.backbone.stages[3][2].conv3.weight,
        "backbone.fpn_output4.weight": model.pyramid.layer_blocks[2][0].weight,
        "roi_heads.decoder.p5.4.weight": model.charts.decoder.levels[3][2].weight,
        "roi_heads.densepose_head.body_conv_fcn8.bias": model.charts.head.convs[7][0].bias,
        f"{PREDICTOR}.v_lowres.weight": model.charts.predictor.v.weight,
        f"{PREDICTOR}.fine_segm_confidence_lowres.bias": model.charts.predictor.fine_confidence.bias,
    }
    for name, value in pairs.items():
        assert np.array_equal(value.detach().numpy(), weights[name]), name
    with pytest.raises(CheckpointMismatch, match="holds a model of the form .*WC1M_s1x, but .*legacy was asked for"):
        load_zoo_model(tmp_path / "model.pkl", "densepose_rcnn_R_50_FPN_s1x_legacy")


def test_the_zoo_has_the_names_of_its_configurations_and_only_those():
    assert len(ZOO) == 22 and set(MODELS) <= set(ZOO)
    assert zoo_config("configs/densepose_rcnn_R_101_FPN_DL_s1x.yaml").backbone == "msra_resnet101"
    with pytest.raises(InvalidInput, match="nearest is densepose_rcnn_R_50_FPN_s1x"):
        zoo_config("densepose_R_50_FPN_s1x")
    with pytest.raises(InvalidInput, match="CSE.* not supported yet"):
        zoo_config("densepose_rcnn_R_50_FPN_soft_s1x")
    with pytest.raises(InvalidInput, match="HRNet.* not supported yet"):
        zoo_config("densepose_rcnn_HRFPN_HRNet_w32_s1x")


@pytest.mark.parametrize(
    "entry", [f"{PREDICTOR}.embed_lowres.weight", "roi_heads.embedder.embedder_smpl_27554.features"]
)
def test_models_of_surface_embeddings_are_declined_in_one_sentence(tmp_path, entry):
    path = small_file(tmp_path / "cse.pkl", **{"backbone.fpn_output2.bias": (256,), entry: (2, 2)})
    with pytest.raises(CheckpointMismatch, match=r"cse.pkl .*\(CSE\), which are not supported yet") as refusal:
        load_zoo_model(path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([1, 2, 3], "no table of weights"),
        ({"__author__": "somebody"}, "no table of weights"),
        ({"model": {}}, "no table of weights"),
        ({"blobs": {"conv1_w": np.zeros(3)}}, "Caffe2"),
        ({"model": {"backbone.fpn_output2.bias": "text"}}, "no array of numbers"),
        ({"model": {"backbone.fpn_output2.bias": np.array(["text"])}}, "no array of numbers"),
        ({"model": {"roi_heads.mask_head.weight": np.zeros(3)}}, "'roi_heads.mask_head.weight' that no supported"),
        ({"model": {"backbone.fpn_output2.bias": np.zeros(256)}}, "do not fit this network: .* missing"),
    ],
)
def test_files_that_are_something_else_say_so_in_one_sentence(tmp_path, content, words):
    with pytest.raises(CheckpointMismatch, match=words) as refusal:
        load_zoo_model(write_pickle(tmp_path / "other.pkl", content))
    assert "other.pkl" in str(refusal.value) and "\n" not in str(refusal.value)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_truncated_files_say_that_they_are_damaged(tmp_path, share):
    path = small_file(tmp_path / "model.pkl", **{"backbone.fpn_output2.bias": (256,)})
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(CheckpointMismatch, match="damaged") as refusal:
        load_zoo_model(path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("kind", ["os_system", "eval", "nested", "through_numpy", "by_attribute"])
def test_hostile_files_are_refused_and_run_nothing(tmp_path, kind):
    marker, path = tmp_path / "pwned", tmp_path / "model.pkl"
    path.write_bytes(hostile_pickles(str(marker))[kind])
    with pytest.raises(CheckpointMismatch, match="model.pkl as weights: it asks for .* not loaded"):
        load_zoo_model(path)
    assert not marker.exists()


def test_files_of_a_training_load_like_those_of_the_zoo(tmp_path):
    weights = {"backbone.fpn_output2.bias": torch.arange(256.0), "pixel_mean": torch.zeros(3, 1, 1)}
    torch.save({"model": weights, "optimizer": {"state": {}}, "iteration": 5}, tmp_path / "model_0000005.pth")
    got = read_detectron2_weights(tmp_path / "model_0000005.pth")
    assert list(got) == ["pyramid.layer_blocks.0.0.bias"]
    assert torch.equal(got["pyramid.layer_blocks.0.0.bias"], torch.arange(256.0))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(AssetNotFound, match="nowhere.pkl"):
        load_zoo_model(tmp_path / "nowhere.pkl", "densepose_rcnn_R_50_FPN_s1x")
