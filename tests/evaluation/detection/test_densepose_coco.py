"""DensePose's annotations of COCO as a test set, on a file of two people."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.evaluation.detection.densepose_coco import DensePoseCoco
from meshrec.iuv.results import DENSEPOSE_CHARTS

# The right half of a square of 256 x 256, as plain run lengths down the columns.
RIGHT_HALF = {"size": [256, 256], "counts": [256 * 128, 256 * 128]}
POINTS = {"dp_x": [0, 127.5, 255], "dp_y": [255, 51, 0], "dp_I": [1, 0, 24], "dp_U": [0.1, 0.5, 1], "dp_V": [0.2, 0, 1]}


@pytest.fixture
def file(tmp_path):
    pointed = {"id": 1, "image_id": 7, "category_id": 1, "bbox": [10.5, 20, 40, 50], "area": 900.0, "iscrowd": 0,
               "dp_masks": [[], RIGHT_HALF, []], **POINTS}  # fmt: skip
    plain = {"id": 2, "image_id": 7, "category_id": 1, "bbox": [60, 10, 20, 60], "area": 700.0, "iscrowd": 0,
             "segmentation": [[60, 10, 80, 10, 80, 70, 60, 70]]}  # fmt: skip
    crowd = {"id": 3, "image_id": 7, "category_id": 1, "bbox": [0, 0, 5, 5], "area": 25.0, "iscrowd": 1,
             "segmentation": {"size": [80, 100], "counts": [8000 - 80, 80]}}  # fmt: skip
    horse = {"id": 4, "image_id": 7, "category_id": 19, "bbox": [0, 0, 5, 5], "area": 25.0, "iscrowd": 0}
    images = [{"id": 7, "file_name": "b.png"}, {"id": 3, "file_name": "a.png"}]
    path = tmp_path / "densepose.json"
    path.write_text(json.dumps({"images": images, "annotations": [pointed, plain, crowd, horse]}))
    for name in ("a.png", "b.png"):
        Image.fromarray(np.zeros((80, 100, 3), np.uint8)).save(tmp_path / name)
    return path


def test_people_with_points_others_and_crowds(file):
    scenes = DensePoseCoco("minival", file, file.parent)
    assert [scenes.title(index) for index in range(len(scenes))] == ["a.png", "b.png"]  # by the numbers of the images
    assert scenes.read(0).people == () and scenes.charts == DENSEPOSE_CHARTS
    pointed, plain, crowd = scenes.read(1).people
    # The point of part 0 is none; the others lie at 255ths of the box.
    assert pointed.points_px.tolist() == [[10.5, 70.0], [50.5, 20.0]] and pointed.part.tolist() == [1, 24]
    assert pointed.uv.tolist() == [[0.1, 0.2], [1, 1]] and pointed.area_px == 900
    rows, columns = np.nonzero(pointed.mask.numpy())
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (30, 49, 20, 69)
    assert plain.points_px is None and plain.mask[40, 70] and not plain.mask[40, 50] and not plain.crowd
    assert crowd.crowd and torch.equal(crowd.mask.nonzero()[:, 1].unique(), torch.tensor([99]))
    assert "2 photographs, 3 people and crowds, 1 with points" in scenes.describe()["set"]


def test_damaged_files_are_explained(file):
    with pytest.raises(AssetNotFound, match="no file"):
        DensePoseCoco("minival", file.with_name("none.json"), file.parent)
    with pytest.raises(AssetNotFound, match="no folder"):
        DensePoseCoco("minival", file, file.parent / "none")
    file.write_text('{"images": []}')
    with pytest.raises(InvalidInput, match="is not DensePose's annotations of COCO"):
        DensePoseCoco("minival", file, file.parent)
    file.write_text('{"images": [], "annotations": []}')
    with pytest.raises(InvalidInput, match="names no photographs"):
        DensePoseCoco("minival", file, file.parent)
