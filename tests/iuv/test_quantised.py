"""The 8-bit and text forms of chart results."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from meshrec.errors import InvalidInput
from meshrec.iuv.quantised import compress, decompress, dequantise, quantise
from meshrec.iuv.results import ChartResult, CompressedResult, QuantisedResult
from tests.support.charts import chart_person


@pytest.fixture
def quantised():
    return quantise(chart_person((-3, 5), (13, 7), 0.5).chart)


def test_fractions_of_a_byte_are_cut_off_and_coordinates_outside_are_clamped():
    uv = torch.tensor([[[0.0, 0.999, 1.0, 1.3]], [[0.5, -0.2, 254.99 / 255, 1 / 255 + 1e-4]]])
    result = quantise(ChartResult(torch.tensor([[1, 24, 3, 2]]), uv, (4, 5)))
    assert result.labels_uv_uint8.tolist() == [[[1, 24, 3, 2]], [[0, 254, 255, 255]], [[127, 0, 254, 1]]]
    assert result.origin_xy_px == (4, 5)


def test_dequantising_lands_within_half_a_step_and_back_on_the_same_bytes():
    chart = chart_person((0, 0), (40, 30), 0.5).chart
    again = dequantise(quantise(chart))
    assert torch.equal(again.labels, chart.labels)
    assert (again.uv - chart.uv).abs().max() <= 0.5001 / 255
    every = torch.arange(256, dtype=torch.uint8).expand(3, 1, 256).clone()
    every[0] = 7
    assert torch.equal(quantise(dequantise(QuantisedResult(every))).labels_uv_uint8, every)
    assert dequantise(QuantisedResult(every)).uv.max() == 1.0


def test_background_stays_without_coordinates(quantised):
    again = dequantise(quantised)
    assert (again.labels == 0).any() and not again.uv[:, again.labels == 0].any()


def test_compression_keeps_every_byte_and_the_place(quantised):
    compressed = compress(quantised)
    assert compressed.shape_chw == (3, 13, 7) and compressed.origin_xy_px == (-3, 5)
    again = decompress(compressed)
    assert torch.equal(again.labels_uv_uint8, quantised.labels_uv_uint8) and again.origin_xy_px == (-3, 5)


def test_the_text_is_a_png_with_the_part_in_red(quantised):
    content = base64.decodebytes(compress(quantised).labels_uv_str.encode())
    pixels = np.array(Image.open(io.BytesIO(content)))
    assert np.array_equal(pixels[..., 0], quantised.labels_uv_uint8[0].numpy())
    assert np.array_equal(pixels[..., 2], quantised.labels_uv_uint8[2].numpy())


def test_text_that_is_no_result_is_explained(quantised):
    good = compress(quantised)
    with pytest.raises(InvalidInput, match="damaged or no PNG"):
        decompress(replace(good, labels_uv_str="no base64 at all!"))
    with pytest.raises(InvalidInput, match="damaged or no PNG"):
        decompress(replace(good, labels_uv_str=base64.b64encode(b"no picture").decode()))
    cut = base64.b64encode(base64.b64decode("".join(good.labels_uv_str.split()))[:-40]).decode()
    with pytest.raises(InvalidInput, match="damaged or no PNG"):
        decompress(replace(good, labels_uv_str=cut))
    with pytest.raises(InvalidInput, match="says that its shape is"):
        decompress(replace(good, shape_chw=(3, 7, 13)))
    stream = io.BytesIO()
    Image.new("RGB", (4, 4), (25, 0, 0)).save(stream, "png")
    with pytest.raises(InvalidInput, match="names part 25"):
        decompress(CompressedResult((3, 4, 4), base64.b64encode(stream.getvalue()).decode()))
