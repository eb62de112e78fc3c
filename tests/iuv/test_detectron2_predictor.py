"""The detectron2 backend where detectron2 is not installed; tests/reference compares it where it is."""

import sys

import pytest

from meshrec.errors import InvalidInput, MissingDependency
from meshrec.iuv.detectron2_predictor import Detectron2Predictor, require_detectron2
from meshrec.iuv.predictor import make_predictor


@pytest.fixture(params=["detectron2", "densepose"])
def without(request, monkeypatch):
    """One of the two packages is absent; the other one may be there."""
    for name in [name for name in sys.modules if name.split(".")[0] == request.param]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, request.param, None)
    if request.param == "densepose" and "detectron2" not in sys.modules:
        monkeypatch.setitem(sys.modules, "detectron2", sys)
    return request.param


def test_the_message_has_both_install_lines(without):
    with pytest.raises(MissingDependency) as caught:
        require_detectron2()
    message = str(caught.value)
    assert message.startswith(f"{without} is needed to run DensePose models with detectron2")
    assert message.count("pip install") == 2 and "#subdirectory=projects/DensePose" in message


def test_whoever_asks_for_detectron2_is_told_before_any_file_is_read(without, tmp_path):
    with pytest.raises(MissingDependency):
        Detectron2Predictor(tmp_path / "none.yaml", tmp_path / "none.pkl")
    with pytest.raises(MissingDependency):
        make_predictor("detectron2", tmp_path / "none.pkl", tmp_path / "none.yaml")


def test_detectron2_needs_a_checkpoint_and_its_configuration(tmp_path):
    for checkpoint, config in ((None, "some.yaml"), ("some.pkl", None), ("some.safetensors", "some.yaml")):
        with pytest.raises(InvalidInput, match="needs a checkpoint of detectron2 and its configuration"):
            make_predictor("detectron2", checkpoint, config)
