import dataclasses
import math

import pytest
import torch

from meshrec.models import (
    LIGHT_BASIS_GRID,
    LocationNet,
    light_correspondence_net,
    light_location_net,
    paper_location_net,
)
from meshrec.models.body_code import iuv_planes, joints_from_heatmaps
from meshrec.models.location_net import _error_of_xy
from meshrec.models.map_basis import MapBasis, fill_rim
from meshrec.structures import IuvMap, WeakPerspectiveCamera
from meshrec.uv.transfer import image_to_uv
from tests.support.small_atlas import part_boxes


def light_net():
    torch.manual_seed(0)
    reference = torch.randn(3, LIGHT_BASIS_GRID, LIGHT_BASIS_GRID)
    return light_location_net(reference[:, ::2, ::2], reference, "here")


def some_iuv(batch=2, size=32):
    mask = torch.zeros(batch, size, size)
    mask[:, 4:-4, 8:-8] = 1.0
    return IuvMap(mask, torch.rand(batch, 2, size, size))


@pytest.mark.parametrize(("resolution", "parameters", "entries"), [(128, 30_368_390, 161), (256, 30_582_918, 173)])
def test_paper_form_has_the_published_size(resolution, parameters, entries):
    net = paper_location_net(torch.zeros(3, 64, 64), resolution)
    assert sum(value.numel() for value in net.parameters()) == parameters
    assert len(net.state_dict()) == entries


def test_paper_form_gives_a_map_and_a_camera_and_needs_the_code():
    net = paper_location_net(torch.zeros(3, 64, 64)).eval()
    with torch.no_grad():
        location = net(some_iuv(1, 56), torch.randn(1, 256, 56, 56), torch.randn(1, 2048))
        assert location.location_map.points.shape == (1, 3, 128, 128)
        assert location.camera.to_vector().shape == (1, 3)
        with pytest.raises(ValueError, match="code"):
            net(some_iuv(1, 56), torch.randn(1, 256, 56, 56))


def test_paper_form_has_two_map_sizes_only():
    with pytest.raises(ValueError, match="128"):
        paper_location_net(torch.zeros(3, 64, 64), 64)


def test_light_pair_fits_the_budget():
    nets = light_correspondence_net(*part_boxes()), light_net()
    values = sum(value.numel() for net in nets for value in net.state_dict().values())
    assert 2 * values <= 22 * 2**20


def test_light_form_learns_from_rendered_correspondence_without_pictures():
    net = light_net()
    iuv, joints, basis = some_iuv(), torch.rand(2, 30, 3), net.map_basis
    target = (basis.mean + 2 * torch.randn(2, len(basis.components)) @ basis.components).unflatten(1, (3, 64, 64))
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    losses = []
    for _ in range(15):
        loss = (net(iuv, joints=joints, refine=False).location_map.points - target).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_every_weight_of_the_light_form_gets_a_gradient():
    net = light_net()
    torch.nn.init.normal_(net.map_head[-1].weight)  # it starts at zero and would hold back what precedes it
    location = net(some_iuv(), torch.randn(2, 48, 32, 32), torch.randn(2, 320), torch.rand(2, 30, 3))
    (location.location_map.points.square().mean() + location.camera.to_vector().square().sum()).backward()
    assert [name for name, value in net.named_parameters() if value.grad is None or not value.grad.any()] == []


def test_features_get_a_gradient_and_correspondence_gets_none():
    net = light_net()
    torch.nn.init.normal_(net.map_head[-1].weight)
    iuv, features = some_iuv(), torch.randn(2, 48, 32, 32, requires_grad=True)
    iuv.uv.requires_grad_(True)
    net(iuv, features).location_map.points.square().mean().backward()
    assert features.grad.abs().sum() > 0
    assert iuv.uv.grad is None


def test_absent_inputs_count_as_zero():
    net = light_net().eval()
    iuv = some_iuv()
    with torch.no_grad():
        absent = net(iuv).location_map.points
        zero = net(iuv, torch.zeros(2, 48, 32, 32), torch.zeros(2, 320), torch.zeros(2, 30, 3)).location_map.points
        given = net(iuv, None, torch.randn(2, 320)).location_map.points
    torch.testing.assert_close(absent, zero)
    assert (given - absent).abs().max() > 1e-3


def test_a_fresh_light_net_starts_at_its_basis():
    net = light_net().eval()
    iuv = some_iuv()
    with torch.no_grad():
        coarse = net(iuv, refine=False)
        whole = net(iuv)
    enlarged = torch.nn.functional.interpolate(coarse.location_map.points, size=(128, 128), mode="bilinear",
                                               align_corners=True)
    torch.testing.assert_close(whole.location_map.points, enlarged)
    torch.testing.assert_close(whole.camera.to_vector(), coarse.camera.to_vector())


