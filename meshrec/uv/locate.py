"""Which triangle of a planar mesh covers a point, for regular grids and for arbitrary points."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

_EDGE_TOLERANCE = 1e-9


def barycentric_2d(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """(N, 3) barycentric coordinates of points (N, 2) in triangles (N, 3, 2); NaN for triangles without area."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    ab, ac, ap = b - a, c - a, points - a
    area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    area = np.where(np.abs(area) > 1e-18, area, np.nan)
    second = (ap[:, 0] * ac[:, 1] - ap[:, 1] * ac[:, 0]) / area
    third = (ab[:, 0] * ap[:, 1] - ab[:, 1] * ap[:, 0]) / area
    return np.stack([1.0 - second - third, second, third], axis=1)


def box_cells(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All integer points of integer boxes.

    Args:
        low, high: (F, 2) first and last column and row of each box, inclusive; empty boxes are allowed.
    Returns:
        (N,) box number and (N, 2) column and row.
    """
    size = np.maximum(high - low + 1, 0)
    count = size[:, 0] * size[:, 1]
    box = np.repeat(np.arange(len(low)), count)
    step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return box, low[box] + np.stack([step % size[box, 0], step // size[box, 0]], axis=1)


def cover_grid(corners: np.ndarray, resolution: int) -> tuple[np.ndarray, np.ndarray]:
    """The triangle at every node of a corner-aligned grid on [0, 1]^2.

    Node (row i, column j) lies at u = j / (R - 1), v = i / (R - 1). Where triangles overlap the first one wins.

    Args:
        corners: (F, 3, 2) corner coordinates.
    Returns:
        (R, R) triangle index, -1 where there is none, and (R, R, 3) barycentric coordinates, 0 where there is none.
    """
    index = np.full((resolution, resolution), -1, dtype=np.int64)
    weights = np.zeros((resolution, resolution, 3))
    face, node, inside = _covered_nodes(corners, resolution)
    # Written backwards, so that the first triangle is the last to write.
    row, column = node[::-1, 1], node[::-1, 0]
    index[row, column], weights[row, column] = face[::-1], inside[::-1]
    return index, weights


def count_cover(corners: np.ndarray, resolution: int) -> np.ndarray:
    """(R, R) how many triangles have each grid node strictly inside; above 1 the map overlaps itself."""
    count = np.zeros((resolution, resolution), dtype=np.int64)
    _, node, inside = _covered_nodes(corners, resolution)
    node = node[(inside > 1e-6).all(axis=1)]
    np.add.at(count, (node[:, 1], node[:, 0]), 1)
    return count


def _covered_nodes(corners: np.ndarray, resolution: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    scaled = np.asarray(corners, dtype=np.float64) * (resolution - 1)
    low = np.clip(np.ceil(scaled.min(axis=1) - 1e-6), 0, None).astype(np.int64)
    high = np.clip(np.floor(scaled.max(axis=1) + 1e-6), None, resolution - 1).astype(np.int64)
    face, node = box_cells(low, high)
    weights = barycentric_2d(node.astype(np.float64), scaled[face])
    inside = (weights >= -_EDGE_TOLERANCE).all(axis=1)
    return face[inside], node[inside], np.clip(weights[inside], 0.0, 1.0)


class PointLocator:
    """Finds the triangle at arbitrary points of one or several planar meshes that each fill [0, 1]^2.

    A grid over each mesh lists the triangles that touch a cell, so a point is tested against a few triangles only.
    A point outside every triangle takes the nearest candidate, its barycentric coordinates clamped to the triangle.
    """

    def __init__(self, corners: np.ndarray, sheet: np.ndarray | None = None, cells: int = 128) -> None:
        """Index triangles.

        Args:
            corners: (F, 3, 2) corner coordinates.
            sheet: (F,) number of the mesh of each triangle, from 0; all the same mesh by default.
            cells: cells along one side of a sheet.
        """
        corners = np.asarray(corners, dtype=np.float64)
        sheet = np.zeros(len(corners), dtype=np.int64) if sheet is None else np.asarray(sheet, dtype=np.int64)
        self.cells = cells
        face, start, count = _cell_lists(corners, sheet, int(sheet.max()) + 1, cells)
        # Rows of the inverse edge matrix give the second and third barycentric coordinate directly.
        inverse = np.linalg.pinv((corners[:, 1:] - corners[:, :1]).transpose(0, 2, 1))
        affine = np.concatenate([inverse, -(inverse @ corners[:, 0, :, None])], axis=2).reshape(-1, 6)
        self._tables = tuple(map(torch.from_numpy, (face, start, count, affine.astype(np.float32))))

    def __call__(self, points: Tensor, sheet: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Locate points.

        Args:
            points: (N, 2) in [0, 1].
            sheet: (N,) long, the mesh of each point; the first one by default.
        Returns:
            (N,) triangle index and (N, 3) barycentric coordinates, non-negative and summing to 1.
        """
        listed, start, count, affine = (table.to(points.device) for table in self._tables)
        points = points.float()
        column, row = (points * self.cells).nan_to_num(0.0).long().clamp(0, self.cells - 1).unbind(1)
        cell = row * self.cells + column if sheet is None else (sheet * self.cells + row) * self.cells + column
        number = count[cell]
        point = torch.repeat_interleave(number)
        place = torch.arange(len(point), device=points.device) - (number.cumsum(0) - number)[point]
        face = listed[start[cell][point] + place]
        # The triangle that a point is deepest in, or least far outside of.
        depth = _barycentric(affine[face], points[point]).amin(dim=1)
        deepest = torch.full_like(points[:, 0], -torch.inf).scatter_reduce(0, point, depth, "amax")
        winner = (depth == deepest[point]).nonzero()[:, 0]
        best = torch.zeros_like(cell).scatter(0, point[winner], face[winner])
        weights = _barycentric(affine[best], points).clamp(min=0.0)
        return best, weights / weights.sum(dim=1, keepdim=True)


def _barycentric(affine: Tensor, points: Tensor) -> Tensor:
    """(N, 3) from rows of the affine maps (N, 6) and points (N, 2)."""
    x, y = points[:, 0], points[:, 1]
    second = affine[:, 0] * x + affine[:, 1] * y + affine[:, 2]
    third = affine[:, 3] * x + affine[:, 4] * y + affine[:, 5]
    return torch.stack([1.0 - second - third, second, third], dim=1)


def _cell_lists(corners: np.ndarray, sheet: np.ndarray, sheets: int, cells: int) -> tuple[np.ndarray, ...]:
    """Triangles by the cells they touch: a list (L,), and where each cell's part of it starts and how long it is.

    A cell that no triangle touches shares the list of about the nearest cell that has one.
    """
    low = np.clip(np.floor(corners.min(axis=1) * cells), 0, cells - 1).astype(np.int64)
    high = np.clip(np.floor(corners.max(axis=1) * cells), 0, cells - 1).astype(np.int64)
    face, node = box_cells(low, high)
    touching = _box_meets_triangle(node, corners[face] * cells)
    face, node = face[touching], node[touching]
    cell = sheet[face] * cells * cells + node[:, 1] * cells + node[:, 0]
    count = np.bincount(cell, minlength=sheets * cells * cells)
    start = np.cumsum(count) - count
    source = _nearest_filled(count.reshape(sheets, cells, cells) > 0).ravel()
    return face[np.argsort(cell, kind="stable")], start[source], count[source]


def _box_meets_triangle(cell: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """(N,) whether the unit box at ``cell`` may meet the triangle: no edge has the whole box on its outer side."""
    meets = np.ones(len(cell), dtype=bool)
    centre = cell + 0.5
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    turn = np.sign(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0])[:, None]
    for k in range(3):
        start, along = corners[:, k], corners[:, (k + 1) % 3] - corners[:, k]
        inward = turn * np.stack([-along[:, 1], along[:, 0]], axis=1)
        reach = 0.5 * np.abs(inward).sum(axis=1)
        meets &= ((centre - start) * inward).sum(axis=1) + reach >= -1e-9
    return meets


def _nearest_filled(filled: np.ndarray) -> np.ndarray:
    """(S, N, N) flat index of about the nearest True cell of the same sheet (jump flooding)."""
    sheets, cells, _ = filled.shape
    number = np.where(filled, np.arange(filled.size).reshape(filled.shape), -1)
    row, column = np.mgrid[:cells, :cells]

    def distance(source: np.ndarray) -> np.ndarray:
        there = source % (cells * cells)
        squared = (there // cells - row) ** 2 + (there % cells - column) ** 2
        return np.where(source >= 0, squared, np.iinfo(np.int64).max)

    step = 1 << (cells - 1).bit_length()
    while step >= 1:
        for down, right in ((0, step), (0, -step), (step, 0), (-step, 0)):
            offered = _shifted(number, down, right)
            number = np.where(distance(offered) < distance(number), offered, number)
        step //= 2
    return number


def _shifted(grid: np.ndarray, down: int, right: int) -> np.ndarray:
    """The (S, N, N) grid moved by some cells, -1 where nothing moved in."""
    size = grid.shape[1]
    result = np.full_like(grid, -1)
    if abs(down) < size and abs(right) < size:
        to_rows, from_rows = slice(max(down, 0), size + min(down, 0)), slice(max(-down, 0), size + min(-down, 0))
        to_cols, from_cols = slice(max(right, 0), size + min(right, 0)), slice(max(-right, 0), size + min(-right, 0))
        result[:, to_rows, to_cols] = grid[:, from_rows, from_cols]
    return result
