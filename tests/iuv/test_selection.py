"""Which detections are kept."""

from dataclasses import replace

import pytest
import torch

from meshrec.errors import CheckpointMismatch, InvalidInput
from meshrec.iuv.decode import decode_chart
from meshrec.iuv.selection import PeopleLimits, decode_best
from tests.support.charts import raw_output

BOXES = [(0, 0, 9, 9), (2, 3, 22, 13), (-4, 0, 6, 31), (5, 5, 9, 19)]


@pytest.fixture
def output():
    return replace(raw_output(BOXES), scores=torch.tensor([0.51, 0.9, 0.5, 0.7]))


def test_people_must_exceed_the_score_and_the_best_come_first(output):
    people = decode_best(output, PeopleLimits(min_score=0.5))
    assert [person.score for person in people] == pytest.approx([0.9, 0.7, 0.51])
    for person, number in zip(people, (1, 3, 0), strict=True):
        assert torch.equal(person.box_xyxy_px, output.boxes_xyxy_px[number])
        assert torch.equal(person.chart.labels, decode_chart(output[number]).labels)


def test_only_the_best_are_kept_when_there_are_too_many(output):
    assert [person.score for person in decode_best(output, PeopleLimits(0.0, 2))] == pytest.approx([0.9, 0.7])


def test_nobody_is_an_empty_list(output):
    assert decode_best(output[:0], PeopleLimits()) == []
    assert decode_best(output, PeopleLimits(min_score=0.95)) == []


@pytest.mark.parametrize("field", ["coarse_segm", "u", "boxes_xyxy_px", "scores"])
def test_numbers_that_are_none_blame_the_weights(output, field):
    getattr(output, field).flatten()[-1] = float("nan")
    with pytest.raises(CheckpointMismatch, match="weights are damaged"):
        decode_best(output, PeopleLimits())


def test_limits_that_make_no_sense_are_refused():
    for score in (-0.1, 1.1, float("nan")):
        with pytest.raises(InvalidInput, match="between 0 and 1"):
            PeopleLimits(min_score=score)
    with pytest.raises(InvalidInput, match="at least 1"):
        PeopleLimits(max_people=0)