def test_error_of_xy_vanishes_where_the_coarse_map_projects_onto_the_pixels():
    size, resolution = 32, 16
    camera = WeakPerspectiveCamera(torch.tensor([0.8]), torch.tensor([[0.1, -0.2]]))
    row, column = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    # Each texel is the 2 x 2 pixels that it covers; the coarse map holds the point that projects onto their middle.
    uv = torch.stack([column // 2, row // 2]).float()[None] / (resolution - 1)
    middle = (torch.arange(resolution) * 2 + 1.0) * (2 / size) - 1
    points = torch.stack([middle.expand(resolution, resolution), middle[:, None].expand(resolution, resolution)])
    coarse = points[None] / camera.scale - camera.translation[..., None, None]
    coarse = torch.cat([coarse, torch.zeros(1, 1, resolution, resolution)], dim=1)
    carried = image_to_uv(torch.zeros(1, 0, size, size), IuvMap(torch.ones(1, size, size), uv), resolution)
    error = _error_of_xy(carried, coarse, camera, size)
    torch.testing.assert_close(error, torch.zeros_like(error), atol=1e-5, rtol=0)
    shifted = _error_of_xy(carried, coarse - 0.25, camera, size)
    torch.testing.assert_close(shifted, torch.full_like(shifted, 0.25), atol=1e-5, rtol=0)


def test_basis_starts_from_the_principal_components_of_examples():
    torch.manual_seed(0)
    mask = torch.ones(8, 8, dtype=torch.bool)
    directions = torch.randn(4, 3, 8, 8)
    weights = torch.randn(200, 4)
    maps = torch.einsum("nk,kcij->ncij", weights, directions) + 2.0
    basis = MapBasis(torch.zeros(3, 8, 8), width=6, size=4)
    assert basis.set_components(maps, mask) == pytest.approx(1.0, abs=1e-4)
    flat = maps.flatten(1) - basis.mean
    solved = torch.linalg.lstsq(basis.components.T, flat.T).solution
    torch.testing.assert_close(basis.components.T @ solved, flat.T, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(solved.std(dim=1), torch.ones(4), atol=0.02, rtol=0)
    with pytest.raises(ValueError, match="example maps"):
        basis.set_components(maps[:4], mask)


def test_basis_keeps_its_precision_under_half_precision():
    basis = MapBasis(torch.full((3, 8, 8), 1.001), width=6, size=4)
    code = torch.randn(2, 6)
    with torch.autocast("cpu", torch.bfloat16):
        half = basis(code.bfloat16())
    torch.testing.assert_close(half, basis(code), atol=1e-3, rtol=0)


def test_rim_is_filled_from_within_and_the_chart_kept():
    maps, mask = torch.randn(1, 3, 9, 9), torch.zeros(9, 9, dtype=torch.bool)
    mask[3:6, 3:6] = True
    filled = fill_rim(maps, mask, rings=1)
    torch.testing.assert_close(filled[..., 3:6, 3:6], maps[..., 3:6, 3:6])
    torch.testing.assert_close(filled[..., 2, 2], maps[..., 3, 3])
    assert filled[..., 0, :].abs().max() == 0


def test_parts_of_the_default_form_come_together():
    with pytest.raises(ValueError, match="together"):
        LocationNet(torch.zeros(3, 32, 32), map_basis=MapBasis(torch.zeros(3, 32, 32), 8, 2))


def test_iuv_planes_hide_what_lies_off_the_person():
    iuv = some_iuv(1, 32)
    other = dataclasses.replace(iuv, uv=torch.where(iuv.mask[:, None] > 0.5, iuv.uv, torch.rand(1, 2, 32, 32)))
    torch.testing.assert_close(iuv_planes(iuv, 64), iuv_planes(other, 64))


def test_joints_are_read_from_sharp_and_doubted_in_flat_heatmaps():
    heatmaps = torch.zeros(1, 2, 16, 16)
    heatmaps[0, 0, 3, 12] = 50.0
    joints = joints_from_heatmaps(heatmaps)
    expected = torch.tensor([12.5, 3.5]) / 8 - 1
    torch.testing.assert_close(joints[0, 0, :2], expected, atol=1e-4, rtol=0)
    assert joints[0, 0, 2] > 0.95
    assert joints[0, 1, 2] < 0.05


def test_a_joint_seen_in_two_places_is_read_at_the_likelier_one_and_not_between_them():
    heatmaps = torch.full((1, 1, 16, 16), -50.0)
    heatmaps[0, 0, 3, 12], heatmaps[0, 0, 3, 13], heatmaps[0, 0, 3, 1] = 1.0, 1.0, 0.0
    x, y, share = joints_from_heatmaps(heatmaps)[0, 0]
    assert abs(x - (13 / 8 - 1)) < 1e-4 and abs(y - (3.5 / 8 - 1)) < 1e-4
    assert abs(share - 2 * math.e / (2 * math.e + 1)) < 1e-4


def test_reduced_precision_does_not_move_the_joints_that_are_read():
    heatmaps = 5 * torch.randn(2, 3, 32, 32)
    with torch.autocast("cpu", torch.bfloat16):
        joints = joints_from_heatmaps(heatmaps)
    torch.testing.assert_close(joints, joints_from_heatmaps(heatmaps))
