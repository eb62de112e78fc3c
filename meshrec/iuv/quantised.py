"""Chart results in 8 bits and as text, in the forms in which DensePose's tools store and send them."""

from __future__ import annotations

import base64
import io

import numpy as np
import torch
from PIL import Image

from meshrec.errors import InvalidInput
from meshrec.iuv.results import ChartResult, CompressedResult, QuantisedResult
from meshrec.uv.parts import PART_COUNT


def quantise(chart: ChartResult) -> QuantisedResult:
    """Part, 255 U and 255 V as bytes; as DensePose does, fractions are cut off and what leaves [0, 1] is clamped."""
    uv = (chart.uv * 255).clamp(0, 255).to(torch.uint8)
    return QuantisedResult(torch.cat([chart.labels[None].to(torch.uint8), uv]), chart.origin_xy_px)


def dequantise(quantised: QuantisedResult) -> ChartResult:
    """The chart in the middle of the steps of 1 / 255 that were cut off, so that quantising it gives the same bytes."""
    labels, uv = quantised.labels_uv_uint8[0].long(), quantised.labels_uv_uint8[1:]
    middle = ((uv.float() + 0.5) / 255).clamp(max=1.0)
    return ChartResult(labels, torch.where(labels > 0, middle, 0.0), quantised.origin_xy_px)


def compress(quantised: QuantisedResult) -> CompressedResult:
    """A PNG of the three channels as base64 text."""
    channels = quantised.labels_uv_uint8
    stream = io.BytesIO()
    pixels = np.ascontiguousarray(channels.permute(1, 2, 0).cpu().numpy())
    Image.fromarray(pixels).save(stream, format="png", optimize=True)
    return CompressedResult(
        tuple(channels.shape), base64.encodebytes(stream.getvalue()).decode("ascii"), quantised.origin_xy_px
    )


def decompress(compressed: CompressedResult) -> QuantisedResult:
    """The bytes inside.

    Raises:
        InvalidInput: no base64 text, no PNG inside, or one of another size, or parts above 24.
    """
    pixels = _read_png(compressed.labels_uv_str)
    if tuple(compressed.shape_chw) != (3, *pixels.shape[:2]):
        raise InvalidInput(
            f"A compressed DensePose result holds a picture of {pixels.shape[1]} x {pixels.shape[0]} pixels, but says "
            f"that its shape is {tuple(compressed.shape_chw)}."
        )
    if pixels.size and pixels[..., 0].max() > PART_COUNT:
        raise InvalidInput(f"A DensePose result names part {pixels[..., 0].max()}; parts go from 0 to {PART_COUNT}.")
    return QuantisedResult(torch.from_numpy(pixels).permute(2, 0, 1).contiguous(), compressed.origin_xy_px)


def _read_png(text: str) -> np.ndarray:
    """(H, W, 3) uint8 of a PNG written in base64."""
    try:
        content = base64.b64decode("".join(text.split()), validate=True)
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            if image.mode != "RGB":
                raise ValueError(f"a picture in mode {image.mode}")
            return np.array(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InvalidInput(f"A compressed DensePose result is damaged or no PNG in base64 ({error}).") from error
