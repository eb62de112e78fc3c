"""OKS against numbers worked out by hand and against pycocotools; average precision of constructed sets."""

import math

import numpy as np
import pytest
import torch

from meshrec.errors import MissingDependency
from meshrec.metrics.oks import (
    COCO_SIGMAS,
    KeypointPerson,
    _coco_evaluation,
    keypoint_average_precision,
    keypoint_similarity,
)
from meshrec.structures import COCO17

NEEDS_COCO = "average precision is computed by pycocotools (extra eval)"


def person(generator, number, spread_px, image=None, labelled=None):
    target = generator.uniform(50, 350, (17, 2))
    labelled = generator.integers(0, 3, 17) if labelled is None else labelled
    predicted = target + spread_px * generator.standard_normal((17, 2))
    return KeypointPerson(
        image or f"{number}.jpg", target, labelled, (50, 50, 300, 300), 40_000.0, predicted, float(generator.uniform())
    )


def similarity(person):
    tensors = [
        torch.as_tensor(value, dtype=torch.float64)[None]
        for value in (person.predicted_px, person.target_px, person.labelled, person.area_px)
    ]
    return keypoint_similarity(*tensors).item()


def test_the_sigmas_belong_to_their_joints():
    sigma = dict(zip(COCO17.names, COCO_SIGMAS))
    assert (sigma["nose"], sigma["left_ear"], sigma["right_hip"], sigma["left_ankle"]) == (0.026, 0.035, 0.107, 0.089)


def test_a_keypoint_twice_its_sigma_of_the_size_away_has_exp_of_minus_one_half():
    target, labelled = torch.zeros(1, 17, 2), torch.zeros(1, 17)
    labelled[0, COCO17.index("left_knee")] = 1  # hidden, but labelled
    labelled[0, COCO17.index("nose")] = 2
    predicted = torch.full((1, 17, 2), 1000.0)
    predicted[0, COCO17.index("left_knee")] = torch.tensor([2 * 0.087 * 100, 0.0])  # the size is sqrt(10,000) = 100
    predicted[0, COCO17.index("nose")] = 0
    expected = (math.exp(-0.5) + 1) / 2
    found = keypoint_similarity(predicted, target, labelled, torch.tensor([10_000.0]))
    assert found.item() == pytest.approx(expected, abs=1e-6)


def test_without_labels_or_area_there_is_no_similarity():
    points = torch.zeros(2, 17, 2)
    labelled = torch.tensor([[0.0] * 17, [2.0] * 17])
    assert keypoint_similarity(points, points, labelled, torch.tensor([100.0, 0.0])).isnan().all()


def test_the_similarity_agrees_with_pycocotools():
    pytest.importorskip("pycocotools", reason=NEEDS_COCO)
    generator = np.random.default_rng(0)
    people = [person(generator, number, spread) for number, spread in enumerate(np.linspace(0, 60, 25))]
    judged = _coco_evaluation(people)
    theirs = [judged.ious[number, 1].item() for number in range(1, len(people) + 1)]
    ours = [similarity(someone) for someone in people]
    assert min(ours) < 0.2 and max(ours) > 0.99
    assert ours == pytest.approx(theirs, abs=1e-6)


def test_average_precision_of_the_truth_is_one_and_of_one_in_two_is_half():
    pytest.importorskip("pycocotools", reason=NEEDS_COCO)
    generator = np.random.default_rng(1)
    right = [person(generator, number, 0.0, labelled=np.full(17, 2)) for number in range(4)]
    figures = keypoint_average_precision(right)
    assert figures["ap"] == pytest.approx(1) and figures["ar"] == pytest.approx(1) and math.isnan(figures["ap_medium"])
    wrong = [person(generator, number, 900.0, labelled=np.full(17, 2)) for number in range(4, 8)]
    sure = [
        KeypointPerson(**{**vars(someone), "score": score})
        for someone, score in [(someone, 0.9) for someone in right] + [(someone, 0.1) for someone in wrong]
    ]
    # The four right ones come first: precision 1 up to recall one half, which 51 of the 101 recall steps reach.
    assert keypoint_average_precision(sure)["ap"] == pytest.approx(51 / 101)
    assert keypoint_average_precision(sure)["ar"] == pytest.approx(0.5)


def test_nobody_has_no_average_precision():
    assert all(math.isnan(value) for value in keypoint_average_precision([]).values())


def test_without_pycocotools_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pycocotools", None)
    monkeypatch.setitem(__import__("sys").modules, "pycocotools.coco", None)
    with pytest.raises(MissingDependency, match=r"pycocotools.*meshrec\[eval\]"):
        keypoint_average_precision([person(np.random.default_rng(0), 0, 1.0)])
