"""Keypoint files: every layout gives the same person, and what cannot be read is explained in a sentence."""

import json

import numpy as np
import pytest
import torch

from meshrec.data.annotations import Annotations
from meshrec.data.converters.joint_rows import to_body30
from meshrec.data.keypoint_files import KeypointSource, read_keypoints
from meshrec.data.npz_format import write_annotations
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.structures import COCO17, JointSet, convert_joints
from meshrec.structures.foreign_joints import OPENPOSE18, OPENPOSE25

# x, y and confidence of COCO's joints in continuous pixels; one is hidden and one unknown.
PERSON = np.stack([np.arange(17) * 3 + 20.5, np.arange(17) * 5 + 10.5, np.r_[0.5, np.ones(15), 0]], 1)
PERSON[16, :2] = 0


def coco_annotations(people=(PERSON,), name="street.jpg"):
    indexed = [np.c_[person[:, :2] - 0.5, person[:, 2] * 2] for person in people]
    entries = [{"image_id": 7, "category_id": 1, "keypoints": keypoints.ravel().tolist()} for keypoints in indexed]
    return {"images": [{"id": 7, "file_name": name}], "annotations": entries}


def openpose(joint_set, key="pose_keypoints_2d"):
    both = convert_joints(torch.from_numpy(PERSON), COCO17, joint_set)[0]
    return {"version": 1.3, "people": [{key: both.flatten().tolist(), "face_keypoints_2d": []}]}


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def csv_text(sep=","):
    spelt = [name.replace("left_", "L").replace("right_", "r-") for name in COCO17.names]
    spelt = [name[0] + name[1:].title() if name[0] == "L" else name for name in spelt]
    lines = [sep.join([name, f"{x}", f"{y}", f"{c}"]) for name, (x, y, c) in zip(spelt, PERSON)]
    return "\n".join([sep.join(["joint", "x", "y", "confidence"]), *lines])


def write_npz(path):
    np.savez(path, joints_px=PERSON[None, :, :2], confidence=PERSON[None, :, 2], names=np.array(COCO17.names))
    return path


def write_people(path):
    joints, confidence = to_body30(PERSON[None, :, :2], PERSON[None, :, 2], COCO17)
    known = {"joints_px": joints, "joint_confidence": confidence, "joint_set": COCO17.name}
    write_annotations(Annotations.of(["a/street.jpg"], [[0, 0, 9, 9]], **known), path)
    return path


WRITERS = {
    "coco annotations": lambda folder: write(folder / "coco.json", coco_annotations()),
    "coco detections": lambda folder: write(folder / "results.json", [
        {"image_id": 7, "category_id": 1, "score": 0.9,
         "keypoints": np.c_[PERSON[:, :2] - 0.5, PERSON[:, 2]].ravel().tolist()}]),
    "OpenPose-25": lambda folder: write(folder / "op.json", openpose(OPENPOSE25)),
    "OpenPose-18, old key": lambda folder: write(folder / "old.json", openpose(OPENPOSE18, "pose_keypoints")),
    "npz": lambda folder: write_npz(folder / "table.npz"),
    "labelled people": lambda folder: write_people(folder / "people.npz"),
    "csv": lambda folder: write(folder / "table.csv", csv_text()),
}  # fmt: skip


@pytest.mark.parametrize("layout", WRITERS)
def test_every_layout_gives_the_same_person(tmp_path, layout):
    (person,) = read_keypoints(WRITERS[layout](tmp_path))
    joints = torch.from_numpy(np.c_[person.joints_px, person.confidence])
    converted, present = convert_joints(joints, person.joint_set, COCO17)
    assert present.all()
    np.testing.assert_allclose(converted.numpy(), PERSON, atol=1e-4)


@pytest.mark.parametrize("layout", ["coco annotations", "npz", "labelled people", "csv"])
def test_a_known_set_of_joints_is_recognised(tmp_path, layout):
    (person,) = read_keypoints(WRITERS[layout](tmp_path))
    assert person.joint_set.name == COCO17.name


def test_joints_of_other_sets_keep_their_names(tmp_path):
    path = write(tmp_path / "table.csv", "person,joint,x,y\n1,Nose,1,2\n2,RBigToe,,\n2,left ankle,5,6\n")
    first, second = read_keypoints(path)
    assert first.joint_set.names == ("nose",) and second.joint_set.names == ("right_big_toe", "left_ankle")
    assert first.confidence.tolist() == [1] and second.confidence.tolist() == [0, 1]


def test_categories_of_coco_name_the_joints(tmp_path):
    content = coco_annotations()
    content["annotations"][0]["keypoints"] = [1, 2, 2, 3, 4, 1]
    content["categories"] = [{"id": 1, "keypoints": ["tail", "nose"]}]
    (person,) = read_keypoints(write(tmp_path / "a.json", content))
    assert person.joint_set == JointSet(person.joint_set.name, ("tail", "nose"))
    assert person.joints_px.tolist() == [[1.5, 2.5], [3.5, 4.5]] and person.confidence.tolist() == [1, 0.5]


