"""COCO-DensePose files as scenes: the public layout, masks of all kinds, and points that follow the view."""

import cv2
import numpy as np
import pytest
import torch

from meshrec.data.detection.densepose_scenes import read_densepose_scenes
from meshrec.data.detection.photo_scenes import PhotoScenes
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.structures import COCO17
from tests.support.foreign_data import coco_content, write_json

# A 256 x 256 mask of the left half, and one of the lower quarter of the right half, down the columns.
LEFT_HALF = [0, 128 * 256, 128 * 256]
LOWER_RIGHT = [128 * 256 + 192] + [64, 192] * 127 + [64]


@pytest.fixture
def folder(tmp_path):
    """The layout of ``densepose_coco_2014_train.json`` with the made-up people of the keypoint tests."""
    found = coco_content()
    found["annotations"][0] |= {
        "dp_I": [3.0, 24.0, 1.0],
        "dp_U": [0.25, 0.5, 0.0],
        "dp_V": [0.75, 1.0, 0.5],
        "dp_x": [64.0, 0.0, 192.0],
        "dp_y": [64.0, 255.0, 250.0],
        "dp_masks": [[], {"size": [256, 256], "counts": LEFT_HALF}, {"size": [256, 256], "counts": LOWER_RIGHT}]
        + [[]] * 11,
    }
    for image in found["images"]:
        picture = np.full((image["height"], image["width"], 3), 80, np.uint8)
        cv2.imwrite(str(tmp_path / image["file_name"]), picture)
    write_json(tmp_path / "dp.json", found)
    return tmp_path


def test_everybody_is_boxed_with_what_is_known(folder):
    first, second = read_densepose_scenes(folder / "dp.json", folder)
    assert first.image.name == "000000000007.jpg" and len(first.labels) == 3  # the dog is nobody
    assert first.labels.boxes_xyxy_px[0].tolist() == [5, 6, 55, 66]
    assert first.labels.is_crowd.tolist() == [False, True, False]
    assert first.labels.has_mask.tolist() == [True, False, False] and second.labels.has_mask.tolist() == [True]
    assert first.labels.keypoints_px[0, COCO17.index("nose")].tolist() == [10.5, 20.5]
    assert first.labels.keypoint_confidence.sum() == 2.5 and not second.labels.keypoint_confidence.any()


def test_points_lie_in_the_picture_under_their_part_by_the_rule_of_training(folder):
    points = read_densepose_scenes(folder / "dp.json", folder)[0].labels.points
    assert points.part.tolist() == [3, 24, 1] and points.person.tolist() == [0, 0, 0]
    np.testing.assert_allclose(points.uv, [[0.25, 0.75], [0.5, 1], [0, 0.5]])
    np.testing.assert_allclose(
        points.px, [[5 + 12.5, 6 + 15], [5, 6 + 60 * 255 / 256], [5 + 37.5, 6 + 60 * 250 / 256]], rtol=1e-6
    )


def test_masks_of_parts_are_stretched_over_the_box_and_crowds_are_unknown(folder):
    batch = PhotoScenes(read_densepose_scenes(folder / "dp.json", folder)).whole([0], 80)
    person = batch.person_map[0]
    assert (person[6:66, 5:30] == 1).all() and (person[51:66, 30:55] == 1).all()
    assert (person[6:51, 30:55] == -1).all() and (person[:6, :64] == -1).all()  # the crowd fills the photograph
    assert batch.is_crowd.tolist() == [False, True, False] and batch.everyone_labelled.all()


def test_outlines_serve_where_densepose_has_no_masks(folder):
    batch = PhotoScenes(read_densepose_scenes(folder / "dp.json", folder)).whole([1], 400)
    assert batch.boxes_xyxy_px.tolist() == [[4, 8, 16, 24]] and not batch.is_crowd.any()
    own = batch.person_map[0] == 1
    assert own[10, 14] and not own[22, 5]  # a triangle, coarse at its own size


def test_points_follow_the_view_and_swap_sides_when_mirrored(folder):
    swapped = []

    def mirror(part, uv):
        swapped.append(len(part))
        return part + 100, uv

    scenes = PhotoScenes(read_densepose_scenes(folder / "dp.json", folder)[:1], mirror)
    mirrored = 0
    for seed in range(12):
        batch = scenes.batch(2, 64, seed)
        for person in batch.point_person.unique().tolist():
            own = batch.point_person == person
            part, px = batch.point_part[own], batch.points_px[own]
            is_mirrored = bool((part > 100).any())
            assert is_mirrored == bool((part > 100).all())
            mirrored += is_mirrored
            x = {int(number) % 100: float(place) for number, place in zip(part, px[:, 0])}
            if {3, 1} <= set(x):
                assert (x[3] > x[1]) == is_mirrored
            left, top, right, bottom = batch.boxes_xyxy_px[person].tolist()
            assert ((px[:, 0] >= left - 1) & (px[:, 0] <= right + 1)).all()
            assert ((px[:, 1] >= top - 1) & (px[:, 1] <= bottom + 1)).all()
    assert 2 < mirrored < 22 and swapped


def test_photographs_with_points_stay_as_they_are_where_the_mirror_of_the_charts_is_unknown(folder):
    scenes = PhotoScenes(read_densepose_scenes(folder / "dp.json", folder)[:1], mirror_charts=None)
    for seed in range(8):
        batch = scenes.batch(2, 64, seed)
        for image in range(2):
            own = batch.image_index[batch.point_person] == image
            x = dict(zip(batch.point_part[own].tolist(), batch.points_px[own, 0].tolist()))
            assert not {3, 1} <= set(x) or x[3] < x[1]


def test_what_is_missing_or_damaged_is_explained(folder, tmp_path):
    with pytest.raises(AssetNotFound, match="no file"):
        read_densepose_scenes(tmp_path / "absent.json", folder)
    with pytest.raises(AssetNotFound, match="no folder"):
        read_densepose_scenes(folder / "dp.json", tmp_path / "absent")
    broken = write_json(tmp_path / "broken.json", {"images": [{"id": 1}], "annotations": [{"image_id": 3}]})
    with pytest.raises(InvalidInput, match="is not DensePose's annotations of COCO"):
        read_densepose_scenes(broken, folder)
    found = coco_content()
    found["annotations"][0] |= {"dp_masks": [{"size": [256, 256], "counts": "12"}]}
    photos = read_densepose_scenes(write_json(tmp_path / "damaged.json", found), folder)
    with pytest.raises(InvalidInput, match="add up to 65536 pixels"):
        PhotoScenes(photos).whole([0], 64)


def test_batches_carry_the_points_of_their_people(folder):
    batch = PhotoScenes(read_densepose_scenes(folder / "dp.json", folder)).whole([1, 0], 80)
    assert batch.point_person.tolist() == [1, 1, 1] and batch.image_index.tolist() == [0, 1, 1, 1]
    assert batch.point_part.dtype == torch.long and batch.points_uv.shape == (3, 2)
