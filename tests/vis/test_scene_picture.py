"""Scenes to look at: pictures without padding, boxes where people are, dense IUV only where it is known."""

import numpy as np
import torch

from meshrec.structures.scene_batch import SceneBatch
from meshrec.vis.scene_picture import draw_scenes


def scene():
    """A black picture of 40 x 60 in a square of 60: a person with dense IUV on the left, a crowd on the right."""
    batch = SceneBatch.without_people(torch.zeros(1, 3, 60, 60), torch.tensor([[40, 60]]))
    person_map, part_map, uv_map = batch.person_map.clone(), batch.part_map.clone(), batch.uv_map.clone()
    person_map[0, 5:30, 5:20], person_map[0, 5:30, 40:55] = 1, -1
    part_map[0, 5:30, 5:20], uv_map[0, :, 5:30, 5:20] = 2, 0.5
    return batch.replace(
        image_index=torch.zeros(2, dtype=torch.long),
        boxes_xyxy_px=torch.tensor([[5.0, 5, 20, 30], [40, 5, 55, 30]]),
        is_crowd=torch.tensor([False, True]),
        has_mask=torch.tensor([True, False]),
        has_iuv=torch.tensor([True, False]),
        person_map=person_map,
        part_map=part_map,
        uv_map=uv_map,
        point_person=torch.tensor([0]),
        points_px=torch.tensor([[30.0, 35.0]]),
        point_part=torch.tensor([1]),
        points_uv=torch.tensor([[0.5, 0.5]]),
        keypoints_px=None,
        keypoint_confidence=None,
    )


def test_pictures_come_without_their_padding():
    drawn = draw_scenes(scene())
    assert len(drawn) == 1 and drawn[0].shape == (40, 60, 3) and drawn[0].dtype == np.uint8 and not drawn[0].any()


def test_targets_show_people_boxes_ignored_regions_and_dense_iuv_side_by_side():
    people, charts = np.split(draw_scenes(scene(), with_targets=True)[0][:, 60:], 2, axis=1)
    assert people[15, 10].any() and people[15, 45].any() and not people[35, 30].any()
    assert people[15, 10].tolist() != people[15, 45].tolist()  # a colour of their own, and grey
    assert people[5, 5:20].sum() > people[7, 5:20].sum()  # the frame is brighter than what it frames
    assert (
        charts[15, 10].any() and not charts[15, 45].any() and charts[35, 30].any()
    )  # the crowd has none, the point is
