import torch

from meshrec import losses
from meshrec.structures import SMPL24, IuvMap, LocationMap, WeakPerspectiveCamera
from tests.support.small_atlas import SIDE, small_atlas

ALL = torch.ones(2)


def test_location_map_loss_is_the_weighted_mean_of_absolute_differences():
    points, target, weight = torch.randn(2, 3, 6, 6), torch.randn(2, 3, 6, 6), torch.rand(6, 6)
    by_hand = sum((weight * (points[b, c] - target[b, c]).abs()).sum() for b in range(2) for c in range(3)) / 216
    torch.testing.assert_close(losses.location_map_loss(LocationMap(points), target, weight, ALL), by_hand)


def test_total_variation_sums_steps_between_neighbours_in_the_chart():
    points = torch.zeros(2, 3, 4, 4)
    points[:, 0, 1, 1] = 2.0  # four steps of 2
    inside = torch.ones(4, 4, dtype=torch.bool)
    value = losses.total_variation_loss(LocationMap(points), inside, ALL)
    torch.testing.assert_close(value, torch.tensor(8.0 / 9))
    inside[1, 2] = False  # one of the four steps leaves the chart
    torch.testing.assert_close(losses.total_variation_loss(LocationMap(points), inside, ALL), torch.tensor(6.0 / 9))


def consistent_case():
    """A flat sheet that fills the atlas, seen by a camera: every pixel shows the point that projects onto it."""
    camera = WeakPerspectiveCamera(torch.tensor([0.5, 0.8]), torch.tensor([[0.1, 0.2], [0.0, -0.3]]))
    resolution, size = 9, 16
    line = torch.linspace(0, 1, resolution)
    centre = (torch.arange(size) + 0.5) * (2 / size) - 1
    pixel = torch.stack([centre.expand(size, size), centre[:, None].expand(size, size)])
    uv = pixel.expand(2, 2, size, size) * 0.5 + 0.5
    ndc = torch.stack([line.expand(resolution, resolution), line[:, None].expand(resolution, resolution)]) * 2 - 1
    xy = ndc / camera.scale[:, None, None, None] - camera.translation[:, :, None, None]
    points = torch.cat([xy, torch.randn(2, 1, resolution, resolution)], dim=1)
    return points, camera, IuvMap(torch.ones(2, size, size), uv)


def test_consistency_vanishes_when_every_pixel_lands_on_itself():
    points, camera, target = consistent_case()
    value = losses.consistency_loss(LocationMap(points), camera, target, ALL)
    assert value < 1e-10


def test_consistency_of_a_shifted_camera_is_the_squared_shift_over_the_person():
    points, camera, target = consistent_case()
    shifted = WeakPerspectiveCamera(camera.scale, camera.translation + torch.tensor([0.1, 0.0]))
    half = torch.ones_like(target.mask)
    half[:, :8] = 0  # only half of the image is person, so the value halves
    expected = ((0.1 * camera.scale) ** 2 / 2).mean()  # x only, of two coordinates
    value = losses.consistency_loss(LocationMap(points), shifted, target, ALL)
    torch.testing.assert_close(value, expected, atol=1e-7, rtol=1e-4)
    value = losses.consistency_loss(LocationMap(points), shifted, IuvMap(half, target.uv), ALL)
    torch.testing.assert_close(value, expected / 2, atol=1e-7, rtol=1e-4)


def test_consistency_moves_map_and_camera_but_not_the_correspondence():
    points, camera, target = consistent_case()
    points.requires_grad_(True)
    camera = WeakPerspectiveCamera((camera.scale + 0.1).requires_grad_(True), camera.translation.requires_grad_(True))
    losses.consistency_loss(LocationMap(points), camera, target, ALL).backward()
    assert points.grad[:, :2].abs().max() > 0
    assert points.grad[:, 2].abs().max() == 0
    assert camera.scale.grad.abs().min() > 0


def test_part_weights_follow_the_parts_and_have_mean_one():
    atlas = small_atlas()
    skinning = torch.zeros(SIDE * SIDE, 24)
    skinning[:, SMPL24.index("spine1")] = 1.0
    skinning[0] = torch.nn.functional.one_hot(torch.tensor(SMPL24.index("left_hand")), 24).float()
    table = atlas.texels(32)
    weight = losses.part_weight_map(skinning, table)
    torch.testing.assert_close(weight.mean(), torch.tensor(1.0))
    assert (weight[~table.mask] == 0).all()
    torch.testing.assert_close(weight.max() / weight[table.mask].min(), torch.tensor(25.0))
