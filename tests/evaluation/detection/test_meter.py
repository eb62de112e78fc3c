"""Figures of detections with known errors, worked out by hand."""

import math

import numpy as np
import pytest
from PIL import Image

from meshrec.evaluation.detection.meter import DetectionMeter, measure_scenes
from meshrec.evaluation.detection.scenes import LabelledScene
from meshrec.evaluation.report import Report
from meshrec.evaluation.summary import summarise
from tests.support.known_detections import KnownPredictor, KnownScenes, along_u, detection, person, picture

LEFT, RIGHT, FAR = (0, 0, 100, 200), (100, 0, 200, 200), (250, 0, 290, 40)
TORSO_M, HAND_M = 0.351, 0.107


def meter(*told, min_score=0.5, distance=along_u):
    predictor = KnownPredictor()
    for number, found in enumerate(told):
        predictor.tell(picture(number), found)
    return DetectionMeter(predictor, min_score, distance)


def scene(number, *people, **known):
    return LabelledScene(f"{number}.png", picture(number), people, **known)


def figures(meter, *scenes):
    rows, left_out = measure_scenes(meter, KnownScenes("known", list(scenes)))
    assert not left_out
    return summarise(rows)


def test_the_truth_has_every_figure_perfect():
    people = person(LEFT), person(RIGHT, part=3, u=0.5)
    found = [detection(LEFT), detection(RIGHT, part=3, u=0.5)]
    values, counts = figures(meter(found), scene(0, *people))
    for name in ("box_recall", "box_recall_any", "box_recall_large", "box_precision", "people_f1", "found_box_iou",
                 "found_mask_iou", "found_part_accuracy", "gps_ap", "gpsm_ap", "iou_ap", "gps_ar"):  # fmt: skip
        assert values[name] == pytest.approx(1), name
    assert values["found_gps"] == pytest.approx(1, abs=1e-3)  # U is read to 1 / 255
    assert values["false_positives"] == 0 and "false_alarm" not in values
    assert counts["box_recall"] == 2 and counts["found_part_accuracy"] == 4
    assert (counts["gps_ap"], counts["gps_ap_large"], "gps_ap_medium" in values) == (2, 2, False)


def test_a_missed_person_an_unsure_one_and_a_mistake():
    people = person(LEFT), person(RIGHT), person(FAR)
    found = [detection(LEFT), detection(RIGHT, score=0.3), detection((210, 100, 240, 190), score=0.7)]
    values, counts = figures(meter(found), scene(0, *people))
    assert values["box_recall"] == pytest.approx(1 / 3) and values["box_recall_any"] == pytest.approx(2 / 3)
    assert values["box_recall_large"] == 0.5 and counts["box_recall_large"] == 2
    assert values["box_precision"] == 0.5 and values["false_positives"] == 1
    assert values["people_f1"] == pytest.approx(2 / (2 + 1 + 2))


def test_overlaps_similarities_and_parts_are_of_the_people_found():
    # 80 of 100 columns, so one of the two points of the left person is read at part 2 with U off by 0.2 m.
    found = [detection((0, 0, 80, 200), u=0.2), detection(RIGHT, part=4)]
    values, counts = figures(meter(found), scene(0, person(LEFT), person(RIGHT, part=3)))
    off = math.exp(-(0.2**2) / (2 * TORSO_M**2))
    assert values["found_box_iou"] == values["found_mask_iou"] == pytest.approx(0.9)
    assert values["found_gps"] == pytest.approx(off / 2, abs=1e-3)  # the right person's part is 10 m off
    assert values["found_part_accuracy"] == 0.5 and counts["found_part_accuracy"] == 4
    reached = sum(off >= bar - 1e-9 for bar in np.linspace(0.5, 0.95, 10))
    assert values["gps_ap"] == pytest.approx(reached / 10 * 51 / 101)


