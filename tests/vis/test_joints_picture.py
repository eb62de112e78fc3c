"""Joints over photographs: at their pixels, sides told apart, unknown ones left out."""

import numpy as np
import pytest

from meshrec.errors import InvalidInput
from meshrec.structures import JointSet
from meshrec.vis.joints_picture import LEFT, MIDDLE, RIGHT, draw_joints

ARM = JointSet("arm", ("left_elbow", "left_wrist", "right_wrist", "nose"), (("left_elbow", "left_wrist"),))
PLACES = np.array([[20.5, 30.5], [60.5, 30.5], [40.5, 60.5], [80.5, 80.5]])
GREY = np.full((100, 100, 3), 120, np.uint8)


def test_joints_lie_at_their_pixels_in_the_colours_of_their_sides():
    drawn = draw_joints(GREY, PLACES, np.ones(4), ARM)
    for (x, y), colour in zip(PLACES, (LEFT, LEFT, RIGHT, MIDDLE)):
        assert tuple(drawn[int(y), int(x)]) == colour
    assert tuple(drawn[30, 40]) == LEFT  # on the bone
    assert (drawn[90:, :20] == 120).all() and (GREY == 120).all()


def test_unknown_joints_and_their_bones_are_left_out_and_hidden_ones_are_hollow():
    drawn = draw_joints(GREY, PLACES, np.array([1, 0, 0.5, 1]), ARM)
    assert (drawn[28:33, 30:65] == 120).all()
    assert tuple(drawn[60, 40]) == (120, 120, 120) and (drawn[55:66, 35:46] != 120).any()


def test_joints_far_outside_the_picture_do_no_harm():
    places = PLACES.copy()
    places[1] = 1e9, -1e9
    assert draw_joints(GREY, places, np.ones(4), ARM).shape == GREY.shape


def test_other_joints_and_no_pictures_are_explained():
    with pytest.raises(InvalidInput, match="arm has 4 joints"):
        draw_joints(GREY, PLACES[:3], np.ones(3), ARM)
    with pytest.raises(InvalidInput, match="uint8"):
        draw_joints(GREY.astype(float), PLACES, np.ones(4), ARM)
