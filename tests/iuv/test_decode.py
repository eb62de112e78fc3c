"""From raw maps to the chart of each person's box."""

import pytest
import torch

from meshrec.iuv import decode
from meshrec.iuv.decode import decode_chart, decode_people, pixel_box
from meshrec.iuv.results import ChartOutput
from tests.reference.chart_loops import decode_loop
from tests.support.charts import raw_output

BOXES = {
    "ordinary": (3.7, 2.2, 30.9, 41.6),
    "partly outside": (-7.6, -3.9, 12.2, 20.0),
    "wide": (0.0, 5.0, 60.0, 9.0),
    "tiny": (4.2, 6.1, 4.9, 6.3),
    "empty": (4.0, 6.0, 4.0, 6.0),
}


@pytest.mark.parametrize("coarse", [2, 15])
@pytest.mark.parametrize("box", BOXES.values(), ids=BOXES)
def test_every_pixel_shows_what_the_slow_twin_finds(coarse, box):
    output = raw_output([box], coarse)
    chart = decode_chart(output)
    labels, uv, origin = decode_loop(
        output.coarse_segm[0], output.fine_segm[0], output.u[0], output.v[0], output.boxes_xyxy_px[0].tolist()
    )
    assert torch.equal(chart.labels, labels) and chart.origin_xy_px == origin
    torch.testing.assert_close(chart.uv, uv, atol=2e-6, rtol=0)
    if labels.numel() > 100:
        assert 0.2 < (labels > 0).float().mean() < 0.99  # both kinds of pixels were compared


def test_the_box_of_pixels_is_cut_towards_zero_and_never_empty():
    assert pixel_box(torch.tensor([3.7, 2.2, 30.9, 41.6])) == (3, 2, 27, 39)
    assert pixel_box(torch.tensor([-7.6, -3.9, 12.2, 20.0])) == (-7, -3, 19, 23)
    assert pixel_box(torch.tensor([5.0, 5.0, 4.0, 5.5])) == (5, 5, 1, 1)


def test_long_boxes_decode_in_strips_as_if_at_once(monkeypatch):
    output = raw_output([(0, 0, 40, 50)])
    whole = decode_chart(output)
    monkeypatch.setattr(decode, "_PIXELS_AT_ONCE", 7)
    in_strips = decode_chart(output)
    assert torch.equal(in_strips.labels, whole.labels)
    torch.testing.assert_close(in_strips.uv, whole.uv, atol=1e-7, rtol=0)


def test_a_part_that_wins_as_background_leaves_the_pixel_empty():
    output = raw_output([(0, 0, 10, 10)])
    output.coarse_segm[:, 1] = 9.0
    output.fine_segm[:, 0] = 99.0
    chart = decode_chart(output)
    assert not chart.labels.any() and not chart.uv.any()


def test_people_keep_order_boxes_and_scores_and_are_decoded_one_by_one():
    output = raw_output([(0, 0, 9, 9), (2, 3, 22, 13), (-4, 0, 6, 31)])
    people = decode_people(output)
    assert [person.score for person in people] == output.scores.tolist()
    for number, person in enumerate(people):
        assert torch.equal(person.box_xyxy_px, output.boxes_xyxy_px[number])
        assert torch.equal(person.chart.labels, decode_chart(output[number]).labels)
    assert decode_people(output[:0]) == []


def test_half_precision_maps_are_decoded_in_single_precision():
    output = raw_output([(0, 0, 30, 40)])
    half = ChartOutput(*(tensor.half() for tensor in output.tensors()[:4]), output.boxes_xyxy_px, output.scores)
    chart = decode_chart(half)
    assert chart.uv.dtype == torch.float32
    assert (chart.labels == decode_chart(output).labels).float().mean() > 0.99


def test_several_people_at_once_are_refused():
    with pytest.raises(ValueError, match="use decode_people"):
        decode_chart(raw_output([(0, 0, 9, 9), (2, 3, 22, 13)]))
