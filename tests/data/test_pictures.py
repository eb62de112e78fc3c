"""Labelled pictures: image files, frames of videos, turned pictures, and outlines as masks."""

import cv2
import numpy as np
import pytest
from PIL import Image

from meshrec.data.annotations import Annotations
from meshrec.data.pictures import fill_outlines, labelled_mask, read_picture
from meshrec.errors import InvalidInput


def test_quarter_turns_are_clockwise(tmp_path):
    picture = np.zeros((4, 6, 3), np.uint8)
    picture[0, 0] = (0, 0, 255)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    turned = read_picture(tmp_path / "a.png", quarter_turns=1)
    assert turned.shape == (6, 4, 3) and turned[0, 3].tolist() == [255, 0, 0]


def test_a_video_gives_the_frame_that_is_meant(tmp_path):
    path = tmp_path / "clip.avi"
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (32, 32))
    if not video.isOpened():
        pytest.skip("this OpenCV writes no videos")
    for number in range(8):
        video.write(np.full((32, 32, 3), 30 * number, np.uint8))
    video.release()
    for number in (5, 0, 7):
        assert read_picture(path, frame=number).mean() == pytest.approx(30 * number, abs=4)
    with pytest.raises(InvalidInput, match="frame 50 of .*clip.avi cannot be read"):
        read_picture(path, frame=50)


def test_a_missing_picture_is_named(tmp_path):
    with pytest.raises(InvalidInput, match="a.png cannot be read as a picture"):
        read_picture(tmp_path / "a.png")


def test_outlines_are_filled_in_continuous_pixels_and_united():
    mask = fill_outlines(
        [np.array([[2, 1], [6, 1], [6, 3], [2, 3]]), np.array([[5, 2], [8, 2], [8, 5], [5, 5]])], 6, 10
    )
    expected = np.zeros((6, 10), bool)
    expected[1:3, 2:6] = expected[2:5, 5:8] = True
    # OpenCV also fills the pixels that a border runs through, so up to one more row and column to the right.
    assert mask[expected].all() and (mask.astype(bool) & ~expected).sum() <= 14 and not mask[:, :1].any()
    angle = np.linspace(0, 2 * np.pi, 100)
    rows, columns = np.nonzero(
        fill_outlines([np.stack([50 + 20 * np.cos(angle), 30 + 20 * np.sin(angle)], -1)], 60, 100)
    )
    assert (columns.mean() + 0.5, rows.mean() + 0.5) == pytest.approx((50, 30), abs=0.1)
    assert len(rows) == pytest.approx(400 * np.pi, rel=0.06)


def test_a_mask_with_labels_is_the_person_where_its_values_say_so(tmp_path):
    values = np.array([[0, 1, 2, 3], [3, 2, 1, 0]], np.uint8)
    picture = Image.fromarray(values)
    picture.putpalette([0, 0, 0, 9, 9, 9, 0, 0, 0, 7, 0, 0])
    picture.save(tmp_path / "mask.png")
    known = {"mask_file": ["mask.png"] * 2, "mask_labels": [0, 1 << 2 | 1 << 3]}
    people = Annotations.of(["a.png"] * 2, [[0, 0, 4, 2]] * 2, **known)
    np.testing.assert_array_equal(labelled_mask(people, 1, tmp_path, (2, 4)), values >= 2)
    # Without labels everything counts that is not black, as in masks without a palette.
    np.testing.assert_array_equal(labelled_mask(people, 0, tmp_path, (2, 4)), np.isin(values, (1, 3)))
    turned = people.replace(quarter_turns=[1, 1])
    np.testing.assert_array_equal(labelled_mask(turned, 1, tmp_path, (4, 2)), np.rot90(values >= 2, -1))
    (tmp_path / "mask.png").write_bytes(b"no picture")
    with pytest.raises(InvalidInput, match="mask.png cannot be read"):
        labelled_mask(people, 1, tmp_path, (2, 4))
