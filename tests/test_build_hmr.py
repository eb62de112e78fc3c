"""HMRs from configurations and files: what is kept where, what fits together, and whom the training numbers."""

import json

import cv2
import numpy as np
import pytest
import torch

from meshrec.assets import asset_path
from meshrec.build import (
    DEFAULT_WEIGHTS,
    DataConfig,
    ModelConfig,
    PhotoPackConfig,
    Surface,
    build_net,
    weights_metadata,
)
from meshrec.build_hmr import (
    DEFAULT_HMR_WEIGHTS,
    NET,
    HmrConfig,
    backbone_hash,
    build_hmr,
    build_hmr_source,
    fill_hmr,
    load_hmr,
    save_hmr,
)
from meshrec.checkpoint import read_metadata, read_weights, save_weights
from meshrec.data.annotations import Annotations
from meshrec.data.image_dataset import DatasetConfig
from meshrec.data.npz_format import write_annotations
from meshrec.engine.stages import HmrStage
from meshrec.errors import CheckpointMismatch
from meshrec.models.body_discriminator import BodyDiscriminator
from meshrec.models.hmr_in_training import HmrInTraining

LIGHT = HmrConfig("light", 128)


@pytest.fixture(scope="module")
def surface():
    return Surface.load()


@pytest.fixture
def light(tmp_path, surface):
    """A light net of random weights with a discriminator, kept whole in full precision, and without it in half."""
    torch.manual_seed(1)
    net = HmrInTraining(build_hmr(LIGHT), BodyDiscriminator())
    save_hmr(tmp_path / "whole.safetensors", net, LIGHT, surface.body)
    save_hmr(tmp_path / "half.safetensors", net, LIGHT, surface.body, half=True, whole=False)
    return net, tmp_path


def test_a_light_net_has_the_shipped_backbone_and_its_file_names_but_does_not_hold_it(light):
    net, folder = light
    first = "correspondence_net.backbone.net.conv1.weight"
    assert torch.equal(net.backbone.state_dict()[first], read_weights(asset_path(DEFAULT_WEIGHTS))[1][first].float())
    metadata, state = read_weights(folder / "half.safetensors")
    assert {name.split(".")[0] for name in state} == {"regressor"}
    assert metadata["backbone_hash"] == backbone_hash(net) and metadata["net"] == NET
    assert (folder / "half.safetensors").stat().st_size < 3 * 2**20
    assert {name.split(".")[0] for name in read_weights(folder / "whole.safetensors")[1]} > {"discriminator"}


def test_a_loaded_net_predicts_like_the_saved_one_and_gives_parameters(light):
    net, folder = light
    model = load_hmr(folder / "half.safetensors", finder=False, fast=True)
    images = torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        found, expected = model.bodies(images), net.eval()(images).bodies(model.body)
    assert (found.vertices - expected.vertices).abs().max() < 5e-3, "half precision moves vertices by millimetres"
    assert found.params.body_pose.shape == (2, 23, 3, 3) and not model.reads_iuv
    assert torch.equal(model.body(found.params).vertices, found.vertices)
    again = load_hmr(folder / "whole.safetensors", finder=False, fast=True)
    assert torch.equal(again.bodies(images).vertices, expected.vertices)


def test_the_shipped_weights_belong_to_the_shipped_body_and_decomr():
    model = load_hmr(finder=False)
    with torch.no_grad():
        params = model.bodies(torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(1))).params
    assert bool(params.body_pose.isfinite().all()) and model.input_size == 160
    assert asset_path(DEFAULT_HMR_WEIGHTS).stat().st_size < 3 * 2**20


def test_weights_of_another_body_backbone_form_or_net_are_refused(light, surface):
    net, folder = light
    other = build_hmr(LIGHT)
    torch.nn.init.zeros_(other.backbone.body_encoder.from_code.weight)
    with pytest.raises(CheckpointMismatch, match="belongs to another backbone: the file has backbone_hash"):
        fill_hmr(folder / "half.safetensors", other, LIGHT, surface.body.hash)
    with pytest.raises(CheckpointMismatch, match="belongs to another body"):
        fill_hmr(folder / "half.safetensors", net, LIGHT, "0" * 16)
    with pytest.raises(CheckpointMismatch, match="belongs to another form"):
        fill_hmr(folder / "half.safetensors", net, HmrConfig("spin"), surface.body.hash)
    save_weights(folder / "other.safetensors", {"x": torch.zeros(1)}, {"form": "light", "map_resolution": "128"})
    with pytest.raises(CheckpointMismatch, match="not of an HMR"):
        load_hmr(folder / "other.safetensors", finder=False)
    with pytest.raises(CheckpointMismatch, match="holds no light DecoMR"):
        build_hmr(LIGHT, folder / "other.safetensors")


