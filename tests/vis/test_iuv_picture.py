"""Correspondence over photographs."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from meshrec.errors import InvalidInput
from meshrec.structures import IuvMap
from meshrec.vis.colours import uv_colours
from meshrec.vis.iuv_picture import draw_iuv
from tests.support.people import egg_prediction

PHOTO = np.full((240, 320, 3), 200, np.uint8)


def _prediction(crop_box):
    mask = torch.zeros(1, 4, 4)
    mask[:, :, 2:] = 1  # the right half of the crop
    uv = torch.full((1, 2, 4, 4), 0.5)
    return replace(egg_prediction(), iuv=IuvMap(mask, uv), crop_box_px=torch.tensor(crop_box))


def test_the_person_is_coloured_inside_the_crop_and_the_rest_is_dimmed():
    drawn = draw_iuv(PHOTO, [_prediction([100.0, 120.0, 80.0])])
    coloured = np.ptp(drawn.astype(int), axis=2) > 0
    rows, columns = np.nonzero(coloured)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (80, 159, 100, 139)
    assert np.array_equal(drawn[120, 120], (255 * uv_colours(np.array([0.5, 0.5])) + 0.5).astype(np.uint8))
    assert np.all(drawn[~coloured] == 90)


def test_a_crop_that_sticks_out_of_the_photo_is_cut_off():
    drawn = draw_iuv(PHOTO, [_prediction([310.0, 5.0, 100.0])])
    rows, columns = np.nonzero(np.ptp(drawn.astype(int), axis=2) > 0)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (0, 54, 310, 319)


def test_a_prediction_without_correspondence_is_refused():
    with pytest.raises(InvalidInput, match="no dense correspondence"):
        draw_iuv(PHOTO, [egg_prediction()])
