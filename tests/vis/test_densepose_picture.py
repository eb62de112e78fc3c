"""DensePose-style pictures: parts, contours, boxes."""

import cv2
import numpy as np
import pytest
import torch

from meshrec.errors import InvalidInput
from meshrec.iuv.results import ChartResult, PersonIuv
from meshrec.vis.densepose_picture import draw_densepose
from tests.support.charts import chart_person

PHOTO = np.full((120, 160, 3), (200, 100, 50), np.uint8)
GREY = int(cv2.cvtColor(PHOTO, cv2.COLOR_RGB2GRAY)[0, 0])
PARULA = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_PARULA)[:, 0, ::-1].astype(int)


def ramp(labels=None, origin=(10, 5), steps=100):
    """A person of 100 x 40 pixels whose U grows from left to right, 1 over ``steps`` pixels, and whose V is 0.55."""
    u = (torch.arange(100) + 0.5) / steps
    labels = torch.full((40, 100), 3) if labels is None else labels
    chart = ChartResult(labels, torch.stack([u.expand(40, 100), torch.full((40, 100), 0.55)]), origin)
    return PersonIuv(torch.tensor([*origin, origin[0] + 100, origin[1] + 40], dtype=torch.float32), 0.87, chart)


def columns_with_lines(drawn, row=20):
    return np.flatnonzero(np.ptp(drawn[row].astype(int), axis=1) > 25)


def test_the_photo_turns_grey_and_stays_untouched_itself():
    before = PHOTO.copy()
    assert (draw_densepose(PHOTO, []) == GREY).all()
    draw_densepose(PHOTO, [ramp()])
    assert np.array_equal(PHOTO, before)


def test_each_part_has_its_colour_blended_with_the_photo():
    labels = torch.zeros(40, 100, dtype=torch.long)
    labels[:, 20:60], labels[:, 60:] = 1, 24
    drawn = draw_densepose(PHOTO, [ramp(labels)], "parts", opacity=0.6, boxes=False).astype(int)
    for column, part in ((10 + 30, 1), (10 + 80, 24)):
        expected = 0.4 * GREY + 0.6 * PARULA[round(255 * part / 24)]
        assert np.abs(drawn[20, column] - expected).max() <= 1
    assert (drawn[20, 10:30] == GREY).all() and (drawn[46:] == GREY).all() and (drawn[:, 110:] == GREY).all()


def test_contours_lie_where_the_coordinate_is_a_tenth_in_the_colour_of_its_value():
    drawn = draw_densepose(PHOTO, [ramp()], "contours", boxes=False)
    # U = k / 10 lies on the border between two pixels, which share the line of one pixel.
    expected = [10 + 10 * k + side for k in range(1, 10) for side in (-1, 0)]
    assert columns_with_lines(drawn).tolist() == expected
    for k in (1, 9):
        dark = 0.55 * GREY
        half = 0.5 * PARULA[round(25.5 * k)] + 0.5 * dark
        assert np.abs(drawn[20, 10 + 10 * k].astype(int) - half).max() <= 2


def test_contours_of_v_are_drawn_too():
    person = ramp()
    turned = PersonIuv(person.box_xyxy_px, 0.5, ChartResult(person.chart.labels, person.chart.uv.flip(0), (10, 5)))
    alike = [draw_densepose(PHOTO, [one], "contours", boxes=False) for one in (person, turned)]
    assert np.array_equal(*alike)


def test_lines_do_not_run_along_borders_of_parts():
    labels = torch.full((40, 100), 3)
    labels[:, 50:] = 4
    person = ramp(labels, steps=2000)  # between 0 and 0.05, far from every line
    person.chart.uv[0, :, 50:] += 0.9  # from 0.925 on: across the border all levels lie in between
    assert not len(columns_with_lines(draw_densepose(PHOTO, [person], "contours", boxes=False)))


def test_a_larger_photo_gets_wider_lines():
    large = np.full((960, 1280, 3), 128, np.uint8)
    drawn = draw_densepose(large, [ramp()], "contours", boxes=False).astype(int)
    # Two pixels for 960: both beside the border are covered whole, in the small photo only half.
    assert np.abs(drawn[20, 19:21] - PARULA[round(25.5)]).max() <= 1


def test_boxes_carry_the_score_and_may_leave_the_photo():
    people = [ramp(origin=(-30, -10)), ramp(origin=(100, 100))]
    with_boxes, without = (draw_densepose(PHOTO, people, "parts", boxes=boxes) for boxes in (True, False))
    changed = np.any(with_boxes != without, axis=2)
    assert changed[29, :70].all() and changed[:30, 69].all()  # the lower right corner of the first box
    assert changed[:20, :20].sum() > 100  # its score, pushed into the photo
    assert not changed[40:80, :].any()


def test_where_people_overlap_the_better_scored_one_is_seen():
    first, second = chart_person((0, 0), (30, 30), 0.9, 1, filled=1), chart_person((0, 0), (30, 30), 0.5, 2, filled=1)
    both = draw_densepose(PHOTO, [second, first], "parts", boxes=False)
    assert np.array_equal(both, draw_densepose(PHOTO, [first], "parts", boxes=False))
    assert not np.array_equal(both, draw_densepose(PHOTO, [second], "parts", boxes=False))


def test_what_cannot_be_drawn_is_explained():
    with pytest.raises(InvalidInput, match="uint8 array"):
        draw_densepose(PHOTO.astype(float), [])
    with pytest.raises(InvalidInput, match="choose one of parts, contours"):
        draw_densepose(PHOTO, [], "fancy")