def test_a_point_outside_the_box_is_on_no_part():
    found = [detection((0, 0, 60, 200))]
    values, _ = figures(meter(found), scene(0, person(LEFT)))
    assert values["found_part_accuracy"] == 0.5 and values["found_gps"] == pytest.approx(0.5)


def test_crowds_neither_count_nor_cost():
    crowd = person((100, 0, 300, 200), crowd=True, points=False)
    found = [detection(LEFT), detection((120, 20, 160, 120))]
    values, counts = figures(meter(found), scene(0, person(LEFT), crowd))
    assert values["box_recall"] == values["box_precision"] == 1 and counts["box_recall"] == 1
    assert values["false_positives"] == 0


def test_pictures_of_nobody_count_mistakes():
    told = [detection(LEFT), detection(RIGHT, score=0.6)], [], [detection(LEFT, score=0.4)], [detection(LEFT)]
    values, counts = figures(meter(*told), *(scene(number, unseen=number < 3) for number in range(4)))
    assert values["false_positives"] == 3 / 4 and values["false_alarm"] == 2 / 4
    assert values["false_positives_unseen"] == 2 / 3 and values["false_alarm_unseen"] == 1 / 3
    assert counts["false_alarm_unseen"] == 3 and not {"box_ap", "people_f1", "box_precision"} & set(values)
    values, _ = figures(meter(*told), *(scene(number) for number in range(4)))
    assert values["false_alarm"] == 2 / 4 and "false_alarm_unseen" not in values


def test_where_somebody_may_be_unlabelled_nothing_is_a_mistake():
    found = [detection(LEFT, score=0.6), detection(RIGHT)]
    values, _ = figures(meter(found), scene(0, person(LEFT), everyone_labelled=False))
    assert values["box_recall"] == 1 and not {"box_precision", "false_positives", "people_f1"} & set(values)
    pytest.importorskip("pycocotools", reason="average precision of boxes is computed by pycocotools (extra eval)")
    assert values["box_ap_50"] == pytest.approx(1)


def test_average_precision_of_boxes_takes_unsure_detections_too():
    pytest.importorskip("pycocotools", reason="average precision of boxes is computed by pycocotools (extra eval)")
    found = [detection(LEFT, score=0.2), detection((220, 100, 240, 190), score=0.1)]
    values, counts = figures(meter(found), scene(0, person(LEFT), person(RIGHT)))
    assert values["box_ap_50"] == pytest.approx(51 / 101) and values["box_ar"] == 0.5 and counts["box_ap_50"] == 2
    assert values["box_recall"] == 0 and values["box_recall_any"] == 0.5


def test_without_distances_parts_are_measured_and_similarities_are_not():
    values, _ = figures(meter([detection(LEFT)], distance=None), scene(0, person(LEFT)))
    assert values["found_part_accuracy"] == 1 and "found_gps" not in values and "gps_ap" not in values


def test_a_picture_without_detections_is_measured():
    values, _ = figures(meter([]), scene(0, person(LEFT)))
    assert values["box_recall"] == values["people_f1"] == values["gps_ap"] == 0
    assert "found_box_iou" not in values


def test_unreadable_pictures_are_left_out_with_the_reason(tmp_path):
    from meshrec.evaluation.detection.empty_pictures import EmptyPictures

    Image.fromarray(picture(0)).save(tmp_path / "0.png")
    (tmp_path / "1.png").write_bytes(b"no picture")
    (tmp_path / "index.json").write_text('[{"file": "0.png"}, {"file": "1.png"}]')
    rows, left_out = measure_scenes(meter([]), EmptyPictures("empty", tmp_path))
    assert [row.key for row in rows] == ["0.png"] and "cannot be read" in left_out["1.png"]


def test_every_figure_is_defined_in_the_report():
    rows, _ = measure_scenes(meter([detection(LEFT)]), KnownScenes("known", [scene(0, person(LEFT))]))
    report = Report.of(rows, {})
    assert set(report.figures["model"]) == set(report.definitions) and len(report.definitions) > 15
