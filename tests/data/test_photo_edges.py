"""Photos made smaller: what lies beyond the new edges is gone from boxes, points and pixels alike."""

import numpy as np
import torch

from meshrec.data.photo_edges import boxes_within, draw_edges, pixels_within, points_within

BOXES = np.array([[10.0, 20, 30, 60], [0, 0, 50, 40]])


def edges_of(share, count=4000):
    boxes = np.tile(BOXES[:1], (count, 1))
    return boxes, draw_edges(boxes, share, torch.Generator().manual_seed(0))


def test_a_share_of_the_boxes_loses_part_of_one_side_most_often_the_lowest():
    boxes, edges = edges_of(0.3)
    finite = np.isfinite(edges)
    assert (finite.sum(1) <= 1).all() and 0.27 < finite.any(1).mean() < 0.33
    assert (finite.sum(0)[3] > finite.sum(0)[:3].sum()) and finite.any(0).all()
    left = boxes_within(boxes, edges)[:, 2:].prod(1) / boxes[:, 2:].prod(1)
    assert (left[~finite.any(1)] == 1).all()
    assert 0.5 <= left[finite.any(1)].min() < 0.52 and 0.9 < left[finite.any(1)].max() <= 0.92


def test_without_a_share_nothing_is_cut():
    boxes, edges = edges_of(0.0)
    np.testing.assert_array_equal(boxes_within(boxes, edges), boxes)
    assert draw_edges(np.zeros((0, 4)), 0.5, torch.Generator()).shape == (0, 4)


def test_boxes_points_and_pixels_end_at_the_same_edges():
    edges = np.array([[15.0, -np.inf, 30, 50]])
    np.testing.assert_array_equal(boxes_within(BOXES[:1], edges), [[15, 20, 15, 30]])
    points = np.array([[[14.9, 30.0], [15, 30], [29.9, 49.9], [30, 30], [20, 50]]])
    np.testing.assert_array_equal(points_within(points, edges), [[False, True, True, False, False]])
    kept = pixels_within(np.ones((60, 40, 3), np.uint8), edges[0])
    rows, columns = np.nonzero(kept.any(-1))
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (15, 29, 0, 49)


def test_pixels_of_an_uncut_photo_are_not_copied():
    pixels = np.ones((4, 4), bool)
    assert pixels_within(pixels, np.array([-np.inf, -np.inf, np.inf, np.inf])) is pixels
