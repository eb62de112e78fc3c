"""The people of a photo in one IUV image of the photo's size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.iuv.results import PersonIuv


@dataclass(frozen=True)
class PhotoIuv:
    """What every pixel of a photo shows.

    Attributes:
        labels: (H, W) long, 0 background, parts 1 to 24.
        uv: (2, H, W) float, chart coordinates, 0 at background.
        person: (H, W) long, 0 nobody, otherwise the place in the list of people, counted from 1.
    """

    labels: Tensor
    uv: Tensor
    person: Tensor

    def __post_init__(self) -> None:
        check_shapes(labels=(self.labels, "H W"), uv=(self.uv, "2 H W"), person=(self.person, "H W"))


def paste_people(people: Sequence[PersonIuv], image_size: tuple[int, int]) -> PhotoIuv:
    """Paste everybody at the place of the box; what lies outside the photo is left out.

    Where people overlap, a pixel goes whole to the one with the highest score who claims it. (DensePose's original tool
    fills each channel on its own wherever it is still zero, lowest score first, so that the less certain person wins
    and may keep another one's U or V.)

    Args:
        people: of one photo, in any order.
        image_size: height and width in pixels.
    Returns:
        On the device of the people's charts.
    """
    device = people[0].chart.labels.device if people else None
    labels = torch.zeros(image_size, dtype=torch.long, device=device)
    person = torch.zeros_like(labels)
    uv = torch.zeros(2, *image_size, device=device)
    for number in sorted(range(len(people)), key=lambda k: -people[k].score):
        rows, columns, chart_rows, chart_columns = _overlap(people[number], image_size)
        chart_labels = people[number].chart.labels[chart_rows, chart_columns]
        free = (labels[rows, columns] == 0) & (chart_labels > 0)
        labels[rows, columns][free] = chart_labels[free].long()
        person[rows, columns][free] = number + 1
        uv[:, rows, columns][:, free] = people[number].chart.uv[:, chart_rows, chart_columns][:, free].float()
    return PhotoIuv(labels, uv, person)


def _overlap(person: PersonIuv, image_size: tuple[int, int]) -> tuple[slice, slice, slice, slice]:
    """Rows and columns of the photo under a chart, and the same pixels' rows and columns of the chart."""
    left, top = person.chart.origin_xy_px
    rows, chart_rows = _common(top, person.chart.labels.shape[0], image_size[0])
    columns, chart_columns = _common(left, person.chart.labels.shape[1], image_size[1])
    return rows, columns, chart_rows, chart_columns


def _common(start: int, count: int, size: int) -> tuple[slice, slice]:
    """Pixels of a photo of ``size`` under ``count`` pixels from ``start``, counted from the photo's and their own."""
    first, end = min(max(start, 0), size), min(max(start + count, 0), size)
    end = max(first, end)
    return slice(first, end), slice(first - start, end - start)
