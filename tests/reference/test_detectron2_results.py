"""Results decoded, stored and compressed as detectron2's DensePose project does it, on the same raw maps."""

import pytest
import torch

from meshrec.iuv.decode import decode_people
from meshrec.iuv.quantised import compress, decompress, quantise
from meshrec.iuv.results import CompressedResult
from tests.support.charts import raw_output

pytest.importorskip("detectron2", reason="detectron2 is needed to compare with it")
pytest.importorskip("densepose", reason="detectron2's DensePose project is needed to compare with it")

BOXES = [
    (3.7, 2.2, 130.9, 341.6),
    (-7.6, -3.9, 112.2, 20.0),
    (0.0, 5.0, 600.3, 9.9),
    (4.2, 6.1, 4.9, 6.3),
    (50.5, 60.5, 53.1, 69.9),
]


@pytest.fixture(params=[2, 15])
def both(request):
    """Our results and detectron2's of the same five people."""
    from densepose.converters import ToChartResultConverter
    from densepose.structures import DensePoseChartPredictorOutput
    from detectron2.structures import Boxes

    output = raw_output(BOXES, request.param, size=112)
    theirs = DensePoseChartPredictorOutput(output.coarse_segm, output.fine_segm, output.u, output.v)
    boxes = Boxes(output.boxes_xyxy_px)
    results = [ToChartResultConverter.convert(theirs[i], boxes[i]) for i in range(len(BOXES))]
    return decode_people(output), results


def test_charts_agree_with_detectron2s_converter(both):
    for ours, theirs in zip(*both, strict=True):
        assert torch.equal(ours.chart.labels, theirs.labels)
        torch.testing.assert_close(ours.chart.uv, theirs.uv, atol=3e-6, rtol=0)


def test_bytes_and_text_agree_with_detectron2s(both):
    from densepose.structures.chart_result import (
        compress_quantized_densepose_chart_result,
        decompress_compressed_densepose_chart_result,
        quantize_densepose_chart_result,
    )

    for ours, theirs in zip(*both, strict=True):
        our_bytes, their_bytes = quantise(ours.chart), quantize_densepose_chart_result(theirs)
        off = our_bytes.labels_uv_uint8.int() - their_bytes.labels_uv_uint8.int()
        # A value within rounding of a step may be cut off to the other side of it.
        assert not off[0].any() and off.abs().max() <= 1 and (off != 0).float().mean() < 1e-4
        our_text, their_text = compress(our_bytes), compress_quantized_densepose_chart_result(their_bytes)
        read = decompress(CompressedResult(tuple(their_text.shape_chw), their_text.labels_uv_str))
        assert torch.equal(read.labels_uv_uint8, their_bytes.labels_uv_uint8)
        read = decompress_compressed_densepose_chart_result(our_text)
        assert torch.equal(read.labels_uv_uint8, our_bytes.labels_uv_uint8)
