"""What detectors are trained with: sources and their shares."""

import json

import cv2
import numpy as np
import pytest

from meshrec.build import Surface
from meshrec.build_detector import DetectorTrainConfig, build_scene_source
from meshrec.config import build_config
from meshrec.data.detection.photo_scenes import PhotoScenes
from meshrec.data.detection.synthetic_scenes import SyntheticScenes
from meshrec.engine.stages import DetectionStage


@pytest.fixture(scope="module")
def surface():
    return Surface.load()


@pytest.fixture
def data(tmp_path):
    """A pack of photographs that is there, one that is not, and a folder of pictures without people."""
    for folder in ("pack", "empty"):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / "one.png"), np.full((40, 60, 3), 99, np.uint8))
    entry = {"image": "one.png", "width": 60, "height": 40, "all_people_labelled": True,
             "people": [{"bbox": [5, 5, 20, 30], "iscrowd": 0}]}  # fmt: skip
    (tmp_path / "pack" / "index.json").write_text(json.dumps({"keypoint_names": [], "images": [entry]}))
    packs = [{"folder": str(tmp_path / "pack"), "share": 3.0}, {"folder": str(tmp_path / "nowhere")}]
    photos = {"packs": packs, "empty": [{"folder": str(tmp_path / "empty"), "part": [0.0, 1.0]}]}
    values = {"data": {"synthetic": {"motion_pack": None, "backgrounds": None, "wardrobe": None}, "photos": photos}}
    return build_config(DetectorTrainConfig, values).data


def stage(photo_share):
    return DetectionStage("first", 1, photo_share=photo_share, losses={"person": 1.0})


def test_real_pictures_take_their_share_of_a_batch_among_made_up_scenes(data, surface):
    source = build_scene_source(data, stage(0.8), surface)
    assert [(type(part), share) for part, share in source.sources] == [
        (SyntheticScenes, pytest.approx(0.2)), (PhotoScenes, pytest.approx(0.6)), (PhotoScenes, pytest.approx(0.2)),
    ]  # fmt: skip
    batch = source.batch(10, 64, seed=1)
    assert len(batch) == 10 and batch.has_iuv.any() and not batch.has_iuv.all()


@pytest.mark.parametrize(("share", "kinds"), [(1.0, [PhotoScenes, PhotoScenes]), (0.0, [SyntheticScenes])])
def test_a_share_of_all_or_nothing_leaves_the_others_out(data, surface, share, kinds):
    source = build_scene_source(data, stage(share), surface)
    assert [type(part) for part, _ in source.sources] == kinds
    assert sum(part for _, part in source.sources) == pytest.approx(1)
