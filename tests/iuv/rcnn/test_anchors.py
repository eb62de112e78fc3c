import pytest
import torch

from meshrec.iuv.rcnn.anchors import Anchors
from tests.reference import detection_loops


def test_the_first_anchors_have_the_hand_computed_corners():
    anchors = Anchors((32,), (0.25, 1.0, 4.0), (8,))
    (boxes,) = anchors([torch.zeros(1, 1, 1, 2)])
    expected = [[-32, -8, 32, 8], [-16, -16, 16, 16], [-8, -32, 8, 32]]
    assert boxes[:3].tolist() == expected
    assert boxes[3:].tolist() == [[left + 8, top, right + 8, bottom] for left, top, right, bottom in expected]


def test_anchors_of_all_levels_agree_with_loops():
    sizes, ratios, strides, grids = (32, 64, 128), (0.5, 1.0, 2.0), (4, 8, 16), ((7, 9), (4, 5), (2, 3))
    levels = [torch.zeros(2, 1, *grid) for grid in grids]
    for boxes, size, stride, grid in zip(Anchors(sizes, ratios, strides)(levels), sizes, strides, grids):
        slow = torch.tensor(detection_loops.anchors(*grid, stride, size, list(ratios)))
        torch.testing.assert_close(boxes, slow)


def test_anchors_need_a_level_for_every_size_and_leave_nothing_in_files():
    anchors = Anchors((32, 64), (1.0,), (4, 8))
    assert anchors.per_cell == 1 and not anchors.state_dict()
    with pytest.raises(ValueError):
        anchors([torch.zeros(1, 1, 2, 2)])
