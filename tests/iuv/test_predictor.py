"""The choice of a backend, and our own net behind the protocol."""

import sys

import numpy as np
import pytest
import torch

from meshrec.errors import AssetNotFound, CheckpointMismatch, InvalidInput
from meshrec.iuv import predictor
from meshrec.iuv.decode import decode_chart
from meshrec.iuv.predictor import make_predictor
from meshrec.iuv.rcnn.inference import find_people
from meshrec.iuv.rcnn_files import save_rcnn
from meshrec.iuv.rcnn_predictor import RcnnPredictor
from meshrec.iuv.results import DENSEPOSE_CHARTS
from meshrec.iuv.selection import PeopleLimits
from tests.support.small_rcnn import SMALL_RCNN, small_rcnn

FIVE = PeopleLimits(0.05, 5)
PHOTO = np.random.default_rng(0).integers(0, 256, (100, 130, 3), dtype=np.uint8)


@pytest.fixture
def weights(tmp_path):
    save_rcnn(tmp_path / "net.safetensors", small_rcnn(), "0123456789abcdef")
    return tmp_path / "net.safetensors"


def test_people_of_a_photo_are_those_of_the_net_best_first(weights):
    model = small_rcnn()
    (output,) = find_people(model, [PHOTO])
    people = RcnnPredictor(model, "0", FIVE).predict(PHOTO)
    assert len(people) == len(output) > 1
    assert [person.score for person in people] == sorted((person.score for person in people), reverse=True)
    for number, person in enumerate(people):
        assert torch.equal(person.box_xyxy_px, output.boxes_xyxy_px[number])
        assert torch.equal(person.chart.labels, decode_chart(output[number]).labels)
        left, top, right, bottom = person.box_xyxy_px.tolist()
        assert 0 <= left < right <= 130 and 0 <= top < bottom <= 100


def test_limits_hold_and_leave_the_net_as_it_was(weights):
    model = small_rcnn()
    everybody = RcnnPredictor(model, "0", FIVE).predict(PHOTO)
    middle = everybody[1].score
    certain = RcnnPredictor(model, "0", PeopleLimits(middle, 5)).predict(PHOTO)
    assert [person.score for person in certain] == [everybody[0].score]
    assert len(RcnnPredictor(model, "0", PeopleLimits(0.0, 1)).predict(PHOTO)) == 1
    assert model.config == SMALL_RCNN


def test_people_below_the_limit_are_not_decoded_by_the_net(monkeypatch):
    model, seen = small_rcnn(), []
    model.charts.register_forward_pre_hook(lambda branch, inputs: seen.append(sum(map(len, inputs[1]))))
    RcnnPredictor(model, "0", PeopleLimits(0.0, 2)).predict(PHOTO)
    assert seen == [2]


@pytest.mark.parametrize("backend", ["ours", "auto"])
def test_our_weights_come_with_their_charts(backend, weights):
    made = make_predictor(backend, weights, limits=FIVE)
    assert made.charts == "0123456789abcdef" and made.predict(PHOTO)


def test_without_a_checkpoint_the_shipped_weights_are_taken(weights, monkeypatch):
    monkeypatch.setattr(predictor, "asset_path", lambda name: {predictor.DEFAULT_WEIGHTS: weights}[name])
    assert make_predictor().charts == "0123456789abcdef"


def test_a_checkpoint_of_detectron2_goes_to_our_net_where_detectron2_is_absent(monkeypatch, tmp_path):
    for package in ("detectron2", "densepose"):
        monkeypatch.setitem(sys.modules, package, None)
    asked = []
    monkeypatch.setattr(predictor, "load_zoo_model", lambda *files: asked.append(files) or small_rcnn())
    config = tmp_path / "densepose_rcnn_R_50_FPN_s1x.yaml"
    config.write_text("")
    made = make_predictor("auto", tmp_path / "model.pkl", config)
    assert isinstance(made, RcnnPredictor) and made.charts == DENSEPOSE_CHARTS
    assert asked == [(tmp_path / "model.pkl", str(config))]


def test_options_that_do_not_fit_are_explained(weights, tmp_path):
    with pytest.raises(InvalidInput, match="choose one of auto, ours, detectron2"):
        make_predictor("theirs")
    with pytest.raises(InvalidInput, match="know their own configuration"):
        make_predictor("ours", weights, "densepose_rcnn_R_50_FPN_s1x")
    with pytest.raises(AssetNotFound):
        make_predictor("ours", tmp_path / "none.pkl")
    (tmp_path / "junk.pkl").write_bytes(b"junk")
    with pytest.raises(CheckpointMismatch):
        make_predictor("ours", tmp_path / "junk.pkl")


def test_images_of_another_kind_are_refused(weights):
    made = make_predictor("ours", weights)
    for image in (PHOTO[..., 0], PHOTO / 255, "photo.jpg", PHOTO[:0]):
        with pytest.raises(InvalidInput, match="photo"):
            made.predict(image)


def test_a_tiny_and_a_narrow_photo_pass(weights):
    made = make_predictor("ours", weights, limits=FIVE)
    for size in ((1, 1), (16, 400), (300, 20)):
        for person in made.predict(np.full((*size, 3), 128, np.uint8)):
            assert person.box_xyxy_px[2] <= size[1] and person.box_xyxy_px[3] <= size[0]
