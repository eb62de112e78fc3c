"""The built-in rasteriser: a scanline z-buffer in plain torch, batched, for CPU and GPU.

Triangles become the pixel rows they cross, rows become spans between the two edges they cross, spans become
fragments, and the nearest fragment of every pixel wins. Only covered pixels are ever made, so the cost follows the
painted area and there is no special case for small or large triangles.

Coverage is exact: where two triangles share an edge both compute its crossing with a row from the same two end points
in the same order, and spans are half open, so a pixel centre on the edge belongs to exactly one of them.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from meshrec.render.near_plane import clipped_triangles
from meshrec.render.screen import ScreenMap

_CHUNK_TRIANGLES = 120_000  # triangles set up at once: their arrays then stay in a CPU core's cache
_CHUNK_FRAGMENTS = 1 << 22  # fragments made at once: bounds memory when many large triangles overlap
_FARTHEST = torch.iinfo(torch.int64).max  # its lower 32 bits read as face -1


class Triangles(NamedTuple):
    """T triangles on screen, one (T,) tensor per corner in each triple.

    `order` is what the z-buffer compares: affine over the screen and increasing with depth.
    """

    column: tuple[Tensor, Tensor, Tensor]  # continuous pixels
    row: tuple[Tensor, Tensor, Tensor]  # continuous pixels
    order: tuple[Tensor, Tensor, Tensor]
    face: Tensor  # (T,) long, index of the original face
    image: Tensor  # (T,) long, image within the chunk


def visible_faces(
    vertices_cam: Tensor, faces: Tensor, screen: ScreenMap, *, two_sided: bool, near: float
) -> Tensor:
    """The face seen at every pixel centre; see `meshrec.render.rasterize.Rasterizer` for the contract.

    Returns:
        (B, H, W) long face indices, -1 where no face is seen.
    """
    vertices_cam = vertices_cam.float()  # whatever the input: the keys hold 32 bits of depth
    screen = ScreenMap(screen.scale_px.float(), screen.offset_px.float(), screen.perspective, screen.size)
    batch = len(vertices_cam)
    height, width = screen.size
    images = max(1, _CHUNK_TRIANGLES // max(1, len(faces)))
    if vertices_cam.is_cuda:
        images = max(1, batch)  # a GPU has no cache to respect, and launches cost more than memory
    depth_buffer = torch.full((batch, height * width), _FARTHEST, dtype=torch.int64, device=vertices_cam.device)
    for start in range(0, batch, images):
        chunk = slice(start, start + images)
        part = ScreenMap(screen.scale_px[chunk], screen.offset_px[chunk], screen.perspective, screen.size)
        _draw(vertices_cam[chunk], faces, part, two_sided, near, depth_buffer[chunk].view(-1))
    face = depth_buffer.view(torch.int32)[:, ::2]  # the lower half of every key (little endian)
    return face.long().view(batch, height, width)


def visible_triangles(
    points_px: Tensor,
    order: Tensor,
    faces: Tensor,
    image: Tensor,
    two_sided: Tensor,
    images: int,
    size: tuple[int, int],
) -> Tensor:
    """The triangle seen at every pixel centre of several images, whose meshes need not share anything.

    Args:
        points_px: (2, N) columns and rows of the projected vertices of all images; NaN where a vertex lies at or behind
            the near plane: faces at such vertices are not drawn.
        order: (N,) what the z-buffer compares: affine over the screen, increasing with depth.
        faces: (T, 3) long, into those vertices; image: (T,) long, the image each is drawn to.
        two_sided: (T,) bool; False drops a face that turns its back.
        images: their number; size: (height, width) of each.
    Returns:
        (images, H, W) long, index of the triangle, -1 where none is seen.
    """
    height, width = size
    depth_buffer = torch.full((images * height * width,), _FARTHEST, dtype=torch.int64, device=points_px.device)
    step = len(faces) if points_px.is_cuda else _CHUNK_TRIANGLES
    for start in range(0, len(faces), max(1, step)):
        corners = faces[start : start + step].T.contiguous()
        columns, rows = (tuple(plane.index_select(0, corner) for corner in corners) for plane in points_px)
        kept = _covering(columns, rows, size, two_sided[start : start + step]).nonzero()[:, 0]
        columns, rows = (tuple(x.index_select(0, kept) for x in plane) for plane in (columns, rows))
        orders = tuple(order.index_select(0, corner.index_select(0, kept)) for corner in corners)
        face = kept + start
        _merge(Triangles(columns, rows, orders, face, image.index_select(0, face)), size, depth_buffer)
    return depth_buffer.view(torch.int32)[::2].long().view(images, height, width)


def _draw(
    vertices_cam: Tensor, faces: Tensor, screen: ScreenMap, two_sided: bool, near: float, depth_buffer: Tensor
) -> None:
    """Merge the fragments of a few meshes into their flat (B * H * W,) depth buffer of packed keys."""
    if vertices_cam.numel() == 0 or len(faces) == 0:
        return
    _merge(_triangles_on_screen(vertices_cam, faces, screen, two_sided, near), screen.size, depth_buffer)


def _merge(triangles: Triangles, size: tuple[int, int], depth_buffer: Tensor) -> None:
    """Merge the fragments of triangles into a flat (B * H * W,) depth buffer of packed keys."""
    for pixel, order, face in _fragments(_spans(triangles, size)):
        key = (_sortable_bits(order).long() << 32) | face
        depth_buffer.scatter_reduce_(0, pixel, key, "amin")


def _triangles_on_screen(
    vertices_cam: Tensor, faces: Tensor, screen: ScreenMap, two_sided: bool, near: float
) -> Triangles:
    """The triangles that may cover a pixel centre, cut at the near plane."""
    images = len(vertices_cam)
    behind = vertices_cam[..., 2] < near if screen.perspective else None
    # Vertex-major (V, images): gathering a corner then copies whole rows, an order of magnitude faster on a CPU.
    column, row, order = (plane.T.contiguous() for plane in _screen_planes(vertices_cam, screen))
    if behind is not None:
        column = column.masked_fill(behind.T, torch.nan)  # comparisons with NaN fail, so these faces drop out below
    corner_indices = faces.T.contiguous()
    columns, rows = (
        tuple(plane.index_select(0, corner).view(-1) for corner in corner_indices) for plane in (column, row)
    )
    kept = _covering(columns, rows, screen.size, two_sided).nonzero()[:, 0]
    face = kept.div(images, rounding_mode="floor")
    image = kept - face * images
    orders = tuple(
        order.view(-1).index_select(0, corner.index_select(0, face) * images + image) for corner in corner_indices
    )
    triangles = Triangles(
        tuple(x.index_select(0, kept) for x in columns), tuple(y.index_select(0, kept) for y in rows), orders,
        face, image,
    )
    if behind is None or not bool(behind.any()):
        return triangles
    return _join(triangles, _near_triangles(vertices_cam, faces, behind, screen, two_sided, near))


def _screen_planes(points_cam: Tensor, screen: ScreenMap) -> tuple[Tensor, Tensor, Tensor]:
    """Columns, rows and z-buffer order, each (B, N), of (B, N, 3) points."""
    depth = points_cam[..., 2]
    order = -1.0 / depth if screen.perspective else depth  # unlike z itself, 1 / z is affine over the screen
    column, row = screen.project(points_cam).unbind(-1)
    return column, row, order


def _near_triangles(
    vertices_cam: Tensor, faces: Tensor, behind: Tensor, screen: ScreenMap, two_sided: bool, near: float
) -> Triangles:
    """The visible parts of the faces that cross the near plane; `behind` is (B, V)."""
    corners_behind = behind[:, faces]
    image, face = (corners_behind.any(-1) & ~corners_behind.all(-1)).nonzero(as_tuple=True)
    parts_cam, source = clipped_triangles(vertices_cam[image[:, None], faces[face]], near)
    image, face = image[source], face[source]
    own = ScreenMap(screen.scale_px[image], screen.offset_px[image], screen.perspective, screen.size)
    columns, rows, orders = (tuple(plane.unbind(1)) for plane in _screen_planes(parts_cam, own))
    kept = _covering(columns, rows, screen.size, two_sided)
    columns, rows, orders = (tuple(x[kept] for x in corners) for corners in (columns, rows, orders))
    return Triangles(columns, rows, orders, face[kept], image[kept])


def _join(first: Triangles, second: Triangles) -> Triangles:
    corners = [tuple(torch.cat(pair) for pair in zip(a, b)) for a, b in zip(first[:3], second[:3])]
    return Triangles(*corners, torch.cat([first.face, second.face]), torch.cat([first.image, second.image]))


def _covering(
    columns: tuple[Tensor, ...], rows: tuple[Tensor, ...], size: tuple[int, int], two_sided: bool | Tensor
) -> Tensor:
    """Which triangles have a pixel centre in their bounding box, an area and the right facing; NaN gives False."""
    height, width = size
    kept = _first_centre(_smallest(rows), 0) < _end_centre(_largest(rows), height)
    kept &= _first_centre(_smallest(columns), 0) < _end_centre(_largest(columns), width)
    if two_sided is not True:
        (x0, x1, x2), (y0, y1, y2) = columns, rows
        # Counter-clockwise from outside is a negative area here, because rows count downwards.
        kept &= ((x1 - x0) * (y2 - y0) < (x2 - x0) * (y1 - y0)) | two_sided
    return kept


def _first_centre(start: Tensor, least: int) -> Tensor:
    """Index of the first pixel whose centre is at or after `start`."""
    return (start - 0.5).ceil_().clamp_(min=least)


def _end_centre(end: Tensor, most: int) -> Tensor:
    """One past the last pixel whose centre is before `end`."""
    return (end - 0.5).ceil_().clamp_(max=most)


def _smallest(corners: tuple[Tensor, ...]) -> Tensor:
    return torch.minimum(torch.minimum(corners[0], corners[1]), corners[2])


def _largest(corners: tuple[Tensor, ...]) -> Tensor:
    return torch.maximum(torch.maximum(corners[0], corners[1]), corners[2])


class Spans(NamedTuple):
    """S runs of pixels in one row each, (S,) tensors; empty runs are allowed."""

    start: Tensor  # long, flat pixel index (image, row, column) of the first pixel
    length: Tensor  # long, number of pixels
    order: Tensor  # z-buffer order at the first pixel's centre
    slope: Tensor  # its change per pixel
    face: Tensor  # long


def _spans(triangles: Triangles, size: tuple[int, int]) -> Spans:
    """Intersect triangles with the pixel rows they cross."""
    height, width = size
    top, middle, bottom = _sorted_by_row(triangles)
    first = _first_centre(top[0], 0)
    end = _end_centre(bottom[0], height)
    lower_half = torch.minimum(_first_centre(middle[0], 0), end)
    # Edge table, (3 T,): the edge spanning all rows, the one above the middle corner, the one below it.
    edges = [torch.cat(parts) for parts in zip(_edge(top, bottom), _edge(top, middle), _edge(middle, bottom))]
    owner, step = _expand((end - first).long().clamp_(min=0))
    row = first.index_select(0, owner) + step
    count = len(first)
    short = owner + torch.where(row < lower_half.index_select(0, owner), count, 2 * count)
    centre = row + 0.5
    x_long, order_long = _crossing(edges, owner, centre)
    x_short, order_short = _crossing(edges, short, centre)
    left = _first_centre(torch.minimum(x_long, x_short), 0)
    length = _end_centre(torch.maximum(x_long, x_short), width).sub_(left).long().clamp_(min=0)
    slope = (order_short - order_long) / (x_short - x_long)
    order = order_long + (left + 0.5 - x_long) * slope
    image_start = (triangles.image * (height * width)).index_select(0, owner)
    start = image_start + (row * width + left).long()
    return Spans(start, length, order, slope, triangles.face.index_select(0, owner))


def _sorted_by_row(triangles: Triangles) -> list[tuple[Tensor, Tensor, Tensor]]:
    """The three corners from top to bottom, each (row, column, order)."""
    corners = list(zip(triangles.row, triangles.column, triangles.order))
    for upper, lower in ((0, 1), (1, 2), (0, 1)):
        a, b = corners[upper], corners[lower]
        swap = a[0] > b[0]
        corners[upper] = tuple(torch.where(swap, y, x) for x, y in zip(a, b))
        corners[lower] = tuple(torch.where(swap, x, y) for x, y in zip(a, b))
    return corners


def _edge(upper: tuple[Tensor, ...], lower: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """An edge as (row, column, order) of its upper end and the slopes of the last two per row."""
    height = lower[0] - upper[0]
    return (*upper, (lower[1] - upper[1]) / height, (lower[2] - upper[2]) / height)


def _crossing(edges: list[Tensor], index: Tensor, centre: Tensor) -> tuple[Tensor, Tensor]:
    """Column and order where edges of the table meet the rows with these centres."""
    row, column, order, column_slope, order_slope = (values.index_select(0, index) for values in edges)
    down = centre - row
    return column + down * column_slope, order + down * order_slope


def _expand(counts: Tensor) -> tuple[Tensor, Tensor]:
    """For items repeated `counts` times: the item of every copy, and the number of the copy within its item."""
    ends = counts.cumsum(0)
    total = int(ends[-1]) if len(ends) else 0
    item = torch.repeat_interleave(counts, output_size=total)
    step = torch.arange(total, device=counts.device) - (ends - counts).index_select(0, item)
    return item, step


def _fragments(spans: Spans):
    """Yield (pixel, order, face) tensors of the spans' pixels, a bounded number at a time."""
    ends = spans.length.cumsum(0)
    total = int(ends[-1]) if len(ends) else 0
    blocks = max(1, -(-total // _CHUNK_FRAGMENTS))
    limits = torch.arange(1, blocks, device=ends.device) * _CHUNK_FRAGMENTS
    cuts = [0, *torch.searchsorted(ends, limits).tolist(), len(ends)]
    for start, end in zip(cuts, cuts[1:]):
        start_px, length, order, slope, face = (values[start:end] for values in spans)
        owner, step = _expand(length)
        pixel = start_px.index_select(0, owner) + step
        yield pixel, order.index_select(0, owner) + step * slope.index_select(0, owner), face.index_select(0, owner)


def _sortable_bits(order: Tensor) -> Tensor:
    """int32 that sort as the float32 do, negative ones included."""
    bits = order.contiguous().view(torch.int32)
    return bits ^ ((bits >> 31) & 0x7FFFFFFF)
