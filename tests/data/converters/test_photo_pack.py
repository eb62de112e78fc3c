"""Our photo packs as labelled people: who is in them, by which joints, with which masks."""

import json

import numpy as np
import pytest
from PIL import Image

from meshrec.data.conversion import convert_sources
from meshrec.data.pictures import labelled_mask
from meshrec.errors import InvalidInput
from meshrec.structures import BODY30, LSP14

KEYPOINTS = [[10 + place, 20 + place, 2] for place in range(14)]


def write_pack(folder, people, **image):
    content = {"keypoint_names": [name.replace("right_", "r_").replace("left_", "l_") for name in LSP14.names],
               "images": [{"image": "images/a.png", "width": 40, "height": 50, **image, "people": people}]}  # fmt: skip
    folder.mkdir(exist_ok=True)
    (folder / "index.json").write_text(json.dumps(content))
    return folder


def test_people_come_with_boxes_joints_and_sizes_and_without_crowds(tmp_path):
    keypoints = [[*KEYPOINTS[0][:2], 1], *KEYPOINTS[1:13], [0, 0, 0]]
    people = [{"bbox": [1, 2, 30, 40], "keypoints": keypoints}, {"bbox": [0, 0, 40, 50], "iscrowd": 1},
              {"bbox": [5, 5, 0, 10]}, {"bbox": [5, 5, 10, 10]}]  # fmt: skip
    made = convert_sources("photos", [write_pack(tmp_path / "pack", people)]).people
    assert made.image.tolist() == ["images/a.png"] * 2 and made.joint_set == LSP14.name and made.source == "pack"
    assert made.box_xywh_px.tolist() == [[1, 2, 30, 40], [5, 5, 10, 10]] and made.image_size[0].tolist() == [50, 40]
    ankle, crown = BODY30.index("right_ankle"), BODY30.index("head_top")
    assert made.joints_px[0, ankle].tolist() == [10, 20]
    assert made.joint_confidence[0, [ankle, crown]].tolist() == [0.5, 0]
    assert not made.has_mask.any()


def test_a_mask_of_a_whole_photograph_is_shared_by_its_people(tmp_path):
    values = np.repeat(np.array([[0, 1, 2, 2]], np.uint8), 3, 0)
    folder = write_pack(tmp_path / "pack", [{"bbox": [0, 0, 2, 3], "mask_id": 1}, {"bbox": [2, 0, 2, 3], "mask_id": 2},
                                            {"bbox": [0, 0, 1, 1]}], mask_file="mask.png")  # fmt: skip
    Image.fromarray(values).save(folder / "mask.png")
    people = convert_sources("photos", [folder]).people
    assert people.has_mask.tolist() == [True, True, False]
    for row in (0, 1):
        np.testing.assert_array_equal(labelled_mask(people, row, folder, (3, 4)), values == row + 1)


def test_packs_that_cannot_be_used_are_explained(tmp_path):
    with pytest.raises(InvalidInput, match="labels nobody"):
        convert_sources("photos", [write_pack(tmp_path / "empty", [])])
    folder = write_pack(tmp_path / "large", [{"bbox": [0, 0, 2, 3], "mask_file": "mask.png", "mask_id": 200}])
    with pytest.raises(InvalidInput, match="values above 62"):
        convert_sources("photos", [folder])
    (folder / "index.json").write_text("{}")
    with pytest.raises(InvalidInput, match="not a photo pack's index"):
        convert_sources("photos", [folder])
