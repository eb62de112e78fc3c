"""The default body seen by a camera, with its exact charts and atlas coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec.body.model import BodyModel
from meshrec.geometry.rotations import axis_angle_to_matrix, rotation_about_y
from meshrec.iuv.results import ChartResult, PersonIuv
from meshrec.render import interpolate, rasterize
from meshrec.structures import BodyParams, IuvMap, PinholeCamera
from meshrec.uv import PartCharts, UvAtlas


@dataclass(frozen=True)
class RenderedCharts:
    """Attributes:
    people: what a perfect detector would say about each person alone.
    atlas: (N, H, W) the same pixels in atlas coordinates.
    """

    people: list[PersonIuv]
    atlas: IuvMap


def render_charts(place_m: Tensor, size: tuple[int, int], focal_px: float = 400.0, seed: int = 0) -> RenderedCharts:
    """Upright people in mild random poses whose middle stands at ``place_m`` (N, 3) in camera axes, one by one."""
    generator = torch.Generator().manual_seed(seed)
    body, charts, atlas = BodyModel.from_file(), PartCharts.from_file(), UvAtlas.from_file()
    count = len(place_m)
    turn = rotation_about_y(torch.rand(count, generator=generator) * 6.28)
    upright = torch.diag(torch.tensor([1.0, -1.0, -1.0])) @ turn
    bend = torch.randn(count, body.joint_count - 1, 3, generator=generator) * 0.2
    vertices = body(BodyParams(torch.zeros(count, body.beta_count), upright, axis_angle_to_matrix(bend))).vertices
    vertices = vertices - vertices.mean(1, keepdim=True) + place_m[:, None]
    centre_px = torch.tensor([[size[1] / 2, size[0] / 2]]).expand(count, 2)
    camera = PinholeCamera(torch.full((count, 2), focal_px), centre_px, size)
    fragments = rasterize(vertices, body.faces, camera, size)
    labels = torch.where(fragments.mask, charts.face_part[fragments.face_index.clamp_min(0)], 0)
    uv = interpolate(fragments, body.faces, charts.corner_uv[None])
    atlas_uv = interpolate(fragments, body.faces, atlas.face_texcoords[None])
    people = [_cut_out(labels[i], uv[i], 0.95 - 0.1 * i) for i in range(count)]
    return RenderedCharts(people, IuvMap(fragments.mask.float(), atlas_uv, atlas.hash))


def _cut_out(labels: Tensor, uv: Tensor, score: float) -> PersonIuv:
    rows, columns = labels.nonzero().unbind(1)
    top, bottom = int(rows.min()), int(rows.max()) + 1
    left, right = int(columns.min()), int(columns.max()) + 1
    chart = ChartResult(labels[top:bottom, left:right], uv[:, top:bottom, left:right], (left, top))
    return PersonIuv(torch.tensor([left, top, right, bottom], dtype=torch.float32), score, chart)
