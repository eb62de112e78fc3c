"""Crops as maps of the plane and as pixels."""

import math

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from meshrec.geometry.crops import (
    crop_from_image,
    crop_image,
    image_from_crop,
    shown_part,
    square_crop_from_box,
    transform_points_px,
)
from tests.reference import geometry_loops


def some_crops() -> dict:
    return {
        "centre_px": torch.tensor([[20.0, 31.0], [100.5, -7.25]], dtype=torch.float64),
        "side_px": torch.tensor([40.0, 613.0], dtype=torch.float64),
        "rotation_rad": torch.tensor([0.0, -2.2], dtype=torch.float64),
    }


def pixel_grid(size: int) -> torch.Tensor:
    """(size * size, 2) centres of the pixels, row by row."""
    centres = torch.arange(size) + 0.5
    return torch.stack(torch.meshgrid(centres, centres, indexing="xy"), -1).flatten(0, 1)


def ramp(height: int, width: int) -> torch.Tensor:
    """(1, 3, H, W) image that holds its own coordinates x, y, and one."""
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    return torch.stack([x, y, torch.ones_like(x)])[None]


def test_box_becomes_the_enlarged_square_around_its_centre():
    centre, side = square_crop_from_box(torch.tensor([[10.0, 20.0, 40.0, 80.0]]), 1.2)
    assert torch.equal(centre, torch.tensor([[30.0, 60.0]])) and side.item() == pytest.approx(96)


def test_maps_there_and_back_are_the_identity():
    crops = some_crops()
    points = 200 * torch.rand(2, 6, 2, dtype=torch.float64)
    there = transform_points_px(points, crop_from_image(**crops, size=224))
    back = transform_points_px(there, image_from_crop(**crops, size=224))
    assert torch.allclose(back, points) and not torch.allclose(there, points)


def test_crop_corners_lie_half_a_side_from_the_centre():
    affine = image_from_crop(torch.tensor([30.0, 60.0]), torch.tensor(96.0), 224)
    corners = transform_points_px(torch.tensor([[0.0, 0.0], [224.0, 224.0], [112.0, 112.0]]), affine)
    assert torch.allclose(corners, torch.tensor([[-18.0, 12.0], [78.0, 108.0], [30.0, 60.0]]))


def test_positive_angle_turns_the_crops_right_hand_side_downwards_in_the_image():
    affine = image_from_crop(torch.tensor([50.0, 50.0]), torch.tensor(20.0), 10, torch.tensor(math.pi / 2))
    right_middle = transform_points_px(torch.tensor([[10.0, 5.0]]), affine)
    assert torch.allclose(right_middle, torch.tensor([[50.0, 60.0]]), atol=1e-5)


def test_cropping_the_whole_image_returns_it():
    image = torch.rand(2, 3, 97, 97, dtype=torch.float64)
    centre, side = torch.full((2, 2), 48.5).double(), torch.full((2,), 97.0).double()
    assert torch.allclose(crop_image(image, centre, side, 97), image, atol=1e-12)
    # grid_sample's coordinates in [-1, 1] cost 2e-5 of a pixel in float32.
    assert torch.allclose(crop_image(image.float(), centre.float(), side.float(), 97), image.float(), atol=1e-4)


def test_whole_pixel_crop_is_a_slice():
    image = torch.rand(1, 2, 40, 50, dtype=torch.float64)
    crop = crop_image(image, torch.tensor([[25.0, 17.0]]).double(), torch.tensor([10.0]).double(), 10)
    assert torch.allclose(crop, image[..., 12:22, 20:30], atol=1e-12)


@pytest.mark.parametrize("shrink", [0.3, 1.0, 3.0, 4.5, 17.9])
@pytest.mark.parametrize("angle", [0.0, 0.6])
def test_pixels_come_from_where_the_map_says(shrink, angle):
    # A linear image is kept exactly by bilinear sampling and by averaging, so that every value is its own position.
    size = 16
    centre, side = torch.tensor([[301.3, 288.6]]), torch.tensor([shrink * size])
    crop = crop_image(ramp(580, 600), centre, side, size, torch.tensor([angle]))
    affine = image_from_crop(centre, side, size, torch.tensor([angle]))[0]
    expected = transform_points_px(pixel_grid(size), affine)
    assert (crop[0, :2].flatten(1).T - expected).abs().max() < 1e-3
    assert torch.allclose(crop[0, 2], torch.ones(size, size))


