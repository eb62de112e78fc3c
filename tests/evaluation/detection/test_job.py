"""The command for detectors: from packs to figures, tables and pictures, and what it refuses."""

import csv
import json
from importlib import metadata

import numpy as np
import pytest
from PIL import Image

from meshrec.build import Surface
from meshrec.build_detector import DetectorTrainConfig
from meshrec.config import build_config
from meshrec.data.detection.held_out import is_held_out
from meshrec.engine.distributed import World
from meshrec.errors import InvalidInput
from meshrec.evaluation.detection.job import DetectorEvaluation
from meshrec.evaluation.options import EvaluationOptions
from meshrec.iuv.rcnn_files import save_rcnn
from tests.support.commands import load_main
from tests.support.known_detections import KnownPredictor, detection
from tests.support.small_rcnn import small_rcnn

CONFIG = "configs/smoke/densepose_rcnn_light.yaml"
HELD_OUT = next(name for name in (f"images/{number}.png" for number in range(99)) if is_held_out(name))
SEEN = next(name for name in (f"images/{number}.png" for number in range(99)) if not is_held_out(name))
SIZE = (160, 200)


@pytest.fixture
def packs(tmp_path):
    """A pack of two photographs, one of them held out, and one of four pictures of nobody."""
    generator = np.random.default_rng(0)
    people = [{"bbox": [10, 10, 60, 120], "iscrowd": 0, "keypoints": [[0, 0, 0]]},
              {"bbox": [100, 10, 60, 120], "iscrowd": 0, "keypoints": [[0, 0, 0]]}]  # fmt: skip
    entries = [
        {"image": name, "width": SIZE[1], "height": SIZE[0], "people": people, "all_people_labelled": True}
        for name in (HELD_OUT, SEEN)
    ]
    files = [f"{number}.png" for number in range(4)]
    for folder, names in (("scenes", (HELD_OUT, SEEN)), ("empty", files)):
        for name in names:
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(generator.integers(0, 255, (*SIZE, 3), np.uint8)).save(path)
    index = {"keypoint_names": ["nose"], "images": entries}
    (tmp_path / "scenes/index.json").write_text(json.dumps(index))
    (tmp_path / "empty/index.json").write_text(json.dumps([{"file": name} for name in files]))
    return tmp_path


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "small.safetensors"
    save_rcnn(path, small_rcnn(), Surface.load().charts.hash)
    return path


def pixels(path):
    return np.asarray(Image.open(path))


def known_evaluation(packs, weights, **options):
    """An evaluation in which one of the two people is found and one in four pictures of nobody deceives."""
    predictor = KnownPredictor()
    for name in (HELD_OUT, SEEN):
        predictor.tell(pixels(packs / "scenes" / name), [detection((10, 10, 70, 130)), detection((90, 100, 120, 150))])
    for number in range(4):
        predictor.tell(pixels(packs / f"empty/{number}.png"), [detection((10, 10, 70, 130))] if number == 3 else [])
    training = {"photos": {"packs": [{"folder": str(packs / "scenes")}],
                           "empty": [{"folder": str(packs / "empty"), "part": [0.0, 0.5]}]}}  # fmt: skip
    config = build_config(DetectorTrainConfig, {"task": "detection", "data": training})
    data = (f"scenes={packs / 'scenes'}", f"empty={packs / 'empty'}")
    chosen = EvaluationOptions(weights=str(weights), data=data, people=0, **options)
    return DetectorEvaluation(config, chosen, World(), predictor)


def test_packs_that_training_saw_are_measured_where_it_did_not(packs, weights):
    evaluation = known_evaluation(packs, weights, json=str(packs / "figures.json"), csv=str(packs / "pictures.csv"))
    printed = evaluation.run()
    report = json.loads((packs / "figures.json").read_text())
    scenes, empty = report["scenes"], report["empty"]
    values = scenes["figures"]["model"]
    assert values["box_recall"] == values["box_precision"] == 0.5 and scenes["counts"]["model"]["box_recall"] == 2
    assert values["people_f1"] == 0.5 and values["found_box_iou"] == 1
    assert "the tenth that training leaves out: 1 photographs" in scenes["protocol"]["set"]
    values = empty["figures"]["model"]
    assert (values["false_positives"], values["false_alarm"], values["false_alarm_unseen"]) == (0.25, 0.25, 0.5)
    assert scenes["protocol"]["weights_sha256"] and "at least 0.5" in scenes["protocol"]["min_score"]
    for name, words in scenes["definitions"].items():
        assert name in printed and words in printed
    with (packs / "pictures.csv").open() as file:
        rows = [(row["set"], row["person"], row["false_positives"]) for row in csv.DictReader(file)]
    assert rows[0] == ("scenes", HELD_OUT, "1.0") and rows[-1] == ("empty", "3.png", "1.0") and len(rows) == 5


def test_the_protocol_says_when_the_precision_of_boxes_is_left_out(packs, weights, monkeypatch):
    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)
    assert "left out; it needs pycocotools" in known_evaluation(packs, weights).run()


def test_sheets_show_the_best_and_the_worst(packs, weights):
    known_evaluation(packs, weights, pictures=str(packs / "sheets")).run()
    scenes, empty = (pixels(packs / f"sheets/{name}.png") for name in ("scenes", "empty"))
    assert scenes.std() > 10 and empty.shape[0] == scenes.shape[0] and empty.shape[1] > scenes.shape[1]
    for colour in ((40, 200, 40), (230, 30, 30), (255, 200, 0)):  # found, made up, missed
        assert (scenes == colour).all(-1).sum() > 100, colour
    assert (empty == (230, 30, 30)).all(-1).any() and not (empty == (40, 200, 40)).all(-1).any()


def test_the_command_measures_a_detector_from_its_weights(packs, weights, capsys):
    code = load_main("tools/eval.py")(
        CONFIG, "--weights", weights, "--people", 1, "--data", f"scenes={packs / 'scenes'}",
        "--json", packs / "figures.json",
    )  # fmt: skip
    printed = capsys.readouterr().out
    report = json.loads((packs / "figures.json").read_text())
    assert code == 0 and set(report) == {"synthetic", "scenes"} and "box_recall_any" in printed
    assert report["scenes"]["counts"]["model"]["box_recall"] == 4  # the configuration trains on no packs
    assert "1 synthetic scenes, seed" in report["synthetic"]["protocol"]["set"]
    assert report["synthetic"]["protocol"]["poses"] == "made up"


def test_options_of_reconstruction_are_refused(packs, weights):
    with pytest.raises(InvalidInput, match="are for reconstruction"):
        known_evaluation(packs, weights, regressor="J.npy")


@pytest.mark.parametrize(("arguments", "sentence"), [
    (["--data", "synthetic=x"], "a name of its own"),
    (["--data", "a=folder"], "not a photo pack"),
    (["--weights", "none.safetensors"], "none.safetensors"),
    (["--densepose-tables", "none"], "evaluation tables are"),
])  # fmt: skip
def test_words_that_name_nothing_end_with_one_sentence(weights, capsys, arguments, sentence):
    assert load_main("tools/eval.py")(CONFIG, "--people", 0, "--weights", weights, *arguments) == 2
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1 and error.startswith("error: ")