def test_crowds_and_people_without_keypoints_are_left_out(tmp_path):
    content = coco_annotations([PERSON, PERSON, PERSON])
    content["annotations"][0]["iscrowd"] = 1
    content["annotations"][1]["keypoints"] = [0] * 51
    assert len(read_keypoints(write(tmp_path / "a.json", content))) == 1


def test_a_photo_gets_its_own_people(tmp_path):
    content = coco_annotations()
    content["images"].append({"id": 8, "file_name": "val/park.jpg"})
    content["annotations"].append(content["annotations"][0] | {"image_id": 8})
    source = KeypointSource(write(tmp_path / "a.json", content))
    assert [len(source.of(photo, several=True)) for photo in ("x/street.jpg", "park.jpg")] == [1, 1]
    with pytest.raises(InvalidInput, match="has nobody in other.jpg; it is about street.jpg, val/park.jpg"):
        source.of("other.jpg")


def test_detections_know_the_photo_by_the_number_in_its_name(tmp_path):
    source = KeypointSource(WRITERS["coco detections"](tmp_path))
    assert len(source.of("000000000007.jpg", several=True)) == 1
    with pytest.raises(InvalidInput, match="nobody in 000000000008.jpg"):
        source.of("000000000008.jpg")


def test_a_folder_has_a_file_for_each_photo(tmp_path):
    write(tmp_path / "street_keypoints.json", openpose(OPENPOSE25))
    write(tmp_path / "park.csv", csv_text())
    source = KeypointSource(tmp_path)
    assert source.of("street.jpg", several=True)[0].joint_set == OPENPOSE25
    assert source.of("some/park.png", several=True)[0].joint_set.name == COCO17.name
    with pytest.raises(AssetNotFound, match="holds no keypoints of hill.jpg, such as hill_keypoints.json"):
        source.of("hill.jpg")


def test_a_file_without_image_names_serves_one_photo_only(tmp_path):
    source = KeypointSource(WRITERS["csv"](tmp_path))
    assert len(source.of("anything.jpg")) == 1
    with pytest.raises(InvalidInput, match="does not say in which photo"):
        source.of("anything.jpg", several=True)


@pytest.mark.parametrize("name, content, sentence", [
    ("a.json", "{", "is not JSON"), ("a.json", "{}", "neither OpenPose's JSON .* nor COCO's"),
    ("a.json", "3", "neither OpenPose's JSON .* nor COCO's"),
    ("a.json", '{"people": [{"pose_keypoints_2d": [1, 2, 3]}]}', "must have 25 or 18 joints, got 1"),
    ("a.json", '{"people": [{}]}', "not OpenPose's JSON"), ("a.json", '[{"keypoints": [1, 2, 3]}]', "not COCO's"),
    ("a.json", '[{"image_id": 1, "keypoints": [1, 2]}]', "not COCO's keypoint JSON"),
    ("a.json", '[{"image_id": 1, "keypoints": [1, 2, 1]}]', "a person of COCO-17 has 17 joints"),
    ("a.csv", "name,x,y\nnose,1,2\n", "not a CSV of joint, x, y"), ("a.csv", "joint,x,y\nnose,one,2\n", "not a CSV"),
    ("a.csv", "joint,x,y\nnose,1,2\nNose,3,4\n", "names the joint nose twice"),
    ("a.npz", "PK no zip", "damaged or no npz"), ("a.txt", "nose 1 2", "must be one of .json, .npz")])  # fmt: skip
def test_a_file_that_cannot_be_used_is_explained(tmp_path, name, content, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        read_keypoints(write(tmp_path / name, content))


def test_a_missing_file_and_a_table_without_names_are_explained(tmp_path):
    with pytest.raises(AssetNotFound, match="no keypoint file"):
        read_keypoints(tmp_path / "absent.json")
    np.savez(tmp_path / "a.npz", joints_px=np.zeros((1, 2, 2)))
    with pytest.raises(InvalidInput, match="not an npz of joints_px"):
        read_keypoints(tmp_path / "a.npz")


@pytest.mark.parametrize("visibility", [0.87, -1, 3, float("nan")])
def test_annotations_with_scores_for_visibilities_are_refused_rather_than_read_as_unknown(tmp_path, visibility):
    content = coco_annotations()
    content["annotations"][0]["keypoints"][2] = visibility
    with pytest.raises(InvalidInput, match=f"must be 0, 1 or 2, got {visibility}; scores belong to a list of detec"):
        read_keypoints(write(tmp_path / "coco.json", content))


def test_a_file_of_nobody_holds_nobody_of_every_photo(tmp_path):
    source = KeypointSource(write(tmp_path / "none.json", {"annotations": []}))
    assert source.of("street.jpg", several=True) == []
