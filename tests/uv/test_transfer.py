"""Vertices to location maps and back, and image features to the atlas."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from meshrec.body.model import BodyModel
from meshrec.geometry import axis_angle_to_matrix
from meshrec.structures import BodyParams, IuvMap
from meshrec.uv import UvAtlas, image_to_uv, map_to_vertices, vertices_to_map
from tests.reference.uv_loops import image_to_uv_loop, read_vertices_loop
from tests.support.small_atlas import small_atlas

HAND_JOINTS = [20, 21, 22, 23]  # of the body file's skinning weights


@pytest.fixture(scope="module")
def atlas():
    return UvAtlas.from_file()


@pytest.fixture(scope="module")
def body():
    return BodyModel.from_file()


def round_trip_mm(vertices, atlas, table):
    return 1000 * (map_to_vertices(vertices_to_map(vertices, table), atlas) - vertices).norm(dim=-1)


def posed(body, count=3):
    generator = torch.Generator().manual_seed(4)
    pose = axis_angle_to_matrix(0.3 * torch.randn(count, 23, 3, generator=generator))
    orient = axis_angle_to_matrix(torch.randn(count, 3, generator=generator))
    return body(BodyParams(torch.zeros(count, body.beta_count), orient, pose)).vertices


@pytest.mark.parametrize("pose", ["rest", "posed"])
def test_location_map_round_trip_recovers_vertices(atlas, body, pose):
    vertices = body.template_vertices[None] if pose == "rest" else posed(body)
    error = round_trip_mm(vertices, atlas, atlas.texels(128))
    hand = body.skinning_weights[:, HAND_JOINTS].sum(1) > 0.5
    assert hand.sum() > 500
    # The project's bars for the default body at 128 px.
    assert error.mean() <= 1.5
    assert error[:, hand].mean() <= 1.5
    assert error.quantile(0.99) <= 15


def test_larger_maps_are_more_exact(atlas, body):
    errors = [round_trip_mm(body.template_vertices[None], atlas, atlas.texels(size)).mean() for size in (64, 128, 256)]
    assert errors[0] > 1.5 * errors[1] > 2.25 * errors[2]


def test_without_seam_extension_seam_vertices_collapse(atlas, body):
    table = atlas.texels(128)
    bare = dataclasses.replace(table, barycentric=table.barycentric * table.covered[..., None])
    seam = atlas.copies > 1
    vertices = body.template_vertices[None]
    with_extension, without = (round_trip_mm(vertices, atlas, t)[0, seam].mean() for t in (table, bare))
    assert with_extension < 3
    assert without > 50


def test_corner_alignment_matters(atlas, body):
    vertices = body.template_vertices[None]
    location_map = vertices_to_map(vertices, atlas.texels(128))
    grid = (2 * atlas.texcoords - 1)[None, None]
    read = F.grid_sample(location_map, grid, align_corners=False, padding_mode="border")[:, :, 0].transpose(1, 2)
    wrong = 1000 * (read - vertices[:, atlas.texture_to_vertex]).norm(dim=-1).mean()
    assert wrong > 3 * round_trip_mm(vertices, atlas, atlas.texels(128)).mean()


def test_map_reading_agrees_with_the_loop(atlas, body):
    location_map = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    expected = read_vertices_loop(location_map[0], atlas.texcoords, atlas.texture_to_vertex)
    torch.testing.assert_close(map_to_vertices(location_map, atlas)[0], expected, atol=1e-5, rtol=0)


def test_copies_of_a_seam_vertex_are_averaged():
    atlas = dataclasses.replace(small_atlas(), texture_to_vertex=torch.arange(25).clamp(max=23))
    location_map = torch.rand(1, 3, 16, 16)
    apart = map_to_vertices(location_map, small_atlas())
    together = map_to_vertices(location_map, atlas)
    assert together.shape == (1, 24, 3)
    torch.testing.assert_close(together[:, 23], apart[:, 23:].mean(1))
    torch.testing.assert_close(together[:, :23], apart[:, :23])


def test_batch_of_three_equals_three_singles(atlas, body):
    vertices, table = posed(body), atlas.texels(64)
    maps = vertices_to_map(vertices, table)
    back = map_to_vertices(maps, atlas)
    for k in range(3):
        torch.testing.assert_close(vertices_to_map(vertices[k : k + 1], table)[0], maps[k])
        torch.testing.assert_close(map_to_vertices(maps[k : k + 1], atlas)[0], back[k])


def test_moving_the_body_moves_its_map_inside_the_mask(atlas, body):
    table = atlas.texels(64)
    shift = torch.tensor([0.3, -0.2, 1.0])
    vertices = body.template_vertices[None]
    difference = vertices_to_map(vertices + shift, table) - vertices_to_map(vertices, table)
    expected = shift[:, None, None] * table.mask
    torch.testing.assert_close(difference[0], expected, atol=1e-5, rtol=0)


def test_gradients_of_both_directions_are_exact():
    atlas = small_atlas()
    table = atlas.texels(12)
    vertices = torch.randn(2, 25, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: vertices_to_map(v, table), vertices)
    location_map = torch.randn(2, 3, 12, 12, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda m: map_to_vertices(m, atlas), location_map)


def random_transfer_input(dtype=torch.float32):
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(2, 5, 9, 7, generator=generator).to(dtype)
    # Texture coordinates beyond the square must be clamped to its border, and coarse ones must collide.
    uv = 1.2 * torch.rand(2, 2, 9, 7, generator=generator) - 0.1
    return features, torch.rand(2, 9, 7, generator=generator), uv


@pytest.mark.parametrize("resolution", [4, 16])
def test_feature_transfer_agrees_with_the_loop(resolution):
    features, mask, uv = random_transfer_input()
    result = image_to_uv(features, IuvMap(mask, uv, "x"), resolution)
    expected = image_to_uv_loop(features, mask, uv, resolution)
    assert result.shape == (2, 8, resolution, resolution)
    assert 0 < expected[:, -1].mean() < 1 or resolution == 4
    torch.testing.assert_close(result, expected, atol=1e-6, rtol=1e-5)


def test_feature_transfer_passes_exact_gradients_to_the_features_only():
    features, mask, uv = random_transfer_input(torch.float64)
    mask, uv = mask.requires_grad_(), uv.requires_grad_()
    features = features.requires_grad_()
    assert torch.autograd.gradcheck(lambda f: image_to_uv(f, IuvMap(mask, uv, "x"), 4), features)
    gradients = torch.autograd.grad(
        image_to_uv(features, IuvMap(mask, uv, "x"), 4).sum(), (mask, uv), allow_unused=True
    )
    assert gradients == (None, None)


def test_empty_mask_transfers_nothing():
    features, mask, uv = random_transfer_input()
    assert not image_to_uv(features, IuvMap(torch.zeros_like(mask), uv, "x"), 8).any()


def test_undefined_coordinates_of_the_background_do_no_harm():
    features, mask, uv = random_transfer_input()
    broken = torch.where(mask[:, None] > 0.5, uv, torch.nan)
    expected = image_to_uv(features, IuvMap(mask, uv, "x"), 8)
    torch.testing.assert_close(image_to_uv(features, IuvMap(mask, broken, "x"), 8), expected)


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match="location_map"):
        map_to_vertices(torch.zeros(1, 3, 8, 9), small_atlas())
    with pytest.raises(ValueError, match="vertices"):
        vertices_to_map(torch.zeros(25, 3), small_atlas().texels(8))
    with pytest.raises(ValueError, match="mask"):
        image_to_uv(torch.zeros(1, 2, 4, 4), IuvMap(torch.zeros(1, 5, 5), torch.zeros(1, 2, 5, 5), "x"), 8)