def test_a_light_net_may_share_the_correspondence_net_alone(tmp_path, surface):
    """Then it keeps and learns an encoder of its own, which starts from nothing."""
    config = HmrConfig("light", 64, own_encoder=True)
    torch.manual_seed(1)
    net = build_hmr(config)
    shipped = read_weights(asset_path(DEFAULT_WEIGHTS))[1]
    first = "backbone.net.conv1.weight"
    assert torch.equal(net.backbone.state_dict()[first], shipped[f"correspondence_net.{first}"].float())
    encoder = "body_encoder.from_iuv.weight"
    assert not torch.equal(net.reader.state_dict()[encoder], shipped[f"location_net.{encoder}"].float())
    net.train()(torch.rand(2, 3, 64, 64)).camera.scale.sum().backward()
    learning = {name.split(".")[0] for name, value in net.named_parameters() if value.grad is not None}
    assert learning == {"reader", "regressor"} and not net.backbone.training
    save_hmr(tmp_path / "own.safetensors", net, config, surface.body)
    assert {name.split(".")[0] for name in read_weights(tmp_path / "own.safetensors")[1]} == {"reader", "regressor"}
    model, images = load_hmr(tmp_path / "own.safetensors", finder=False), torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(model.net(images).params.body_pose, net.eval()(images).params.body_pose)
    with pytest.raises(ValueError, match="own_encoder belongs to the form 'light'"):
        HmrConfig("spin", own_encoder=True)


def test_a_shared_correspondence_net_may_be_one_that_reads_a_finders_correspondence(tmp_path, surface):
    theirs = ModelConfig("light", iuv_input=True)
    save_weights(tmp_path / "told.safetensors", build_net(theirs, surface), weights_metadata(theirs, surface))
    for config in (LIGHT, HmrConfig("light", own_encoder=True)):
        net = build_hmr(config, tmp_path / "told.safetensors").eval()
        assert net(torch.rand(1, 3, 64, 64)).params.betas.shape == (1, 10)


def test_published_forms_hold_their_own_backbone(tmp_path, surface):
    config = HmrConfig("spin", 224)
    net = build_hmr(config)
    save_hmr(tmp_path / "spin.safetensors", net, config, surface.body, half=True, whole=False)
    assert "backbone_hash" not in read_metadata(tmp_path / "spin.safetensors")
    assert any(name.startswith("backbone.") for name in read_weights(tmp_path / "spin.safetensors")[1])
    with pytest.raises(ValueError, match="form must be one of"):
        HmrConfig("heavy")


def test_people_of_all_photographs_are_numbered_through_and_their_fits_start_the_loop(tmp_path, surface):
    """A pack of one person, then a file of two with a good fit of the second, which is no truth."""
    cv2.imwrite(str(tmp_path / "one.png"), np.full((40, 60, 3), 99, np.uint8))
    entry = {"image": "one.png", "people": [{"bbox": [5, 5, 20, 30], "iscrowd": 0}]}
    (tmp_path / "index.json").write_text(json.dumps({"keypoint_names": [], "images": [entry]}))
    people = Annotations.of(
        ["one.png"] * 2, [[5, 5, 20, 30]] * 2, pose=np.full((2, 24, 3), 0.1), betas=np.zeros((2, 10)),
        body=["", surface.body.hash], fit_error=[-1, 0.01], fit_kept=[False, True],
    )  # fmt: skip
    write_annotations(people, tmp_path / "fits.npz")
    data = DataConfig(
        photos=(PhotoPackConfig(str(tmp_path)), PhotoPackConfig(str(tmp_path / "nowhere"))),
        datasets=(DatasetConfig(str(tmp_path / "fits.npz"), str(tmp_path)),),
    )
    stage = HmrStage("first", 1, photo_share=1.0, losses={"betas": 1.0})
    source = build_hmr_source(data, stage, surface)
    assert source.fits.known.tolist() == [False, False, True]
    batch = source.batches.batch(40, 16, 3)
    assert set(batch.person.tolist()) == {0, 1, 2} and not (batch.has_params | batch.has_mesh).any()
    assert abs((batch.person == 0).float().mean().item() - 0.5) < 0.1
    stage = HmrStage("first", 1, photo_share=0.0, losses={"betas": 1.0})
    assert len(build_hmr_source(data, stage, surface).fits) == 0
