"""DensePose's annotations of COCO as a test set, on a file of two people."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from meshrec.body.official_geodesics import OfficialGeodesics
from meshrec.build_detector import DetectorTrainConfig
from meshrec.engine.distributed import World
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.evaluation.detection.densepose_coco import DensePoseCoco
from meshrec.evaluation.detection.job import DetectorEvaluation
from meshrec.evaluation.options import EvaluationOptions
from meshrec.iuv.rcnn_files import save_rcnn
from meshrec.iuv.results import DENSEPOSE_CHARTS
from tests.support.densepose_evaluation import write_tables
from tests.support.known_detections import KnownPredictor, detection
from tests.support.small_rcnn import small_rcnn

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


def evaluated(file, charts, **options):
    """Figures of a detector that finds the person with points, and somebody who is not there."""
    weights = file.with_name("small.safetensors")
    save_rcnn(weights, small_rcnn(), charts)
    predictor = KnownPredictor(charts)
    found = [detection((10, 20, 52, 72), part=1, u=0.1), detection((60, 60, 70, 75), score=0.95)]
    predictor.tell(np.zeros((80, 100, 3), np.uint8), found)
    chosen = EvaluationOptions(weights=str(weights), people=0, data=(f"minival={file}::{file.parent}",), **options)
    evaluation = DetectorEvaluation(DetectorTrainConfig(), chosen, World(), predictor)
    evaluation.run()
    return evaluation.findings.reports["minival"].figures["model"]


def test_similarities_need_the_tables_and_a_detector_of_the_same_charts(file, tmp_path):
    pytest.importorskip("scipy.io", reason="the tables are MATLAB files (extra convert)")
    write_tables(tmp_path)
    figures = evaluated(file, DENSEPOSE_CHARTS, densepose_tables=str(tmp_path))
    # Part 1 everywhere, with U = 0.1 cut off to 25 / 255: right for the first of the two points.
    said = torch.tensor([[25 / 255, 0.0]] * 2)
    true = torch.tensor([1, 24]), torch.tensor([[0.1, 0.2], [1.0, 1.0]])
    distance = OfficialGeodesics.from_folder(tmp_path)(torch.tensor([1, 1]), said, *true)
    gps = torch.exp(-(distance**2) / (2 * torch.tensor([0.351, 0.150]) ** 2)).mean().item()
    assert figures["found_gps"] == pytest.approx(gps) and figures["found_part_accuracy"] == 0.5
    assert {"gps_ap", "gpsm_ap", "iou_ap"} <= set(figures) and figures["box_recall"] == 0.5
    for charts, options in (("ours", {"densepose_tables": str(tmp_path)}), (DENSEPOSE_CHARTS, {})):
        figures = evaluated(file, charts, **options)
        assert "found_part_accuracy" in figures and not {"gps_ap", "found_gps"} & set(figures)


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
