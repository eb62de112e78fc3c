import numpy as np
import pytest

pytest.importorskip("scipy", reason="scipy is not installed")

from meshrec.data.wardrobe.build.faces import (  # noqa: E402
    brow_in_atlas,
    iris_colour,
    iris_share,
    paint_eyes,
)
from meshrec.data.wardrobe.build.skins import AtlasPoints, as_map, filled, sampled  # noqa: E402


def atlas(size: int = 9) -> AtlasPoints:
    """A map whose inner texels lie 2 mm apart on a plane."""
    row, column = (index.ravel() + 1 for index in np.mgrid[: size - 2, : size - 2])
    points = np.stack([0.002 * column, -0.002 * row, 0 * row], 1)
    return AtlasPoints(size, row, column, points, points, np.zeros((len(row), 2)))


def test_pictures_are_read_with_v_up_between_texel_centres():
    picture = np.zeros((4, 8, 3), np.uint8)
    picture[0, 0], picture[3, 7] = (10, 20, 30), (40, 50, 60)
    uv = np.array([[0.5 / 8, 1 - 0.5 / 4], [1 - 0.5 / 8, 0.5 / 4], [1 / 8, 1 - 0.5 / 4], [0.0, 1.0]])
    np.testing.assert_allclose(sampled(picture, uv), [[10, 20, 30], [40, 50, 60], [5, 10, 15], [10, 20, 30]], atol=0.5)


def test_skin_is_continued_beyond_the_border_of_the_chart():
    points = atlas()
    colours = np.stack([20.0 * points.row, 20.0 * points.column, 0 * points.row], 1)
    image = filled(colours, points)
    assert image[3, 4].tolist() == [60, 80, 0]
    assert image[0, 0].tolist() == [20, 20, 0] and image[8, 4].tolist() == [140, 80, 0]


def test_maps_are_zero_off_the_body():
    image = as_map(np.full(49, 7, np.uint8), atlas())
    assert image[1:-1, 1:-1].min() == 7 and image.sum() == 7 * 49


def test_eyes_have_a_white_an_iris_and_a_pupil_and_the_skin_stays():
    skin = np.full((4, 3), 160.0)
    angles = np.array([np.inf, 1.0, 0.27, 0.0])
    painted = paint_eyes(skin, angles, np.array([60.0, 90.0, 200.0]))
    assert painted[0].tolist() == [160, 160, 160]
    assert painted[1].min() > 180
    np.testing.assert_allclose(painted[2], [60, 90, 200], atol=12)
    assert painted[3].max() < 60
    share = iris_share(angles)
    assert share[0] == share[1] == 0 and share[2] > 0.9 and share[3] < 0.2


def test_the_colour_of_an_iris_leaves_out_pupil_and_white():
    picture = np.full((256, 256, 3), 240, np.uint8)
    y, x = np.mgrid[:256, :256] / 256.0
    radius = np.hypot(x - 0.703, y - 0.297)
    picture[radius < 0.117] = 20, 120, 60
    picture[radius < 0.035] = 0
    np.testing.assert_allclose(iris_colour(picture), [20, 120, 60], atol=3)


def test_a_brow_lands_on_the_skin_behind_it():
    points = atlas(33)
    # A 30 x 10 mm strip 4 mm before the plane, dark in its right half and transparent in its left one.
    vertices = np.array([[0.01, -0.02, 0.004], [0.04, -0.02, 0.004], [0.04, -0.03, 0.004], [0.01, -0.03, 0.004]])
    faces, uv = np.array([[0, 2, 1], [0, 3, 2]]), np.array([[0, 1], [1, 1], [1, 0], [0, 0]], float)
    picture = np.zeros((64, 192, 4), np.uint8)
    picture[:, 96:] = 30, 20, 10, 255
    brow = brow_in_atlas(vertices, faces, uv[faces], picture, points)
    alpha = brow[..., 3]
    assert (brow[..., :3] == [30, 20, 10]).all()
    assert alpha[12, 17] == 255 and alpha[12, 8] == 0  # 34 and 16 mm to the right, 24 mm down
    assert alpha[3].max() == 0 and alpha[22:].max() == 0
