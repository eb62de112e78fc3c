"""Found people as the correspondence net would have them: atlas coordinates in the square crop that it looks at."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.geometry.crops import image_from_crop
from meshrec.iuv.results import ChartResult, PersonIuv
from meshrec.structures import IuvMap
from meshrec.uv import PartCharts, UvAtlas, charts_to_atlas


def chart_to_atlas(chart: ChartResult, charts: PartCharts, atlas: UvAtlas) -> IuvMap:
    """A person's chart image in atlas coordinates, (1, H, W) of the same pixels.

    Args:
        charts: what U and V refer to: those that the net was trained with, `PartCharts.from_file` for ours. Official
            DensePose networks mean the charts of `read_official_charts`; the shipped ones, used in their place, give
            the right part but another point of it.
        atlas: of the same body as the charts.
    """
    return charts_to_atlas(chart.labels[None], chart.uv[None].clamp(0, 1), charts, atlas)


def people_to_atlas(
    people: Sequence[PersonIuv],
    centre_px: Tensor,
    side_px: Tensor,
    size: int,
    charts: PartCharts,
    atlas: UvAtlas,
    rotation_rad: Tensor | None = None,
) -> IuvMap:
    """Each person in a square crop of the photo, as input of a net.

    Every crop pixel takes what the photo's pixel under its centre shows, as a rasteriser would: coordinates on both
    sides of a part's border or of the atlas' seam must not be mixed. Only the crop's pixels are converted, which takes
    a few milliseconds a person.

    Args:
        people: of one photo.
        centre_px, side_px: (N, 2) and (N,) the crop of each person in the photo, see `meshrec.geometry.crops`.
        size: side of the crops in their own pixels.
        charts, atlas: see `chart_to_atlas`.
        rotation_rad: (N,) turn of each crop, or None.
    Returns:
        (N, size, size), mask 0 or 1, on the device of the people's charts.
    """
    check_shapes(centre_px=(centre_px, f"{len(people)} 2"), side_px=(side_px, f"{len(people)}"))
    affine = image_from_crop(centre_px, side_px, size, rotation_rad)
    crops = [_sample(person.chart, affine[number], size) for number, person in enumerate(people)]
    labels = [labels for labels, _ in crops] or [torch.zeros(0, size, size, dtype=torch.long)]
    uv = [uv for _, uv in crops] or [torch.zeros(0, 2, size, size)]
    return charts_to_atlas(torch.cat(labels), torch.cat(uv).clamp(0, 1), charts, atlas)


def _sample(chart: ChartResult, affine: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Labels (1, S, S) and coordinates (1, 2, S, S) at the centres of crop pixels; ``affine`` leads to the photo."""
    device = chart.labels.device
    affine = affine.to(device)
    centres = torch.arange(size, device=device, dtype=affine.dtype) + 0.5
    rows, columns = torch.meshgrid(centres, centres, indexing="ij")
    at_px = torch.stack([columns, rows], -1) @ affine[:, :2].mT + affine[:, 2]
    column, row = (at_px - at_px.new_tensor(chart.origin_xy_px)).floor().long().unbind(-1)
    height, width = chart.labels.shape
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    row, column = row.clamp(0, height - 1), column.clamp(0, width - 1)
    return (chart.labels[row, column] * inside)[None], (chart.uv[:, row, column] * inside)[None]
