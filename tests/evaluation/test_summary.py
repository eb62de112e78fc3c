"""Figures of a set from rows, against numbers worked out by hand."""

import itertools
import math

import numpy as np
import pytest

from meshrec.errors import MissingDependency
from meshrec.evaluation import summary
from meshrec.evaluation.rows import Row, TrackFrame
from meshrec.evaluation.summary import exact_mean, motion_figures, summarise
from meshrec.metrics.boxes import BoxImage
from meshrec.metrics.oks import KeypointPerson

NAN = math.nan


def moving(frames, acceleration, track="walk/0", true=None):
    """One joint at a t^2 / 2 metres; the second one is unknown at frame 0."""
    moments = []
    for frame in frames:
        joints = np.zeros((2, 3))
        joints[0, 0] = acceleration * frame**2 / 2
        joints[1] = np.nan if frame == 0 else 7.0 * frame**2
        truth = None if true is None else np.array([[true * frame**2 / 2, 0, 0], [0, 0, 0]])
        moments.append(TrackFrame(track, frame, joints, truth))
    return moments


def test_values_are_averaged_over_people_and_hits_over_all_joints():
    rows = [
        Row("a", values={"pve_mm": 10.0, "oks": NAN}, hits={"pck_02_torso": np.array([1.0, 0.0, NAN])}),
        Row("b", values={"pve_mm": 40.0, "oks": 0.5}, hits={"pck_02_torso": np.array([1.0, 1.0, 1.0])}),
        Row("c", values={"pve_mm": NAN}),
    ]
    figures, counts = summarise(rows)
    assert figures == {"pve_mm": 25.0, "pck_02_torso": 4 / 5, "oks": 0.5}  # a mean of shares would be 3 / 4
    assert counts == {"pve_mm": 2, "pck_02_torso": 5, "oks": 1}


def test_confusions_are_pooled_before_shares_are_taken():
    rows = [Row("a", confusions={"fb_seg": np.array([[90, 0], [10, 0]])}),
            Row("b", confusions={"fb_seg": np.array([[0, 0], [0, 100]])})]  # fmt: skip
    figures, counts = summarise(rows)
    assert figures["fb_seg_accuracy"] == pytest.approx(190 / 200) and counts["fb_seg_accuracy"] == 200
    assert figures["fb_seg_f1"] == pytest.approx((2 * 90 / (90 + 100) + 2 * 100 / (100 + 110)) / 2)


def test_what_nobody_was_measured_on_is_left_out():
    assert summarise([Row("a", values={"pve_mm": NAN}, hits={"pdj_02": np.full(3, NAN)})]) == ({}, {})


def test_the_mean_is_the_same_to_the_last_bit_in_every_order():
    values = [1e16, 1.0, -1e16, 0.1, 3.3e7, 1e-9]
    means = {exact_mean(order)[0] for order in itertools.permutations(values)}
    assert len(means) == 1 and len({sum(order) for order in itertools.permutations(values)}) > 1


def test_a_parabola_has_its_acceleration_and_the_difference_is_the_error():
    figures = motion_figures(moving(range(5), 0.004, true=0.007))
    assert figures["acceleration_mm"] == (pytest.approx(4.0), 3)  # the joint that frame 0 lacks does not count
    assert figures["true_acceleration_mm"] == (pytest.approx(7.0), 3)
    assert figures["acceleration_error_mm"] == (pytest.approx(3.0), 3)


def test_a_gap_in_a_track_costs_the_moments_that_need_it():
    assert motion_figures(moving([1, 2, 3, 5, 6, 7, 8], 0.004))["acceleration_mm"][1] == 3
    assert motion_figures(moving([1, 2], 0.004)) == {}


def test_frames_in_steps_of_five_are_one_step_apart():
    found = motion_figures(moving([0, 5, 10, 15], 0.004))
    assert found["acceleration_mm"] == (pytest.approx(4.0 * 25), 2)


def test_people_of_a_recording_are_tracks_of_their_own():
    both = moving(range(1, 4), 0.004, "walk/0") + moving(range(1, 4), 0.008, "walk/1")
    value, count = motion_figures(both)["acceleration_mm"]
    assert count == 2 and value == pytest.approx((motion_figures(both[:3])["acceleration_mm"][0]
                                                  + motion_figures(both[3:])["acceleration_mm"][0]) / 2)  # fmt: skip


def test_without_pycocotools_everything_but_average_precision_is_reported(monkeypatch):
    person = KeypointPerson("a.jpg", np.zeros((17, 2)), np.full(17, 2), (0, 0, 9, 9), 81.0, np.zeros((17, 2)))

    def absent(people):
        raise MissingDependency("pycocotools is needed")

    box = np.array([[0.0, 0, 9, 9]])
    boxes = BoxImage(box, np.ones(1), box, np.array([81.0]), np.zeros(1, bool), (9, 9))
    for name in ("keypoint_average_precision", "box_average_precision"):
        monkeypatch.setattr(summary, name, absent)
    assert list(summarise([Row("a", values={"oks": 1.0}, keypoints=person, boxes=boxes)])[0]) == ["oks"]
