"""Targets of the DensePose branch against a twin that looks up one pixel after the other."""

import pytest
import torch

from meshrec.errors import InvalidInput
from meshrec.iuv.rcnn.sampling import SampledRois
from meshrec.iuv.rcnn.targets import densepose_rois, densepose_targets
from meshrec.metrics.parts import DENSEPOSE14_OF_PART
from meshrec.structures import SceneBatch

SIZE = 5


@pytest.fixture
def batch():
    """Two pictures with four people: IUV, a mask only, a box only, and points only."""
    generator = torch.Generator().manual_seed(0)
    plain = SceneBatch.without_people(torch.zeros(2, 3, 24, 32), torch.tensor([[24, 32], [20, 30]]))
    person_map = torch.zeros(2, 24, 32, dtype=torch.int32)
    person_map[0, 4:20, 3:14], person_map[0, 2:18, 12:30] = 1, 2
    person_map[0, :, 29:] = -1
    part_map = torch.randint(1, 25, (2, 24, 32), generator=generator).byte() * (person_map == 1)
    return plain.replace(
        image_index=torch.tensor([0, 0, 1, 1]),
        boxes_xyxy_px=torch.tensor([[3.0, 4, 14, 20], [12, 2, 30, 18], [2, 2, 20, 18], [15, 1, 28, 19]]),
        is_crowd=torch.zeros(4, dtype=torch.bool),
        has_mask=torch.tensor([True, True, False, False]),
        has_iuv=torch.tensor([True, False, False, False]),
        person_map=person_map,
        part_map=part_map,
        uv_map=torch.rand(2, 2, 24, 32, generator=generator),
        point_person=torch.tensor([3, 3, 3]),
        points_px=torch.tensor([[16.0, 3], [27, 18], [15.5, 1.5]]),
        point_part=torch.tensor([5, 9, 24]),
        points_uv=torch.rand(3, 2, generator=generator),
        keypoints_px=None,
        keypoint_confidence=None,
    )


def rois(person, boxes, batch):
    person = torch.tensor(person)
    return SampledRois(torch.tensor(boxes), batch.image_index[person], torch.ones_like(person).bool(), person)


BOXES = [[2.3, 3.1, 15.8, 21.7], [10.0, 0.0, 32.0, 20.0], [0.0, 0, 20, 20], [15, 1, 28.0, 19]]


@pytest.mark.parametrize("coarse_channels", [2, 15])
def test_targets_equal_the_slow_twin(batch, coarse_channels):
    found = densepose_targets(rois([0, 1, 2, 3], BOXES, batch), batch, SIZE, coarse_channels)
    for roi, (left, top, right, bottom) in enumerate(BOXES):
        for row in range(SIZE):
            for column in range(SIZE):
                x = int(left + (right - left) * (column + 0.5) / SIZE)
                y = int(top + (bottom - top) * (row + 0.5) / SIZE)
                image, seen = int(batch.image_index[roi]), int(batch.person_map[batch.image_index[roi], y, x])
                part = int(batch.part_map[image, y, x]) if seen == roi + 1 else 0
                part = -1 if seen == -1 or not batch.has_iuv[roi] else part
                coarse = -1 if seen == -1 or not batch.has_mask[roi] else int(seen == roi + 1)
                if coarse_channels == 15:
                    coarse = part if part < 0 else DENSEPOSE14_OF_PART[part]
                assert (found.part[roi, row, column], found.coarse[roi, row, column]) == (part, coarse)
                if part > 0:
                    assert torch.equal(found.uv[roi, :, row, column], batch.uv_map[image, :, y, x])
    assert set(found.coarse[1].unique().tolist()) == ({-1} if coarse_channels == 15 else {-1, 0, 1})


def test_points_are_placed_relative_to_the_box_and_those_outside_are_left_out(batch):
    found = densepose_targets(rois([3, 1], [[15.75, 2, 28.75, 18], BOXES[1]], batch), batch, 8)
    # The first point lies (0.25, 1) into a box of (13, 16) pixels, the third left of it.
    assert found.point_roi.tolist() == [0] and found.point_part.tolist() == [5]
    assert found.point_position[0].tolist() == pytest.approx([8 * 0.25 / 13, 8 * 1 / 16])
    assert torch.equal(found.point_uv, batch.points_uv[:1])


def test_the_branch_learns_from_annotated_people_whose_boxes_fit(batch):
    boxes = [[3.0, 4, 14, 20], [3, 4, 20, 20], [12, 2, 30, 18], [2, 2, 20, 18], [15, 1, 28, 19], [0, 0, 5, 5]]
    candidates = rois([0, 0, 1, 2, 3, 0], boxes, batch)
    candidates.is_person[-1] = False
    chosen = densepose_rois(candidates, batch, overlap=0.7, most=0)
    assert chosen.person.tolist() == [0, 1, 3], "the second box is too wide, the third person has nothing but a box"
    assert len(densepose_rois(candidates, batch, 0.5, 0)) == 4
    drawn = {
        tuple(densepose_rois(candidates, batch, 0.5, 2, torch.Generator().manual_seed(seed)).person.tolist())
        for seed in range(20)
    }
    assert all(len(some) == 2 and list(some) == sorted(some) for some in drawn) and len(drawn) > 3


def test_no_boxes_give_empty_targets(batch):
    nobody = rois([0], [[0.0, 0, 1, 1]], batch)[torch.zeros(0, dtype=torch.long)]
    found = densepose_targets(nobody, batch, SIZE)
    assert found.coarse.shape == found.part.shape == (0, SIZE, SIZE) and found.uv.shape == (0, 2, SIZE, SIZE)
    assert len(found.point_roi) == 0 and found.point_position.shape == (0, 2)


def test_other_numbers_of_channels_are_refused(batch):
    with pytest.raises(InvalidInput, match="2 or 15 channels, got 3"):
        densepose_targets(rois([0], BOXES[:1], batch), batch, SIZE, 3)
