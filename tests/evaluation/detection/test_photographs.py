"""Packs of photographs as test sets for detectors."""

import json

import numpy as np
import pytest
from PIL import Image

from meshrec.data.detection.held_out import is_held_out
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.evaluation.detection.empty_pictures import EmptyPictures
from meshrec.evaluation.detection.photographs import PhotographedScenes

NAMES = [f"images/{number}.png" for number in range(30)]


def write_pack(folder, entries):
    (folder / "images").mkdir()
    for entry in entries:
        Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(folder / entry["image"])
    content = {"keypoint_names": ["nose"], "images": [{"width": 60, "height": 40, **entry} for entry in entries]}
    (folder / "index.json").write_text(json.dumps(content))
    return folder


def box(*xywh, crowd=False, **more):
    return {"bbox": list(xywh), "iscrowd": int(crowd), "keypoints": [[0, 0, 0]], **more}


@pytest.fixture
def scene_pack(tmp_path):
    people = [box(10, 5, 20, 30, mask_id=1), box(40, 0, 20, 20, crowd=True), box(0, 0, 5, 5)]
    entries = [{"image": name, "people": people, "all_people_labelled": name != NAMES[0]} for name in NAMES]
    entries[1]["mask_file"] = "mask.png"
    mask = np.zeros((40, 60), np.uint8)
    mask[5:35, 10:20] = 1
    Image.fromarray(mask).save(tmp_path / "mask.png")
    return write_pack(tmp_path, entries)


def test_a_pack_of_scenes_gives_people_crowds_masks_and_whether_all_are_labelled(scene_pack):
    scenes = PhotographedScenes("scenes", scene_pack)
    first, second = scenes.read(0), scenes.read(1)
    assert len(scenes) == 30 and (first.title, first.size_px) == (NAMES[0], (40, 60))
    assert (first.everyone_labelled, second.everyone_labelled) == (False, True)
    person, crowd, small = second.people
    assert person.box_xyxy_px.tolist() == [10, 5, 30, 35] and (person.crowd, crowd.crowd) == (False, True)
    assert person.area_px == 300 and int(person.mask.sum()) == 300 and small.mask is None and small.area_px == 25
    assert first.people[0].area_px == 600
    assert (
        "30 photographs, 60 people" in scenes.describe()["set"] and "in 29 " in scenes.describe()["everyone_labelled"]
    )


def test_only_the_held_out_photographs_are_measured_where_training_saw_the_others(scene_pack):
    scenes = PhotographedScenes("scenes", scene_pack, held_out=True)
    titles = [scenes.title(index) for index in range(len(scenes))]
    assert titles == [name for name in NAMES if is_held_out(name)] and 0 < len(titles) < 30
    assert "the tenth that training leaves out" in scenes.describe()["set"]


def test_a_pack_for_bodies_has_outlines_and_knows_by_its_source_whether_all_are_labelled(tmp_path):
    outline = [[10, 5, 30, 5, 30, 35, 10, 35]]
    coco = {"image": NAMES[0], "dataset": "COCO val2017", "people": [box(10, 5, 20, 30, segmentation=outline)]}
    mpii = {"image": NAMES[1], "dataset": "MPII", "people": [box(10, 5, 20, 30)]}
    scenes = PhotographedScenes("dev", write_pack(tmp_path, [coco, mpii]))
    first, second = scenes.read(0), scenes.read(1)
    assert (first.everyone_labelled, second.everyone_labelled) == (True, False)
    assert 600 <= int(first.people[0].mask.sum()) <= 660 and second.people[0].mask is None


def test_what_is_no_pack_is_refused(tmp_path):
    with pytest.raises(AssetNotFound, match="no index.json"):
        PhotographedScenes("none", tmp_path)
    (tmp_path / "index.json").write_text("{}")
    with pytest.raises(InvalidInput, match="not a photo pack's index"):
        PhotographedScenes("none", tmp_path)


def test_pictures_of_nobody_know_which_of_them_training_has_seen(tmp_path):
    for number in range(10):
        Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(tmp_path / f"{number}.png")
    (tmp_path / "index.json").write_text(json.dumps([{"file": f"{number}.png"} for number in range(10)]))
    pictures = EmptyPictures("empty", tmp_path, seen_share=0.9)
    assert EmptyPictures.is_pack(tmp_path) and len(pictures) == 10
    assert [pictures.read(index).unseen for index in range(10)] == [False] * 9 + [True]
    assert pictures.read(3).people == () and pictures.read(3).everyone_labelled
    assert "10 pictures that show nobody, of which training has not seen 1" in pictures.describe()["set"]


def test_a_pack_of_labelled_photographs_is_no_pack_of_pictures_of_nobody(scene_pack, tmp_path):
    assert not EmptyPictures.is_pack(scene_pack) and not EmptyPictures.is_pack(tmp_path / "none")
