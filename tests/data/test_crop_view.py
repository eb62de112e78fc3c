"""Crop views: the plain one is the crop of reconstruction, every other moves points as it moves pixels."""

import numpy as np
import pytest
import torch

from meshrec.data.crop_view import DRAWS, CropView
from meshrec.geometry.crops import PERSON_CROP_ENLARGEMENT, crop_image, square_crop_from_box

BOX = (20.0, 30.0, 60.0, 90.0)


def blurred_noise(height, width):
    noise = torch.rand(1, 3, height // 8, width // 8, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.interpolate(noise, (height, width), mode="bicubic").clamp(0, 1)


@pytest.mark.parametrize("size", [96, 24])
def test_the_plain_view_is_the_crop_that_reconstruction_makes(size):
    image = blurred_noise(160, 120)
    pixels = (image[0].permute(1, 2, 0) * 255).round().byte().numpy()
    centre, side = square_crop_from_box(torch.tensor([BOX]), PERSON_CROP_ENLARGEMENT)
    expected = crop_image(torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255, centre, side, size)
    mine = torch.from_numpy(CropView.of_box(BOX, size).picture(pixels)).permute(2, 0, 1) / 255
    inner = slice(2, size - 2)
    assert (mine - expected[0])[:, inner, inner].abs().max() < 0.04


def test_points_follow_the_pixels_of_any_view():
    generator = np.random.default_rng(1)
    for _ in range(6):
        view = CropView.of_box(BOX, 64, np.append(generator.standard_normal(5), np.zeros(6)))
        dot = np.array([45.0, 70.0])
        rows, columns = np.mgrid[:160, :120] + 0.5
        bump = np.exp(-((columns - dot[0]) ** 2 + (rows - dot[1]) ** 2) / 32)
        crop = view.picture((np.repeat(bump[..., None], 3, 2) * 255).astype(np.uint8))[..., 0].astype(float) ** 2
        centres = np.arange(64) + 0.5
        found = np.array([(crop.sum(0) * centres).sum(), (crop.sum(1) * centres).sum()]) / crop.sum()
        np.testing.assert_allclose(found, view.points_crop(dot), atol=0.15)


def test_the_turn_of_the_camera_axes_is_that_of_the_picture():
    for mirror in (-1, 1):
        view = CropView.of_box(BOX, 64, np.array([0.5, 0, 0, 2, mirror, *np.zeros(6)]))
        np.testing.assert_allclose(view.turn_cam[:2, :2] * view.zoom, view.affine[:, :2])
        assert np.linalg.det(view.turn_cam) == pytest.approx(-mirror)


def test_light_and_colour_change_the_picture_and_not_the_place():
    draw = np.zeros(DRAWS)
    draw[[5, 6, 8, 10]] = [0.5, -1, 1, -1]
    pixels = np.full((160, 120, 3), 100, np.uint8)
    lit, plain = CropView.of_box(BOX, 16, draw), CropView.of_box(BOX, 16)
    expected = 100 * np.exp([0.2, 0.1, 0.0]) - 12
    np.testing.assert_allclose(lit.picture(pixels)[8, 8], expected, atol=1)
    np.testing.assert_array_equal(lit.affine, plain.affine)
