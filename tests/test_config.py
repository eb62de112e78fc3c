"""Configurations: YAML over dataclasses, with overrides and helpful refusals."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from meshrec.build import TrainConfig
from meshrec.build_detector import DetectorTrainConfig
from meshrec.config import config_to_yaml, load_config, load_one_of
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.training.run import TASKS

CONFIGS = Path(__file__).parents[1] / "configs"


@dataclass(frozen=True)
class Inner:
    width: int = 3
    rate: float = 0.5


@dataclass(frozen=True)
class Outer:
    inner: Inner = field(default_factory=Inner)
    names: tuple[str, ...] = ()
    parts: tuple[Inner, ...] = ()
    path: str | None = None


def write(tmp_path, text):
    path = tmp_path / "some.yaml"
    path.write_text(text)
    return path


def test_yaml_overrides_defaults_and_words_override_yaml(tmp_path):
    path = write(tmp_path, "inner: {width: 7}\nparts: [{rate: 1}, {}]\n")
    config = load_config(Outer, path, ["inner.rate=0.25", "parts.1.width=9", "path=a/b", "names=[x, y]"])
    assert config == Outer(Inner(7, 0.25), ("x", "y"), (Inner(3, 1.0), Inner(9, 0.5)), "a/b")


def test_base_file_is_built_upon(tmp_path):
    (tmp_path / "base.yaml").write_text("inner: {width: 7, rate: 0.1}\n")
    config = load_config(Outer, write(tmp_path, "base: base.yaml\ninner: {rate: 0.9}\n"))
    assert config.inner == Inner(7, 0.9)


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("inner: {widht: 7}", [], "inner.width"),
        ("iner: {width: 7}", [], "the nearest is inner"),
        ("inner: {width: wide}", [], "inner.width must be int, got 'wide'"),
        ("inner: {width: true}", [], "inner.width must be int"),
        ("parts: [{}]", ["parts.3.width=1"], "no entry of a list of 1"),
        ("{}", ["inner.width"], "key=value"),
        ("inner: {width: 1}", ["inner.width.a.b=1"], "inner.width must be int"),
        ("{}", ["names=[x"], "The value of 'names=\\[x' is not YAML"),
        ("- 1\n- 2", [], "must hold keys and values"),
        ("a: [", [], "is not YAML"),
    ],
)
def test_mistakes_are_explained(tmp_path, text, words, expected):
    with pytest.raises(InvalidInput, match=expected.replace(".", r"\.")):
        load_config(Outer, write(tmp_path, text), words)


def test_missing_file_is_explained(tmp_path):
    with pytest.raises(AssetNotFound, match="There is no configuration"):
        load_config(Outer, tmp_path / "none.yaml")


def test_contradictory_stage_is_explained(tmp_path):
    path = write(tmp_path, "stages: [{name: a, steps: 1, location_input: none, nets: [location_net]}]")
    with pytest.raises(InvalidInput, match="location_input other than 'none'"):
        load_config(TrainConfig, path)


def test_written_configuration_reads_back_equal(tmp_path):
    config = load_config(TrainConfig, CONFIGS / "decomr_light.yaml")
    assert load_config(TrainConfig, write(tmp_path, config_to_yaml(config))) == config


def test_a_file_says_by_a_key_what_it_configures(tmp_path):
    detector = load_one_of(TASKS, "task", write(tmp_path, "task: detection\nseed: 3"))
    assert isinstance(detector, DetectorTrainConfig) and detector.seed == 3
    assert isinstance(load_one_of(TASKS, "task", write(tmp_path, "seed: 4")), TrainConfig), (
        "the first, where it says nothing"
    )
    for task in ("cooking", "[detection]"):
        with pytest.raises(InvalidInput, match="task must be one of reconstruction, detection, parameters, got"):
            load_one_of(TASKS, "task", write(tmp_path, f"task: {task}"))
    with pytest.raises(InvalidInput, match="unknown key seeed; the nearest is seed"):
        load_one_of(TASKS, "task", write(tmp_path, "task: detection\nseeed: 3"))


# Plans of comparisons are not trainings; tests/ablation reads those.
TRAININGS = sorted(path for path in CONFIGS.rglob("*.yaml") if path.parent.name != "ablations")


@pytest.mark.parametrize("path", TRAININGS, ids=lambda path: str(path.relative_to(CONFIGS)))
def test_every_shipped_training_configuration_is_valid(path):
    assert load_one_of(TASKS, "task", path).stages
