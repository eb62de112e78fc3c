"""Reading photographs of every kind."""

import numpy as np
import pytest
from PIL import Image

from meshrec.data.photo import LARGEST_AREA_PX, find_photos, read_photo
from meshrec.errors import InvalidInput
from tests.support.photos import EXIF_IFD, FOCAL_LENGTH_35MM, gradient, write_readable_photos, write_unreadable_photos

GREY = np.asarray(Image.fromarray(gradient()).convert("L")).astype(int)[..., None].repeat(3, axis=-1)
OPAQUE = np.s_[10:, 10:]


@pytest.mark.parametrize("kind, expected, tolerance", [
    ("plain", gradient(), 0), ("grey", GREY, 0), ("16-bit", GREY, 0), ("float", GREY, 0), ("grey with alpha", GREY, 1),
    ("alpha", gradient(), 0), ("palette", gradient(), 40), ("palette with transparency", gradient(), 60),
    ("CMYK", gradient(), 12), ("animated", gradient(), 60), ("bilevel", GREY, 255),
    ("rotated by EXIF", np.rot90(gradient(), -1), 12)])
def test_every_kind_of_photo_becomes_upright_8_bit_rgb(tmp_path, kind, expected, tolerance):
    photo = read_photo(write_readable_photos(tmp_path)[kind])
    assert photo.pixels.dtype == np.uint8 and photo.pixels.shape == expected.shape and photo.scale == 1.0
    assert np.abs(photo.pixels[OPAQUE].astype(int) - expected[OPAQUE]).max() <= tolerance


@pytest.mark.parametrize("kind", ["alpha", "grey with alpha", "palette with transparency"])
def test_transparent_pixels_show_white(tmp_path, kind):
    pixels = read_photo(write_readable_photos(tmp_path)[kind]).pixels
    assert pixels[:8, :8].min() >= 250 and pixels[:8, 8:16].min() < 128


@pytest.mark.parametrize("sentence", ["is an empty file", "is not an image", "damaged or cut off", "only 1 x 1 pixels",
                                      "There is no photo"])
def test_what_cannot_be_read_is_explained_in_one_sentence(tmp_path, sentence):
    path = write_unreadable_photos(tmp_path)[sentence]
    with pytest.raises(InvalidInput, match=sentence) as failure:
        read_photo(path)
    assert str(path) in str(failure.value) and "\n" not in str(failure.value)


def test_no_prefix_of_a_file_raises_anything_unexplained(tmp_path):
    for path in write_readable_photos(tmp_path).values():
        content = path.read_bytes()
        for length in np.linspace(1, len(content) - 1, 12).astype(int):
            path.write_bytes(content[:length])
            try:
                read_photo(path)
            except InvalidInput:
                pass


def test_a_folder_in_place_of_a_photo_is_explained(tmp_path):
    with pytest.raises(InvalidInput, match="is a folder"):
        read_photo(tmp_path)


@pytest.mark.parametrize("extension", ["jpg", "png"])
def test_a_100_megapixel_photo_is_reduced_and_says_by_how_much(tmp_path, extension):
    width, height = 12_000, 8_400
    path = tmp_path / f"huge.{extension}"
    Image.new("L", (width, height), 90).save(path, **({"compress_level": 1} if extension == "png" else {}))
    photo = read_photo(path)
    assert photo.pixels.shape[0] * photo.pixels.shape[1] <= LARGEST_AREA_PX
    assert photo.pixels.shape[1] / width == pytest.approx(photo.scale)
    assert photo.pixels.shape[0] / height == pytest.approx(photo.scale, rel=1e-3)
    assert photo.pixels.min() == photo.pixels.max() == 90


def test_a_decompression_bomb_is_refused(tmp_path):
    path = tmp_path / "bomb.png"
    Image.new("1", (20_000, 20_000)).save(path)
    with pytest.raises(InvalidInput, match="too large to open safely"):
        read_photo(path)


def test_the_focal_length_comes_from_exif_and_follows_the_size_of_the_photo(tmp_path):
    exif = Image.Exif()
    exif.get_ifd(EXIF_IFD)[FOCAL_LENGTH_35MM] = 50
    for name, size in (("small.jpg", (360, 240)), ("large.jpg", (720, 480))):
        Image.new("RGB", size).save(tmp_path / name, exif=exif)
    # A 36 x 24 mm frame at ten pixels a millimetre: a 50 mm lens has 500 pixels.
    assert read_photo(tmp_path / "small.jpg").focal_px == pytest.approx(500.0)
    assert read_photo(tmp_path / "large.jpg").focal_px == pytest.approx(1000.0)


@pytest.mark.parametrize("value", [0, 1, 60_000])
def test_an_implausible_focal_length_is_ignored(tmp_path, value):
    exif = Image.Exif()
    exif.get_ifd(EXIF_IFD)[FOCAL_LENGTH_35MM] = value
    Image.new("RGB", (32, 32)).save(tmp_path / "a.jpg", exif=exif)
    assert read_photo(tmp_path / "a.jpg").focal_px is None


def test_folders_give_their_photos_by_name_and_files_are_kept_even_when_absent(tmp_path):
    for name in ("b.PNG", "a.jpg", "notes.txt", ".hidden.jpg"):
        (tmp_path / name).touch()
    absent = tmp_path / "absent.jpg"
    assert find_photos([absent, tmp_path, tmp_path / "a.jpg"]) == [absent, tmp_path / "a.jpg", tmp_path / "b.PNG"]


def test_a_folder_without_photos_is_explained(tmp_path):
    with pytest.raises(InvalidInput, match="holds no photos"):
        find_photos([tmp_path])
