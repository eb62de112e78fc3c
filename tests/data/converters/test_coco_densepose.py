import numpy as np
import pytest

from meshrec.data.converters import coco_densepose
from meshrec.data.converters.run_lengths import decode_counts, mask_of_counts
from meshrec.errors import InvalidInput
from tests.support.foreign_data import coco_content, write_json

# The text that the COCO API writes for a 256 x 256 mask with rows 10 to 19 of columns 5 to 7 set.
RUNS = [5 * 256 + 10, 10, 246, 10, 246, 10, 256 * 256 - 2 * 256 - 5 * 256 - 20]


def text_of(runs):
    """The packing, written down by the letter: differences, digits of five bits, a bit for more, letters from 48."""
    letters = ""
    for place, run in enumerate(runs):
        value = run - runs[place - 2] if place > 2 else run
        while True:
            digit, value = value & 31, value >> 5
            done = value == (-1 if digit & 16 else 0)
            letters += chr(48 + digit + (0 if done else 32))
            if done:
                break
    return letters


def content():
    found = coco_content()
    found["annotations"][0] |= {
        "dp_I": [3.0, 24.0],
        "dp_U": [0.25, 0.5],
        "dp_V": [0.75, 1.0],
        "dp_x": [128.0, 0.0],
        "dp_y": [64.0, 255.0],
        "dp_masks": [[], {"size": [256, 256], "counts": text_of(RUNS)}] + [[]] * 12,
    }
    return found


def test_points_lie_in_the_picture_under_their_part(tmp_path):
    people = coco_densepose.convert(write_json(tmp_path / "dp.json", content()), tmp_path)
    assert len(people) == 1 and people.joint_confidence.sum() == 2.5
    points = people.densepose.rows(0)
    assert points["part"].tolist() == [3, 24]
    np.testing.assert_allclose(points["uv"], [[0.25, 0.75], [0.5, 1]])
    np.testing.assert_allclose(points["px"], [[5 + 25, 6 + 15], [5, 6 + 60 * 255 / 256]])


def test_masks_of_parts_come_back_from_their_run_lengths(tmp_path):
    people = coco_densepose.convert(write_json(tmp_path / "dp.json", content()), tmp_path)
    rows = people.densepose_masks.rows(0)
    assert set(rows["part"]) == {2} and rows["run"].tolist() == RUNS
    mask = mask_of_counts(rows["run"], 256, 256)
    expected = np.zeros((256, 256), bool)
    expected[10:20, 5:8] = True
    np.testing.assert_array_equal(mask, expected)


def test_run_lengths_agree_with_the_coco_api():
    api = pytest.importorskip("pycocotools.mask", reason="pycocotools is the reference here (extra eval)")
    generator = np.random.default_rng(0)
    for _ in range(5):
        mask = generator.random((37, 23)) < generator.random()
        encoded = api.encode(np.asfortranarray(mask.astype(np.uint8)))
        np.testing.assert_array_equal(mask_of_counts(decode_counts(encoded["counts"], 37 * 23), 37, 23), mask)


def test_people_without_points_only_are_explained(tmp_path):
    with pytest.raises(InvalidInput, match="labels no person with the wanted annotations"):
        coco_densepose.convert(write_json(tmp_path / "dp.json", coco_content()), tmp_path)


def test_damaged_run_lengths_are_explained(tmp_path):
    found = content()
    found["annotations"][0]["dp_masks"][1]["counts"] = "12"
    with pytest.raises(InvalidInput, match="add up to 65536 pixels"):
        coco_densepose.convert(write_json(tmp_path / "dp.json", found), tmp_path)
