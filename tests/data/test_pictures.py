"""Labelled pictures: image files, frames of videos, turned pictures, and outlines as masks."""

import cv2
import numpy as np
import pytest

from meshrec.data.pictures import fill_outlines, read_picture
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
