import numpy as np
import pytest

pytest.importorskip("scipy", reason="scipy is not installed")

from PIL import Image  # noqa: E402

from meshrec.data.wardrobe.build.textures import (  # noqa: E402
    bled,
    opaque_texture,
    read_picture,
    texture_coordinates,
)
from meshrec.errors import InvalidInput  # noqa: E402


def half_transparent(side: int = 40) -> np.ndarray:
    picture = np.zeros((side, side, 4), np.uint8)
    picture[:, : side // 2] = 120, 40, 10, 255
    picture[:, side // 2 :] = 255, 255, 255, 0
    return picture


def test_transparent_texels_take_the_nearest_opaque_colour():
    assert (bled(half_transparent()) == [120, 40, 10]).all()


def test_an_opaque_picture_keeps_its_colours():
    picture = np.random.default_rng(0).integers(0, 255, (20, 20, 4), dtype=np.uint8)
    picture[..., 3] = 255
    np.testing.assert_array_equal(bled(picture), picture[..., :3])
    np.testing.assert_array_equal(opaque_texture(picture), picture[..., :3])


def test_textures_are_at_most_256_texels_wide_and_have_no_fringe():
    texture = opaque_texture(half_transparent(1024)[:512])
    assert texture.shape == (128, 256, 3)
    assert (texture == [120, 40, 10]).all()


def test_texture_coordinates_turn_over_and_count_between_texel_centres():
    # The picture's edges 0 and 1 lie half a texel beyond the centres; the first row of a picture has v = 1 in an OBJ.
    size = (5, 11)
    first, last = [0.5 / 11, 1 - 0.5 / 5], [1 - 0.5 / 11, 0.5 / 5]
    ours = texture_coordinates(np.array([[first, last, [0.5, 0.5]]]), size)
    np.testing.assert_allclose(ours[0], [[0, 0], [1, 1], [0.5, 0.5]], atol=1e-12)


def test_repeating_coordinates_come_back_into_the_picture():
    face = np.array([[[0.2, 0.2], [0.4, 0.2], [0.3, 0.6]]])
    np.testing.assert_allclose(
        texture_coordinates(face + [3, -2], (64, 64)), texture_coordinates(face, (64, 64)), atol=1e-12
    )


def test_a_file_that_is_no_picture_is_explained(tmp_path):
    (tmp_path / "a.png").write_text("no")
    with pytest.raises(InvalidInput, match="cannot be read as a picture"):
        read_picture(tmp_path / "a.png")


def test_grey_and_coloured_pictures_get_full_opacity(tmp_path):
    Image.new("L", (3, 2), 7).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png").tolist() == [[[7, 7, 7, 255]] * 3] * 2
