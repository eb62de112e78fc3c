"""Pinhole and weak-perspective projection."""

import math

import pytest
import torch
from torch.autograd import gradcheck

from meshrec.geometry.projection import (
    default_focal_px,
    focal_from_35mm,
    focal_from_field_of_view,
    ndc_to_px,
    project_pinhole,
    project_weak_perspective,
    px_to_ndc,
    solve_weak_perspective,
    translation_to_weak_perspective,
    unproject_pinhole,
    weak_perspective_to_translation,
)
from meshrec.geometry.rotations import random_rotation_matrix


def cameras(batch: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    focal = 500 + 300 * torch.rand(batch, 2, generator=generator, dtype=torch.float64)
    return focal, 200 + 100 * torch.rand(batch, 2, generator=generator, dtype=torch.float64)


def points_in_front(batch: int, count: int = 7) -> torch.Tensor:
    points = torch.randn(batch, count, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return points + torch.tensor([0, 0, 6.0], dtype=torch.float64)


def crops_and_weak_cameras(batch: int = 4) -> dict:
    generator = torch.Generator().manual_seed(2)

    def uniform(low, high, *shape):
        return low + (high - low) * torch.rand(batch, *shape, generator=generator, dtype=torch.float64)

    return {
        "scale": uniform(0.5, 1.1),
        "translation": uniform(-0.3, 0.3, 2),
        "crop_centre_px": uniform(100, 900, 2),
        "crop_side_px": uniform(150, 600),
        "focal_px": uniform(800, 1500, 1).expand(batch, 2),
        "centre_px": uniform(400, 600, 2),
    }


def test_axis_point_lands_on_the_principal_point_and_offsets_follow_focal_over_depth():
    points = torch.tensor([[0.0, 0.0, 3.0], [1.0, 0.0, 2.0], [0.0, 1.0, 4.0]])
    pixels = project_pinhole(points, torch.tensor([100.0, 200.0]), torch.tensor([50.0, 60.0]))
    assert torch.equal(pixels, torch.tensor([[50.0, 60.0], [100.0, 60.0], [50.0, 110.0]]))


def test_unprojecting_at_the_true_depth_recovers_points():
    points = points_in_front(3)
    focal, centre = cameras(3)
    back = unproject_pinhole(project_pinhole(points, focal, centre), points[..., 2], focal, centre)
    assert torch.allclose(back, points)


def test_moving_away_along_the_ray_changes_nothing():
    points = points_in_front(2)
    focal, centre = cameras(2)
    assert torch.allclose(project_pinhole(points, focal, centre), project_pinhole(2.5 * points, focal, centre))


@pytest.mark.parametrize("depth", [0.0, -2.0])
def test_point_behind_the_camera_is_finite_on_its_own_side_and_has_no_gradient_in_depth(depth):
    point = torch.tensor([[0.5, -0.5, depth]], requires_grad=True)
    pixel = project_pinhole(point, torch.tensor([100.0, 100.0]), torch.tensor([50.0, 50.0]))
    pixel.sum().backward()
    assert pixel[0, 0] > 1e4 and pixel[0, 1] < -1e4 and pixel.isfinite().all()
    assert point.grad.isfinite().all() and point.grad[0, 2] == 0


def test_pinhole_gradients_are_right_in_front_and_behind():
    points = torch.tensor([[0.3, 0.2, 2.0], [0.3, 0.2, -2.0]], dtype=torch.float64, requires_grad=True)
    focal, centre = (part[0].requires_grad_() for part in cameras(1))
    assert gradcheck(lambda p, f, c: project_pinhole(p, f, c, min_depth=0.5), (points, focal, centre))
    assert gradcheck(unproject_pinhole, (points[:, :2], points[:, 2], focal, centre))


def test_weak_perspective_ignores_depth_and_is_scale_times_shifted_point():
    points = points_in_front(2)
    scale, translation = torch.tensor([0.9, 0.5]).double(), torch.tensor([[0.1, -0.2], [0.0, 0.3]]).double()
    projected = project_weak_perspective(points, scale, translation)
    assert torch.allclose(projected, scale[:, None, None] * (points[..., :2] + translation[:, None]))
    farther = points + torch.tensor([0, 0, 5.0])
    assert torch.equal(project_weak_perspective(farther, scale, translation), projected)


def test_ndc_reaches_the_outer_edges_of_the_image():
    corners = torch.tensor([[-1.0, -1.0], [1.0, 1.0], [0.0, 0.0]])
    assert torch.equal(ndc_to_px(corners, (480, 640)), torch.tensor([[0.0, 0.0], [640.0, 480.0], [320.0, 240.0]]))
    pixels = 500 * torch.rand(2, 5, 2, dtype=torch.float64)
    assert torch.allclose(ndc_to_px(px_to_ndc(pixels, (480, 640)), (480, 640)), pixels)


def weak_pixels(points: torch.Tensor, crop: dict) -> torch.Tensor:
    """Full-image pixels by way of the crop, spelled out independently of the conversion."""
    ndc = project_weak_perspective(points, crop["scale"], crop["translation"])
    return crop["crop_centre_px"][:, None] + 0.5 * crop["crop_side_px"][:, None, None] * ndc


def test_pinhole_with_the_found_translation_matches_weak_perspective_on_the_plane_of_the_origin():
    crop = crops_and_weak_cameras()
    points = torch.randn(4, 9, 3, dtype=torch.float64)
    points[..., 2] = 0
    placed = points + weak_perspective_to_translation(**crop)[:, None]
    pixels = project_pinhole(placed, crop["focal_px"], crop["centre_px"])
    assert torch.allclose(pixels, weak_pixels(points, crop))


def test_pinhole_with_the_found_translation_differs_off_the_plane_by_the_perspective_effect_only():
    crop = crops_and_weak_cameras()
    points = 0.3 * torch.randn(4, 9, 3, dtype=torch.float64)
    translation = weak_perspective_to_translation(**crop)
    pixels = project_pinhole(points + translation[:, None], crop["focal_px"], crop["centre_px"])
    # Perspective divides the distance from the principal point by 1 + z / depth.
    shrink = 1 + points[..., 2:] / translation[:, None, 2:]
    expected = crop["centre_px"][:, None] + (weak_pixels(points, crop) - crop["centre_px"][:, None]) / shrink
    assert torch.allclose(pixels, expected) and not torch.allclose(pixels, weak_pixels(points, crop))


def test_origin_agrees_even_if_the_focal_lengths_differ():
    crop = crops_and_weak_cameras()
    crop["focal_px"] = crop["focal_px"] * torch.tensor([1.0, 1.2])
    placed = weak_perspective_to_translation(**crop)[:, None]
    origin = torch.zeros(4, 1, 3, dtype=torch.float64)
    assert torch.allclose(project_pinhole(placed, crop["focal_px"], crop["centre_px"]), weak_pixels(origin, crop))


def test_weak_camera_round_trip_through_the_translation():
    crop = crops_and_weak_cameras()
    box = {name: crop[name] for name in ("crop_centre_px", "crop_side_px", "focal_px", "centre_px")}
    scale, translation = translation_to_weak_perspective(weak_perspective_to_translation(**crop), **box)
    assert torch.allclose(scale, crop["scale"]) and torch.allclose(translation, crop["translation"])


@pytest.mark.parametrize("scale", [0.0, -0.7, 1e-12])
def test_useless_scale_still_puts_the_body_in_front_of_the_camera(scale):
    crop = crops_and_weak_cameras()
    crop["scale"] = torch.full_like(crop["scale"], scale).requires_grad_()
    translation = weak_perspective_to_translation(**crop)
    translation.sum().backward()
    assert (translation[:, 2] > 0).all() and translation.isfinite().all() and crop["scale"].grad.isfinite().all()


def test_solved_weak_camera_recovers_the_true_one_and_ignores_unweighted_points():
    crop = crops_and_weak_cameras()
    points = torch.randn(4, 14, 3, dtype=torch.float64)
    images = project_weak_perspective(points, crop["scale"], crop["translation"])
    weights = torch.ones(4, 14, dtype=torch.float64)
    weights[:, 5:8] = 0
    images[:, 5:8] += 10
    scale, translation = solve_weak_perspective(points, images, weights)
    assert torch.allclose(scale, crop["scale"]) and torch.allclose(translation, crop["translation"])
    assert not torch.allclose(solve_weak_perspective(points, images)[0], crop["scale"])


def test_solved_weak_camera_is_a_minimum():
    generator = torch.Generator().manual_seed(4)
    points, images = (torch.randn(9, n, generator=generator, dtype=torch.float64) for n in (3, 2))
    images = points[:, :2] + 0.3 * images
    weights = torch.rand(9, generator=generator, dtype=torch.float64)
    best = [part.requires_grad_() for part in solve_weak_perspective(points, images, weights)]
    error = (weights[:, None] * (project_weak_perspective(points, *best) - images).square()).sum()
    assert all(gradient.abs().max() < 1e-12 for gradient in torch.autograd.grad(error, best))


@pytest.mark.parametrize("weights", [torch.zeros(6), torch.eye(6)[2]])
def test_camera_of_too_few_points_is_finite_with_finite_gradients(weights):
    points, images = torch.randn(6, 3, requires_grad=True), torch.randn(6, 2, requires_grad=True)
    scale, translation = solve_weak_perspective(points, images, weights)
    (scale + translation.sum()).backward()
    assert scale > 0 and translation.isfinite().all()
    assert points.grad.isfinite().all() and images.grad.isfinite().all()


def test_batch_equals_singles():
    crop = crops_and_weak_cameras()
    together = weak_perspective_to_translation(**crop)
    for i in range(4):
        assert torch.allclose(weak_perspective_to_translation(**{k: v[i] for k, v in crop.items()}), together[i])


def test_turning_the_world_and_the_camera_together_changes_nothing():
    points = points_in_front(1)[0]
    focal, centre = (part[0] for part in cameras(1))
    turn = random_rotation_matrix(generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    points_world = points @ turn.T
    assert torch.allclose(project_pinhole(points_world @ turn, focal, centre), project_pinhole(points, focal, centre))


def test_focal_lengths_from_angles_and_film():
    assert focal_from_field_of_view(math.pi / 2, 640) == pytest.approx(320)
    assert focal_from_35mm(math.hypot(36, 24), (480, 640)) == pytest.approx(800)
    assert default_focal_px((480, 640)) == pytest.approx(800)
    with pytest.raises(ValueError, match="field_of_view_rad: expected .* got 3.5"):
        focal_from_field_of_view(3.5, 640)


def test_wrong_shape_is_named():
    with pytest.raises(ValueError, match=r"points_cam .*\(\.\.\., N, 3\).*\(4, 2\)"):
        project_pinhole(torch.zeros(4, 2), torch.ones(2), torch.ones(2))
    with pytest.raises(ValueError, match=r"depth .*N = 4"):
        unproject_pinhole(torch.zeros(4, 2), torch.ones(3), torch.ones(2), torch.ones(2))
