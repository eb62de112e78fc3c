"""Batches of whole pictures: numbering and padding when they are joined, and what is absent."""

import pytest
import torch

from meshrec.structures.scene_batch import SceneBatch


def scene(height, width, boxes, points=0):
    """One picture with square masks in some boxes, and points on the last person."""
    people = len(boxes)
    batch = SceneBatch.without_people(torch.rand(1, 3, height, width), torch.tensor([[height, width]]))
    person_map = batch.person_map.clone()
    for number, (left, top, right, bottom) in enumerate(boxes, start=1):
        person_map[0, top:bottom, left:right] = number
    person_map[0, 0, 0] = -1
    return batch.replace(
        image_index=torch.zeros(people, dtype=torch.long),
        boxes_xyxy_px=torch.tensor(boxes).float().view(-1, 4),
        is_crowd=torch.zeros(people, dtype=torch.bool),
        has_mask=torch.ones(people, dtype=torch.bool),
        has_iuv=torch.zeros(people, dtype=torch.bool),
        person_map=person_map,
        point_person=torch.full((points,), people - 1),
        points_px=torch.ones(points, 2),
        point_part=torch.ones(points, dtype=torch.long),
        points_uv=torch.zeros(points, 2),
        keypoints_px=None,
        keypoint_confidence=None,
    )


def test_joined_scenes_keep_every_person_at_their_own_pixels():
    first, second = scene(8, 12, [(1, 1, 4, 5), (6, 2, 9, 8)], points=2), scene(10, 6, [(2, 3, 5, 9)], points=1)
    joined = SceneBatch.concatenate(
        [first, SceneBatch.without_people(torch.rand(1, 3, 4, 4), torch.tensor([[4, 4]])), second]
    )
    assert joined.images.shape == (3, 3, 10, 12) and joined.sizes_px.tolist() == [[8, 12], [4, 4], [10, 6]]
    assert joined.image_index.tolist() == [0, 0, 2] and joined.point_person.tolist() == [1, 1, 2]
    for person, (image, box) in enumerate(zip(joined.image_index.tolist(), joined.boxes_xyxy_px.long().tolist())):
        left, top, right, bottom = box
        own = joined.person_map == 1 + person
        assert own[image, top:bottom, left:right].all() and own.sum() == (right - left) * (bottom - top)
    assert (joined.person_map == -1).sum() == 2 and joined.person_map[2, :, 6:].abs().sum() == 0
    assert torch.equal(joined.images[2, :, :10, :6], second.images[0]) and joined.images[1, :, 4:].sum() == 0


def test_a_scene_without_people_has_no_people_and_knows_it():
    batch = SceneBatch.without_people(torch.rand(2, 3, 4, 6), torch.tensor([[4, 6], [3, 5]]))
    assert batch.people_count == 0 and len(batch) == 2 and batch.everyone_labelled.all()
    assert batch.keypoint_confidence.shape == (0, 17)


def test_moving_keeps_the_kinds_of_the_fields():
    batch = scene(4, 4, [(0, 0, 2, 2)]).to("cpu")
    assert batch.is_crowd.dtype == torch.bool and batch.part_map.dtype == torch.uint8
    assert batch.keypoint_confidence.sum() == 0 and batch.keypoints_px.shape == (1, 17, 2)


def test_fields_of_different_length_are_refused():
    with pytest.raises(ValueError, match="boxes_xyxy_px must have shape"):
        scene(4, 4, [(0, 0, 2, 2)]).replace(boxes_xyxy_px=torch.zeros(2, 4))
