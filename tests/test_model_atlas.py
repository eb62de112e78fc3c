"""Nets that speak through another atlas: trained, kept, loaded and measured with it, and never mixed with others."""

import pytest
import torch

from meshrec.build import ModelConfig, TrainConfig, build_net, load_decomr, weights_metadata
from meshrec.checkpoint import read_metadata, read_weights, save_weights
from meshrec.config import build_config
from meshrec.errors import AssetNotFound, CheckpointMismatch
from meshrec.evaluation.reconstruction import surface_of
from meshrec.evaluation.surface_points import SurfaceRuler
from meshrec.evaluation.synthetic import synthetic_test_set
from meshrec.iuv.atlas_crop import people_to_atlas
from meshrec.surface import Surface
from meshrec.training.reconstruction import Reconstruction
from tests.support.charts import chart_person

SHIPPED = "344fb040d9aa62a9"


def saved(folder, atlas="", **changes):
    config = ModelConfig(atlas=atlas, input_size=64, **changes)
    surface = Surface.load(atlas=atlas)
    torch.manual_seed(0)
    path = folder / f"{atlas or 'shipped'}.safetensors".replace("/", "_")
    save_weights(path, build_net(config, surface), weights_metadata(config, surface))
    return path


def test_the_shipped_atlas_is_the_default_and_leaves_no_trace(tmp_path):
    metadata = read_metadata(saved(tmp_path))
    assert metadata["atlas_hash"] == Surface.load().atlas.hash == SHIPPED and "atlas" not in metadata


def test_weights_are_loaded_and_measured_with_the_atlas_that_they_learnt(tmp_path):
    model = load_decomr(saved(tmp_path, "charts"), finder=False)
    surface = surface_of(model)
    assert surface.atlas.hash == read_metadata(tmp_path / "charts.safetensors")["atlas_hash"] != SHIPPED
    data = build_config(TrainConfig, {}).data
    batch, shipped = (synthetic_test_set(data, one).batch(0, 2, 64) for one in (surface, Surface.load()))
    assert torch.equal(batch.images, shipped.images), "the same people are tested"
    inside = batch.mask > 0.5
    at = SurfaceRuler(surface_of(model)).on_atlas(batch.uv.permute(0, 2, 3, 1)[inside])
    assert (at.part == batch.part[inside]).float().mean() > 0.99
    elsewhere = SurfaceRuler(surface).on_atlas(shipped.uv.permute(0, 2, 3, 1)[inside])
    assert (elsewhere.part == batch.part[inside]).float().mean() < 0.5


def test_an_atlas_file_is_opened_again(tmp_path):
    file = tmp_path / "packed.npz"
    Surface.load(atlas="charts").atlas.save(file)
    path = saved(tmp_path, str(file))
    assert load_decomr(path, finder=False).net.atlas.hash == Surface.load(atlas="charts").atlas.hash
    file.unlink()
    with pytest.raises(AssetNotFound, match="no atlas file .*packed.npz"):
        load_decomr(path, finder=False)


def test_training_does_not_start_from_weights_of_another_atlas(tmp_path):
    course = Reconstruction(build_config(TrainConfig, {"model": {"atlas": "charts"}}))
    with pytest.raises(CheckpointMismatch, match="belongs to another atlas.*344fb040d9aa62a9, in use is"):
        course.start_from(f"all={saved(tmp_path)}")
    course.start_from(f"all={saved(tmp_path, 'charts')}")


def test_a_backbone_knows_of_no_atlas(tmp_path):
    path, course = saved(tmp_path), Reconstruction(build_config(TrainConfig, {"model": {"atlas": "charts"}}))
    before = {name: value.clone() for name, value in course.net.state_dict().items()}
    course.start_from(f"backbone={path}")
    theirs, after = read_weights(path)[1], course.net.state_dict()
    backbone = [name for name in after if name.startswith("correspondence_net.backbone.")]
    assert backbone and all(torch.equal(after[name], theirs[name]) for name in backbone)
    assert all(torch.equal(after[name], before[name]) for name in after.keys() - set(backbone))


def test_what_a_finder_saw_reaches_a_net_in_its_own_atlas(tmp_path):
    model = load_decomr(saved(tmp_path, "charts", iuv_input=True), finder=False)
    person = chart_person((10, 20), (40, 30), 0.9)
    centre, side = torch.tensor([[25.0, 40.0]]), torch.tensor([40.0])
    told, shipped = (
        people_to_atlas([person], centre, side, 64, model.charts, atlas)
        for atlas in (model.net.atlas, Surface.load().atlas)
    )
    assert told.atlas_hash == model.net.correspondence_net.atlas_hash and torch.equal(told.mask, shipped.mask)
    inside = told.mask[0] > 0.5
    template, faces = model.body.template_vertices, model.body.faces
    points = []
    for atlas, iuv in ((model.net.atlas, told), (Surface.load().atlas, shipped)):
        face, weights = atlas.locator(iuv.uv[0, :, inside].T)
        points.append((template[faces[face]] * weights[..., None]).sum(1))
    assert len(points[0]) > 500 and (points[0] - points[1]).norm(dim=1).quantile(0.99) < 1e-3
    assert model.bodies(torch.rand(1, 3, 64, 64), told).vertices.isfinite().all()
    with pytest.raises(ValueError, match="correspondence is of atlas 344fb040d9aa62a9"):
        model.bodies(torch.rand(1, 3, 64, 64), shipped)
