"""Meshes over photographs."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from meshrec.errors import InvalidInput
from meshrec.structures import PinholeCamera
from meshrec.vis.colours import person_colour
from meshrec.vis.overlay import draw_overlay
from tests.support.people import egg_prediction

PHOTO = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
BLACK = np.zeros_like(PHOTO)


def _touched(person, **options):
    return np.any(draw_overlay(BLACK, [person], **options) > 0, axis=2)


def test_the_photo_is_unchanged_where_nobody_is_and_is_not_written_into():
    before = PHOTO.copy()
    drawn = draw_overlay(PHOTO, [egg_prediction()])
    touched = _touched(egg_prediction())
    assert np.array_equal(PHOTO, before)
    assert np.array_equal(drawn[~touched], PHOTO[~touched]) and not np.array_equal(drawn[touched], PHOTO[touched])
    assert 0.02 < touched.mean() < 0.5


def test_nobody_gives_the_photo_back():
    assert np.array_equal(draw_overlay(PHOTO, []), PHOTO)


def test_the_nearer_person_hides_the_farther_one_in_either_order():
    near, far = egg_prediction((0.0, 0.0, 3.0)), egg_prediction((0.0, 0.0, 9.0))
    middle = np.s_[120, 160]
    in_front = draw_overlay(BLACK, [far, near])[middle].astype(float)
    assert np.allclose(in_front / in_front.max(), person_colour(1) / person_colour(1).max(), atol=0.02)
    in_front = draw_overlay(BLACK, [near, far])[middle].astype(float)
    assert np.allclose(in_front / in_front.max(), person_colour(0) / person_colour(0).max(), atol=0.02)


@pytest.mark.parametrize("shift", [(-1.8, 0.0, 4.0), (0.0, 1.3, 4.0), (0.0, 0.0, 0.3)])
def test_a_person_at_the_border_or_too_near_is_cut_off_and_not_lost(shift):
    touched = _touched(egg_prediction(shift))
    assert touched.any() and (touched[0].any() or touched[-1].any() or touched[:, 0].any() or touched[:, -1].any())


@pytest.mark.parametrize("shift", [(9.0, 0.0, 4.0), (0.0, 0.0, -4.0)])
def test_a_person_outside_the_picture_leaves_it_unchanged(shift):
    assert not _touched(egg_prediction(shift)).any()


def test_the_light_shows_the_shape():
    lit = draw_overlay(BLACK, [egg_prediction()], opacity=1.0)[..., 0]
    values = lit[lit > 0]
    assert np.percentile(values, 95) > 1.5 * np.percentile(values, 10)


def test_another_photo_or_another_camera_is_refused():
    person = egg_prediction()
    with pytest.raises(InvalidInput, match="320 x 240 pixels, the image to draw on has 100 x 50"):
        draw_overlay(np.zeros((50, 100, 3), np.uint8), [person])
    other = replace(person, camera=PinholeCamera(torch.tensor([[1.0, 1.0]]), person.camera.centre_px, (240, 320)))
    with pytest.raises(InvalidInput, match="one camera"):
        draw_overlay(PHOTO, [person, other])
    with pytest.raises(InvalidInput, match="uint8"):
        draw_overlay(PHOTO / 255.0, [person])
