"""Boxes: overlaps and matches worked out by hand; average precision against pycocotools by two ways."""

import math

import numpy as np
import pytest

from meshrec.errors import MissingDependency
from meshrec.metrics.average_precision import BOX_DETECTIONS, ScoredImage, precision_recall
from meshrec.metrics.boxes import BoxImage, box_average_precision, box_iou, match_boxes

NEEDS_COCO = "average precision of boxes is computed by pycocotools (extra eval)"


def boxes(*xyxy):
    return np.array(xyxy, float).reshape(-1, 4)


def picture(found, scores, people, crowd=None, everyone_labelled=True):
    people = boxes(*people)
    area = (people[:, 2:] - people[:, :2]).prod(-1)
    crowd = np.zeros(len(people), bool) if crowd is None else np.array(crowd)
    return BoxImage(boxes(*found), np.array(scores, float), people, area, crowd, (480, 640), everyone_labelled)


def test_overlaps_by_hand():
    found = boxes((0, 0, 10, 10), (20, 20, 30, 30), (5, 5, 5, 5))
    people = boxes((0, 5, 10, 15), (0, 0, 100, 100))
    assert box_iou(found, people) == pytest.approx(np.array([[1 / 3, 0.01], [0, 0.01], [0, 0]]))
    in_crowd = box_iou(found, people, np.array([False, True]))
    assert in_crowd == pytest.approx(np.array([[1 / 3, 1], [0, 1], [0, 0]]))
    assert box_iou(boxes(), people).shape == (0, 2) and box_iou(found, boxes()).shape == (3, 0)


def test_overlaps_agree_with_pycocotools():
    api = pytest.importorskip("pycocotools.mask", reason=NEEDS_COCO)
    generator = np.random.default_rng(0)
    low, size = generator.uniform(0, 100, (2, 40, 2)), generator.uniform(1, 80, (2, 40, 2))
    crowd = generator.uniform(size=40) < 0.3
    xywh = np.concatenate([low, size], -1)
    theirs = api.iou(xywh[0], xywh[1], crowd.astype(np.uint8))
    assert box_iou(*np.concatenate([low, low + size], -1), crowd) == pytest.approx(theirs, abs=1e-12)


def test_the_most_certain_detection_takes_the_person_it_covers_best():
    people = boxes((0, 0, 10, 10), (8, 0, 18, 10), (100, 0, 200, 100))
    found = boxes((0, 0, 10, 10), (1, 0, 11, 10), (7, 0, 17, 10), (110, 0, 150, 50), (300, 0, 310, 10))
    crowd = np.array([False, False, True])
    scores = np.array([0.5, 0.9, 0.8, 0.3, 0.2])
    person, in_crowd = match_boxes(box_iou(found, people, crowd), scores, crowd)
    assert person.tolist() == [-1, 0, 1, -1, -1] and in_crowd.tolist() == [False, False, False, True, False]


def test_without_people_nobody_is_found():
    person, in_crowd = match_boxes(np.zeros((2, 0)), np.array([0.5, 0.9]), np.zeros(0, bool))
    assert person.tolist() == [-1, -1] and not in_crowd.any()


def test_average_precision_by_hand():
    pytest.importorskip("pycocotools", reason=NEEDS_COCO)
    person = (0, 0, 100, 100)
    # IoU 0.72 counts at five of ten thresholds; a more certain box in an image of nobody halves the precision.
    images = [picture([(0, 0, 100, 72)], [0.6], [person]), picture([person], [0.9], [])]
    found = box_average_precision(images)
    assert (found["ap_50"], found["ap"], found["ar"]) == pytest.approx((0.5, 0.25, 0.5))
    assert math.isnan(found["ap_small"]) and found["ap_large"] == pytest.approx(0.25)


def test_no_detection_at_all_is_a_precision_of_zero():
    pytest.importorskip("pycocotools", reason=NEEDS_COCO)
    found = box_average_precision([picture([], [], [(0, 0, 100, 100)])])
    assert found["ap_50"] == found["ar"] == 0


def test_detections_in_crowds_and_where_not_everybody_is_labelled_cost_nothing():
    pytest.importorskip("pycocotools", reason=NEEDS_COCO)
    person, region, mistake = (0, 0, 100, 100), (200, 0, 400, 400), (250, 50, 300, 200)
    crowd = picture([person, mistake], [0.5, 0.9], [person, region], [False, True])
    unlabelled = picture([person, mistake], [0.5, 0.9], [person], everyone_labelled=False)
    plain = picture([person, mistake], [0.5, 0.9], [person])
    found = [box_average_precision([image])["ap_50"] for image in (crowd, unlabelled, plain)]
    assert found == pytest.approx([1, 1, 0.5])


def test_our_accumulation_agrees_with_pycocotools():
    pytest.importorskip("pycocotools", reason=NEEDS_COCO)
    generator = np.random.default_rng(3)
    images = [random_picture(generator) for _ in range(60)]
    scored = [
        ScoredImage(
            box_iou(image.found_xyxy_px, image.people_xyxy_px, image.crowd), image.scores,
            (image.found_xyxy_px[:, 2:] - image.found_xyxy_px[:, :2]).prod(-1), image.area_px, image.crowd, image.crowd,
        )
        for image in images
    ]  # fmt: skip
    ours, theirs = precision_recall(scored, BOX_DETECTIONS).figures(), box_average_precision(images)
    assert 0.2 < theirs["ap"] < theirs["ap_50"] < 0.9 and theirs["ap_medium"] != theirs["ap_large"]
    for name in ("ap", "ap_50", "ap_75", "ap_medium", "ap_large", "ar"):
        assert ours[name] == pytest.approx(theirs[name], abs=1e-12), name


def random_picture(generator):
    """People of all sizes; detections near some of them, doubles, mistakes, and scores with ties."""
    count = int(generator.integers(0, 6))
    low = generator.uniform(0, 300, (count, 2))
    people = np.concatenate([low, low + np.exp(generator.uniform(2, 5.2, (count, 2)))], -1)
    near = people[generator.integers(0, count, 6)] if count else np.zeros((0, 4))
    near = near + generator.normal(0, 0.06, near.shape) * np.tile(near[:, 2:] - near[:, :2], 2)
    low = generator.uniform(0, 300, (3, 2))
    found = np.concatenate([near, np.concatenate([low, low + generator.uniform(5, 200, (3, 2))], -1)])
    scores = generator.uniform(size=len(found)).round(1)
    crowd = generator.uniform(size=count) < 0.2
    area = (people[:, 2:] - people[:, :2]).prod(-1) * generator.uniform(0.4, 1, count)
    return BoxImage(found, scores, people, area, crowd, (600, 600))


def test_without_pycocotools_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pycocotools", None)
    monkeypatch.setitem(__import__("sys").modules, "pycocotools.coco", None)
    with pytest.raises(MissingDependency, match=r"average precision of boxes.*meshrec\[eval\]"):
        box_average_precision([picture([], [], [])])
