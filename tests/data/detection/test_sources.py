"""Real pictures for detectors: which are there, in which shares, and which are kept for measuring."""

import json

import cv2
import numpy as np
import pytest

from meshrec.data.detection.empty_pictures import read_empty_pictures
from meshrec.data.detection.held_out import is_held_out
from meshrec.data.detection.photo_scenes import read_scene_pack
from meshrec.data.detection.sources import (
    DensePoseFileConfig,
    EmptyPicturesConfig,
    RealPicturesConfig,
    ScenePackConfig,
    real_pictures,
)
from meshrec.data.mixture import Mixture
from meshrec.errors import AssetNotFound, InvalidInput
from tests.support.foreign_data import coco_content, write_json


@pytest.fixture
def backgrounds(tmp_path):
    folder = tmp_path / "backgrounds"
    folder.mkdir()
    for number in range(10):
        cv2.imwrite(str(folder / f"b{number}.png"), np.full((30, 40, 3), 20 * number, np.uint8))
    (folder / "index.json").write_text("[]")
    return folder


@pytest.fixture
def pack(tmp_path):
    """Fifty grey photographs of one person each."""
    folder = tmp_path / "pack"
    folder.mkdir()
    images = []
    for number in range(50):
        cv2.imwrite(str(folder / f"p{number}.png"), np.full((30, 40, 3), 100, np.uint8))
        people = [{"bbox": [5, 5, 20, 20], "iscrowd": 0}]
        images.append(
            {"image": f"p{number}.png", "width": 40, "height": 30, "all_people_labelled": True, "people": people}
        )
    (folder / "index.json").write_text(json.dumps({"keypoint_names": [], "images": images}))
    return folder


def test_empty_pictures_have_nobody_and_parts_of_the_folder_do_not_overlap(backgrounds):
    training, test = read_empty_pictures(backgrounds, (0, 0.9)), read_empty_pictures(backgrounds, (0.9, 1))
    assert [len(training), len(test)] == [9, 1] and test[0].image.name == "b9.png"
    sources = real_pictures(RealPicturesConfig(empty=(EmptyPicturesConfig(str(backgrounds)),)))
    batch = sources[0][0].batch(20, 48, seed=0)
    assert batch.people_count == 0 and batch.everyone_labelled.all() and not batch.person_map.any()
    assert batch.images[:, :, 0, 0].mean(1).unique().numel() > 5


def test_photographs_for_measuring_are_never_trained_on(pack):
    ((photos, share),) = real_pictures(RealPicturesConfig(packs=(ScenePackConfig(str(pack)),)))
    kept = {photo.image.name for photo in read_scene_pack(pack, held_out=True)}
    trained = {photo.image.name for photo in photos.photos}
    assert kept == {f"p{number}.png" for number in range(50) if is_held_out(f"p{number}.png")}
    assert kept and not kept & trained and len(kept | trained) == len(read_scene_pack(pack)) == 50 and share == 1


def test_shares_add_up_and_what_is_not_there_is_left_out(tmp_path, pack, backgrounds):
    config = RealPicturesConfig(
        packs=(ScenePackConfig(str(pack), 3), ScenePackConfig(str(tmp_path / "absent"), 5)),
        empty=(EmptyPicturesConfig(str(backgrounds)), EmptyPicturesConfig(str(tmp_path / "absent"))),
    )
    sources = real_pictures(config)
    assert [share for _, share in sources] == [0.75, 0.25]
    batch = Mixture(sources).batch(40, 32, seed=3)
    assert len(batch) == 40 and 20 < batch.people_count < 31
    assert not batch.has_iuv.any() and not batch.has_mask.any()
    assert real_pictures(RealPicturesConfig()) == []


def test_annotations_that_somebody_asked_for_must_be_there(tmp_path):
    config = RealPicturesConfig(densepose=(DensePoseFileConfig(str(tmp_path / "dp.json"), str(tmp_path)),))
    with pytest.raises(AssetNotFound, match="DensePose annotations"):
        real_pictures(config)
    write_json(tmp_path / "dp.json", coco_content())
    ((photos, share),) = real_pictures(config)
    assert len(photos) == 2 and share == 1 and photos.mirror_charts is None


def test_folders_without_pictures_and_shares_below_zero_are_refused(tmp_path):
    with pytest.raises(AssetNotFound, match="pictures without people"):
        read_empty_pictures(tmp_path / "absent")
    with pytest.raises(InvalidInput, match="holds no pictures"):
        read_empty_pictures(tmp_path)
    with pytest.raises(ValueError, match="share must be positive"):
        ScenePackConfig("pack", 0)
