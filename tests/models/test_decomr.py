import pytest
import torch

from meshrec.models import DecoMR, light_correspondence_net, light_location_net
from meshrec.uv.transfer import vertices_to_map
from tests.support.small_atlas import SIDE, part_boxes, small_atlas


def small_model(atlas, atlas_hash=None):
    rest = torch.randn(1, SIDE * SIDE, 3)
    maps = [vertices_to_map(rest, atlas.texels(resolution))[0] for resolution in (32, 64)]
    name = atlas.hash if atlas_hash is None else atlas_hash
    return DecoMR(light_correspondence_net(*part_boxes(), name), light_location_net(*maps, name), atlas), rest


def test_crops_become_vertices_and_cameras():
    torch.manual_seed(0)
    model, _ = small_model(small_atlas())
    output = model.eval()(torch.rand(2, 3, 128, 128))
    assert output.vertices.shape == (2, SIDE * SIDE, 3)
    assert output.location_map.points.shape == (2, 3, 128, 128)
    assert (output.camera.scale > 0).all()


def test_an_untrained_light_model_predicts_the_rest_body():
    torch.manual_seed(0)
    atlas = small_atlas()
    model, rest = small_model(atlas)
    with torch.no_grad():
        model.location_net.map_basis.components.zero_()
        vertices = model.eval()(torch.rand(1, 3, 64, 64)).vertices
    # A map of 64 texels cannot hold the creases of a random sheet exactly.
    assert (vertices - rest).abs().mean() < 0.1 * rest.abs().mean()


def test_pictures_change_the_mesh():
    torch.manual_seed(0)
    model, _ = small_model(small_atlas())
    with torch.no_grad():
        first, second = model.eval()(torch.rand(2, 3, 64, 64) * torch.tensor([1.0, 0.2])[:, None, None, None]).vertices
    assert (first - second).abs().max() > 1e-5


def test_nets_of_another_atlas_are_refused():
    with pytest.raises(ValueError, match="atlas"):
        small_model(small_atlas(), "another")
