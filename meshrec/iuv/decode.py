"""From a chart head's raw maps to what each pixel of a person's box shows, as detectron2's converters do it.

The maps are stretched over the box bilinearly. A pixel belongs to the person where the coarse classes say so; its part
is the best of the 25 fine classes (which may still be background), its U and V are those of that part's channels. Here
only the channels that count are read and only a strip of the box at a time, so that a person who fills a photo of 24
megapixels needs no gigabytes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.iuv.results import ChartOutput, ChartResult, PersonIuv

_PIXELS_AT_ONCE = 1 << 15


def decode_people(output: ChartOutput) -> list[PersonIuv]:
    """The people of an image in the order of the output.

    Args:
        output: boxes may reach beyond the photo and be smaller than a pixel, but must be finite.
    Returns:
        Charts on the device of the output; boxes on the CPU.
    """
    return [
        PersonIuv(output.boxes_xyxy_px[i].cpu(), float(output.scores[i]), decode_chart(output[i]))
        for i in range(len(output))
    ]


def decode_chart(output: ChartOutput) -> ChartResult:
    """The chart of one person, (1, ...) raw maps, at every pixel of `pixel_box`.

    Labels agree with detectron2's except where two classes tie to rounding, U and V to 3e-6.
    """
    if len(output) != 1:
        raise ValueError(f"decode_chart takes the output of one person, got {len(output)}; use decode_people.")
    left, top, width, height = pixel_box(output.boxes_xyxy_px[0])
    # Channels last, so that reading one place of a map is reading one row.
    coarse, fine, u, v = (
        maps[0].float().flatten(1).T.contiguous() for maps in (output.coarse_segm, output.fine_segm, output.u, output.v)
    )
    size = output.fine_segm.shape[-1]
    labels = torch.zeros(height * width, dtype=torch.long, device=fine.device)
    uv = torch.zeros(2, height * width, device=fine.device)
    for some in torch.arange(height * width, device=fine.device).split(_PIXELS_AT_ONCE):
        taps = _taps(some, width, height, size)
        person = taps.read(coarse).argmax(1) > 0
        some, taps = some[person], taps.of(person)
        part = taps.read(fine).argmax(1)
        labels[some] = part
        uv[:, some] = torch.stack([taps.read_channel(u, part), taps.read_channel(v, part)]) * (part > 0)
    return ChartResult(labels.view(height, width), uv.view(2, height, width), (left, top))


def pixel_box(box_xyxy_px: Tensor) -> tuple[int, int, int, int]:
    """Whole pixels of a box: left, top, width and height, each rounded towards zero and the sizes at least 1.

    Args:
        box_xyxy_px: (4,) left, top, right, bottom.
    """
    check_shapes(box_xyxy_px=(box_xyxy_px, "4"))
    corner, size = box_xyxy_px[:2], box_xyxy_px[2:] - box_xyxy_px[:2]
    return *corner.long().tolist(), *size.long().clamp(min=1).tolist()


@dataclass(frozen=True)
class _Taps:
    """Where bilinear reading of an S x S map finds the values of N pixels.

    Attributes:
        place: (4, N) rows of a map that is flattened to (S * S, C).
        weight: (4, N) what each counts.
    """

    place: Tensor
    weight: Tensor

    def of(self, chosen: Tensor) -> _Taps:
        return _Taps(self.place[:, chosen], self.weight[:, chosen])

    def read(self, maps: Tensor) -> Tensor:
        """(N, C) values of all channels of maps (S * S, C)."""
        return (maps[self.place] * self.weight[..., None]).sum(0)

    def read_channel(self, maps: Tensor, channel: Tensor) -> Tensor:
        """(N,) values of one channel (N,) each."""
        return (maps[self.place, channel] * self.weight).sum(0)


def _taps(pixel: Tensor, width: int, height: int, size: int) -> _Taps:
    """Taps of flat pixels (N,) of a box under which an S x S map is stretched, edges on edges."""
    left, right, across = _neighbours(pixel % width, width, size)
    upper, lower, down = _neighbours(pixel // width, height, size)
    place = torch.stack([upper * size + left, upper * size + right, lower * size + left, lower * size + right])
    weight = [(1 - down) * (1 - across), (1 - down) * across, down * (1 - across), down * across]
    return _Taps(place, torch.stack(weight))


def _neighbours(pixel: Tensor, count: int, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Map cells before and after the centres of pixels along one axis, and the way from one to the other, 0 to 1."""
    at = ((pixel + 0.5) * (size / count) - 0.5).clamp(min=0)
    before = at.long().clamp(max=size - 1)
    return before, (before + 1).clamp(max=size - 1), at - before