@pytest.mark.parametrize("shrink, tolerance", [(0.4, 1e-6), (1.0, 1e-6), (2.0, 0.08), (6.0, 0.06), (11.0, 0.05)])
def test_crop_agrees_with_the_mean_over_each_pixels_footprint(shrink, tolerance):
    # Enlarging samples at the pixel's centre; shrinking takes a coarser mean of the white noise than the loop does.
    image = torch.rand(1, 2, 60, 70, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    centre, side = torch.tensor([[37.2, 28.9]]).double(), torch.tensor([5 * shrink]).double()
    angle = torch.tensor([0.4]).double()
    crop = crop_image(image, centre, side, 5, angle)[0]
    affine = image_from_crop(centre, side, 5, angle)[0]
    samples = 1 if shrink <= 1 else 8
    expected = geometry_loops.crop_by_area(image[0].numpy(), affine.numpy(), 5, samples)
    assert np.abs(crop.numpy() - expected).max() < tolerance


def test_fine_stripes_turn_grey_instead_of_aliasing():
    stripes = (torch.arange(1200) % 2).float().expand(1, 1, 1200, 1200)
    crop = crop_image(stripes, torch.tensor([[600.0, 600.0]]), torch.tensor([1100.0]), 100)
    assert (crop - 0.5).abs().max() < 0.1  # one sample per pixel would give anything from 0 to 1


@pytest.mark.parametrize("side", [60.0, 800.0])
def test_outside_the_image_is_zero(side):
    image = torch.ones(1, 1, 400, 400)
    half = crop_image(image, torch.tensor([[400.0, 200.0]]), torch.tensor([side]), 40)
    visible = min(side, 400) / side
    assert half[..., 22:].abs().max() == 0 and half.mean().item() == pytest.approx(0.5 * visible, abs=0.02)
    far = crop_image(image, torch.tensor([[5000.0, -5000.0]]), torch.tensor([side]), 40)
    assert far.shape == (1, 1, 40, 40) and far.abs().max() == 0


@pytest.mark.parametrize("photo_side", [400, 409])
def test_shrunk_photo_keeps_its_sum_of_light_up_to_its_last_row(photo_side):
    image = torch.ones(1, 1, photo_side, photo_side)
    crop = crop_image(image, torch.tensor([[200.0, 200.0]]), torch.tensor([800.0]), 40)
    assert (crop.sum() * 20**2).item() == pytest.approx(photo_side**2, rel=2e-3)


def test_batch_with_small_and_large_crops_equals_singles():
    image = torch.rand(3, 3, 300, 200)
    centre, side = torch.tensor([[90.0, 80], [100, 150], [100, 150]]), torch.tensor([40.0, 290, 500])
    batch = crop_image(image, centre, side, 32)
    for i in range(3):
        single = crop_image(image[i : i + 1], centre[i : i + 1], side[i : i + 1], 32)
        assert torch.allclose(batch[i : i + 1], single, atol=1e-5)


def test_small_crop_is_not_blurred_by_a_larger_one_in_its_batch():
    image = torch.rand(2, 1, 64, 64, dtype=torch.float64)
    centre = torch.full((2, 2), 32.0).double()
    batch = crop_image(image, centre, torch.tensor([16.0, 48.0]).double(), 16)
    assert torch.allclose(batch[0], image[0, :, 24:40, 24:40], atol=1e-12)
    larger = crop_image(image[1:], centre[1:], torch.tensor([48.0]).double(), 16)
    assert torch.allclose(batch[1:], larger, atol=1e-12)


def test_gradient_reaches_the_image():
    image = torch.rand(1, 1, 9, 9, dtype=torch.float64, requires_grad=True)
    box = torch.tensor([[4.2, 4.9]]).double(), torch.tensor([6.0]).double()
    for size in (1, 3, 8):
        assert gradcheck(lambda i, size=size: crop_image(i, *box, size), image)


def test_half_precision_images_keep_their_dtype_and_place():
    centre, side = torch.tensor([[1500.0, 20.0]]), torch.tensor([32.0])
    image = torch.rand(1, 1, 40, 3000).half()
    crop = crop_image(image, centre, side, 32)
    assert crop.dtype == torch.half and torch.allclose(crop, image[..., 4:36, 1484:1516], atol=2e-3)


def test_integer_images_and_wrong_shapes_are_refused():
    with pytest.raises(TypeError, match="image: expected floating point .* torch.uint8"):
        crop_image(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), torch.zeros(1, 2), torch.ones(1), 4)
    with pytest.raises(ValueError, match="side_px: expected positive sides"):
        crop_image(torch.zeros(1, 3, 8, 8), torch.zeros(1, 2), torch.tensor([float("nan")]), 4)
    with pytest.raises(ValueError, match=r"centre_px .*B = 1"):
        crop_image(torch.zeros(1, 3, 8, 8), torch.zeros(2, 2), torch.ones(2), 4)


def test_the_shown_part_of_a_crop_is_what_lies_within_the_image():
    image = torch.rand(1, 3, 40, 60, generator=torch.Generator().manual_seed(0)) + 0.1
    image[:, :, 15:20] = 0  # a dark band within the photo is no edge
    crops = torch.cat([crop_image(image, torch.tensor([[x, 20.0]]), torch.tensor([40.0]), 40) for x in (30.0, 5.0)])
    shown = shown_part(crops)
    assert (shown[0] == 1).all()
    assert not shown[1, :, :14].any() and shown[1, :, 15:].all()
    beyond = crop_image(image, torch.tensor([[30.0, 40.0]]), torch.tensor([40.0]), 40)
    assert shown_part(beyond)[0, :20].all() and not shown_part(beyond)[0, 21:].any()


def test_a_black_crop_counts_as_shown_altogether():
    assert (shown_part(torch.zeros(2, 3, 8, 8)) == 1).all()
