import numpy as np
import pytest

from meshrec.data.converters import coco_keypoints
from meshrec.errors import InvalidInput
from meshrec.structures import BODY30
from tests.support.foreign_data import coco_content, write_json


@pytest.fixture
def people(tmp_path):
    return coco_keypoints.convert(write_json(tmp_path / "person_keypoints.json", coco_content()), tmp_path)


def test_people_are_kept_and_crowds_dogs_and_unlabelled_people_are_not(people):
    assert people.image.tolist() == ["000000000007.jpg", "000000000009.jpg"]
    assert people.image_size.tolist() == [[80, 64], [50, 100]]
    np.testing.assert_array_equal(people.box_xywh_px, [[5, 6, 50, 60], [1, 2, 3, 4]])


def test_keypoints_become_continuous_pixels_with_their_visibility(people):
    index = [BODY30.index(name) for name in ("nose", "left_shoulder", "left_hip", "right_hip", "pelvis")]
    np.testing.assert_array_equal(people.joints_px[0, index[:3]], [[10.5, 20.5], [30.5, 40.5], [33.5, 60.5]])
    np.testing.assert_array_equal(people.joint_confidence[0, index], [1, 0.5, 1, 0, 0])
    assert not people.joint_confidence[1].any() and not people.joints_px[1].any()


def test_outlines_keep_their_rings(people):
    rows = people.outlines.rows(0)
    assert rows["ring"].tolist() == [0, 0, 0, 1, 1, 1] and rows["px"][3].tolist() == [5, 6]
    assert people.has_mask.all()


@pytest.mark.parametrize("content", [{"images": []}, [], {"images": [], "annotations": [{"image_id": 3}]}])
def test_other_json_is_explained(tmp_path, content):
    with pytest.raises(InvalidInput, match="is not COCO's keypoint annotations"):
        coco_keypoints.convert(write_json(tmp_path / "x.json", content), tmp_path)


def test_damaged_json_is_explained(tmp_path):
    (tmp_path / "x.json").write_text('{"images": [')
    with pytest.raises(InvalidInput, match="is not JSON"):
        coco_keypoints.convert(tmp_path / "x.json", tmp_path)
