"""The detectron2 backend against detectron2 used directly, and our own net with the same checkpoint beside it."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from meshrec.assets import asset_path
from meshrec.errors import AssetNotFound, CheckpointMismatch, InvalidInput
from meshrec.iuv.detectron2_predictor import Detectron2Predictor, read_detectron2_config
from meshrec.iuv.predictor import make_predictor
from meshrec.iuv.rcnn.config import InputConfig
from meshrec.iuv.rcnn.zoo import load_zoo_model
from meshrec.iuv.rcnn_predictor import RcnnPredictor
from meshrec.iuv.results import DENSEPOSE_CHARTS
from meshrec.iuv.selection import PeopleLimits
from tests.support.detectron2_models import detectron2_model, read_rgb, resized

pytest.importorskip("detectron2", reason="detectron2 is needed to compare with it")
densepose = pytest.importorskip("densepose", reason="detectron2's DensePose project is needed to compare with it")

CONFIGS = Path(densepose.__file__).parents[1] / "configs"
NAMES = ("densepose_rcnn_R_50_FPN_s1x", "densepose_rcnn_R_50_FPN_s1x_legacy", "densepose_rcnn_R_50_FPN_DL_WC2M_s1x")
SHORT, LONG = 192, 320  # a quarter of the zoo's size, to be quick
LIMITS = PeopleLimits(0.06, 6)


@pytest.fixture(scope="module", params=NAMES)
def files(request, tmp_path_factory):
    """The photo, the YAML file of a configuration of the zoo at a smaller size, and a checkpoint."""
    folder = tmp_path_factory.mktemp("zoo")
    photo = read_rgb(asset_path("samples/street.jpg"))
    _, _, checkpoint = detectron2_model(request.param, photo, folder)
    config = folder / f"{request.param}.yaml"
    sizes = f"INPUT: {{MIN_SIZE_TEST: {SHORT}, MAX_SIZE_TEST: {LONG}}}"
    config.write_text(f"_BASE_: {CONFIGS / config.name}\n{sizes}\n")
    return photo, config, checkpoint


@pytest.fixture(scope="module")
def backend(files):
    return make_predictor("auto", files[2], files[1], LIMITS)


def test_people_are_those_of_detectron2_itself(files, backend):
    from densepose.converters import ToChartResultConverter
    from detectron2.checkpoint import DetectionCheckpointer
    from detectron2.modeling import build_model

    photo, yaml_file, checkpoint = files
    config = read_detectron2_config(yaml_file)
    config.MODEL.DEVICE = "cpu"
    model = build_model(config).eval()
    DetectionCheckpointer(model).load(str(checkpoint))
    with torch.no_grad():
        (found,) = model([resized(photo, config)])
    found = found["instances"][found["instances"].scores > LIMITS.min_score][: LIMITS.max_people]
    people = backend.predict(photo)
    assert isinstance(backend, Detectron2Predictor) and backend.charts == DENSEPOSE_CHARTS
    assert len(people) == len(found) > 1
    for number, person in enumerate(people):
        torch.testing.assert_close(person.box_xyxy_px, found.pred_boxes.tensor[number])
        assert person.score == pytest.approx(float(found.scores[number]), abs=1e-6)
        theirs = ToChartResultConverter.convert(found.pred_densepose[number], found.pred_boxes[number])
        assert (person.chart.labels != theirs.labels).float().mean() < 1e-4
        off = (person.chart.uv - theirs.uv).abs()[:, person.chart.labels == theirs.labels]
        assert off.numel() == 0 or off.max() < 1e-4


def test_our_own_net_finds_the_same_people_with_the_same_checkpoint(files, backend):
    photo, config, checkpoint = files
    model = load_zoo_model(checkpoint, str(config))
    model.config = replace(model.config, input=replace(InputConfig(), short_side_px=SHORT, long_side_px=LONG))
    ours, theirs = RcnnPredictor(model, DENSEPOSE_CHARTS, LIMITS).predict(photo), backend.predict(photo)
    assert len(ours) == len(theirs) > 1
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine.box_xyxy_px - other.box_xyxy_px).abs().max() < 0.05
        assert abs(mine.score - other.score) < 1e-4
        if mine.chart.labels.shape == other.chart.labels.shape:
            assert (mine.chart.labels == other.chart.labels).float().mean() > 0.995


def test_people_in_given_boxes_are_described_as_when_they_are_found(files, backend):
    photo, config, checkpoint = files
    model = load_zoo_model(checkpoint, str(config))
    model.config = replace(model.config, input=replace(InputConfig(), short_side_px=SHORT, long_side_px=LONG))
    found = backend.predict(photo)
    boxes = torch.stack([person.box_xyxy_px for person in found])
    for predictor in (backend, RcnnPredictor(model, DENSEPOSE_CHARTS, LIMITS)):
        for person, other in zip(predictor.predict(photo, boxes), found, strict=True):
            assert person.score == 1.0 and (person.box_xyxy_px - other.box_xyxy_px).abs().max() < 0.05
            assert person.chart.labels.shape != other.chart.labels.shape or (
                (person.chart.labels == other.chart.labels).float().mean() > 0.995
            )


def test_nobody_is_an_empty_list(files):
    photo, config, checkpoint = files
    assert make_predictor("detectron2", checkpoint, config, PeopleLimits(1.0)).predict(photo) == []


def test_other_configurations_are_explained(tmp_path):
    for name in ("cse/densepose_rcnn_R_50_FPN_soft_s1x.yaml", "cse/densepose_rcnn_R_101_FPN_DL_s1x.yaml"):
        with pytest.raises(InvalidInput, match="not supported yet"):
            read_detectron2_config(CONFIGS / name)
    with pytest.raises(AssetNotFound, match="projects/DensePose/configs"):
        read_detectron2_config(tmp_path / "none.yaml")
    for text in ("MODEL: {WINGS: 2}", "a: [", "just text", "MODEL: !!python/object/apply:os.getcwd []"):
        (tmp_path / "bad.yaml").write_text(text)
        with pytest.raises(InvalidInput, match="not a configuration of a DensePose model"):
            read_detectron2_config(tmp_path / "bad.yaml")
    (tmp_path / "other.yaml").write_text("VERSION: 2\n")
    with pytest.raises(InvalidInput, match="but not of a DensePose model"):
        read_detectron2_config(tmp_path / "other.yaml")


def test_every_chart_configuration_of_the_zoo_is_taken():
    files = sorted(CONFIGS.glob("densepose_rcnn_*.yaml")) + sorted((CONFIGS / "HRNet").glob("*.yaml"))
    assert len(files) > 20
    for file in files:
        read_detectron2_config(file)


def test_a_checkpoint_of_another_configuration_is_refused(files):
    _, config, checkpoint = files
    other = next(CONFIGS / f"{name}.yaml" for name in NAMES if name != config.stem)
    with pytest.raises(CheckpointMismatch, match="do not fit"):
        Detectron2Predictor(other, checkpoint)
