import pytest
import torch

from meshrec.iuv.rcnn.pooling import pool_boxes, suitable_levels
from tests.reference import detection_loops

BOXES = [[3.0, 5.0, 31.0, 42.0], [0.0, 0.0, 2.0, 1.5], [20.0, 10.0, 63.0, 47.0]]


def feature_map(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("half_pixel", [False, True])
def test_pooling_agrees_with_one_sample_at_a_time(half_pixel):
    features = feature_map(2, 3, 12, 16)
    boxes = torch.tensor(BOXES, dtype=torch.float64)
    got = pool_boxes([features], [boxes[:1], boxes[1:]], 4, 2, half_pixel)
    for out, box, image in zip(got, BOXES, (0, 1, 1)):
        for channel in range(3):
            slow = detection_loops.pooled(features[image, channel].numpy(), box, 4, 4, 2, half_pixel)
            torch.testing.assert_close(out[channel], torch.from_numpy(slow))


def test_the_two_versions_of_pooling_differ():
    features, boxes = feature_map(1, 1, 12, 16), [torch.tensor(BOXES, dtype=torch.float64)]
    first, second = (pool_boxes([features], boxes, 4, 2, half_pixel) for half_pixel in (False, True))
    assert (first - second).abs().max() > 0.1


def test_boxes_are_pooled_from_the_level_that_suits_their_size():
    sides = torch.tensor([10.0, 111.9, 112.0, 223.9, 224.0, 447.9, 448.0, 2000.0])
    boxes = torch.stack([torch.zeros(8), torch.zeros(8), sides, sides], 1)
    assert suitable_levels(boxes, 4).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    # The area counts: 112 x 448 is as large as 224 x 224.
    assert suitable_levels(torch.tensor([[0.0, 0.0, 112.0, 448.0], [5.0, 5.0, 5.0, 5.0]]), 4).tolist() == [2, 0]


def test_several_levels_give_what_each_box_gets_from_its_own():
    levels = [feature_map(2, 3, 128 >> level, 128 >> level) for level in range(4)]
    boxes = torch.tensor([[0, 0, 30, 40], [10, 20, 140, 160], [0, 0, 300, 350], [3, 9, 500, 510.0]]).double()
    got = pool_boxes(levels, [boxes[[3, 0]], boxes[[2, 1]]], 4, 2, False)
    for out, (image, index) in zip(got, [(0, 3), (0, 0), (1, 2), (1, 1)]):
        slow = detection_loops.pooled(levels[index][image, 1].numpy(), boxes[index].tolist(), 4 << index, 4, 2, False)
        torch.testing.assert_close(out[1], torch.from_numpy(slow))


def test_half_precision_maps_are_sampled_at_exact_places():
    features = feature_map(1, 2, 300, 300)
    boxes = [torch.tensor([[1001.3, 1003.7, 1033.1, 1040.9]])]
    exact = pool_boxes([features.float()], boxes, 4, 2, False)
    got = pool_boxes([features.bfloat16()], boxes, 4, 2, False)
    assert got.dtype == torch.bfloat16
    torch.testing.assert_close(got.float(), exact, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("levels", [1, 4])
def test_no_boxes_give_no_maps(levels):
    maps = [torch.zeros(2, 3, 32 >> level, 32 >> level) for level in range(levels)]
    assert pool_boxes(maps, [torch.zeros(0, 4)] * 2, 7, 2, False).shape == (0, 3, 7, 7)
