"""Contact sheets and PNG files."""

import numpy as np
import pytest
from PIL import Image

from meshrec.errors import InvalidInput
from meshrec.vis.contact_sheet import contact_sheet, save_png


def _flat(height, width, colour):
    return np.full((height, width, 3), colour, np.uint8)


def test_pictures_appear_in_reading_order():
    sheet = contact_sheet([_flat(10, 20, (i, 0, 0)) for i in (50, 100, 150)], columns=2)
    assert sheet.shape == (4 + 2 * 14, 4 + 2 * 24, 3) and sheet.dtype == np.uint8
    assert [sheet[9, 14, 0], sheet[9, 38, 0], sheet[23, 14, 0]] == [50, 100, 150]
    assert tuple(sheet[23, 38]) == (255, 255, 255)


def test_a_smaller_picture_is_centred_in_its_cell():
    sheet = contact_sheet([_flat(10, 10, (0, 0, 0)), _flat(2, 2, (9, 9, 9))], columns=2)
    assert tuple(sheet[9, 23]) == (9, 9, 9) and tuple(sheet[6, 20]) == (255, 255, 255)


def test_captions_add_ink_below_the_pictures():
    images = [_flat(30, 60, (255, 255, 255))] * 2
    assert contact_sheet(images, 2).min() == 255
    captioned = contact_sheet(images, 2, ["left", "a caption that is far too long for its cell"])
    assert captioned[:34].min() == 255 and captioned[34:].min() < 64


@pytest.mark.parametrize("call, sentence", [
    (lambda: contact_sheet([], 2), "at least one picture"),
    (lambda: contact_sheet([_flat(2, 2, 0)], 0), "at least one column"),
    (lambda: contact_sheet([_flat(2, 2, 0)], 1, ["a", "b"]), "1 pictures needs as many captions, got 2"),
    (lambda: contact_sheet([np.zeros((2, 2, 3))], 1), r"got float64 \(2, 2, 3\)"),
])
def test_wrong_arguments_are_explained(call, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        call()


def test_a_saved_png_reads_back_unchanged(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (7, 5, 3), dtype=np.uint8)
    save_png(image, tmp_path / "a.png")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.png")), image)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_saving_into_a_missing_folder_is_explained(tmp_path):
    with pytest.raises(InvalidInput, match="Cannot write"):
        save_png(_flat(2, 2, 0), tmp_path / "missing" / "a.png")
