"""The gradient that visibility hides: how an image changes when the outline of a surface moves.

A rasterised image is constant in the vertices except at outlines, where it jumps. Averaged over each pixel's square
it is smooth, and its derivative is the jump times the speed of the outline. The horizontal part of that speed is seen
once by every pixel row that the outline crosses and the vertical part once by every column, so pairs of neighbouring
pixel centres with an outline between them are enough to collect it all. (The idea follows the edge gradients of DRTK,
arXiv 2405.02508, and of nvdiffrast, arXiv 2011.03277; the outline is found here by walking over
the surface.)
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.render.rasterize import Fragments
from meshrec.render.screen import ScreenMap, screen_map
from meshrec.render.surface import corner_coordinates, normalised, ray_areas
from meshrec.structures import PinholeCamera, WeakPerspectiveCamera

_MOST_STEPS = 16  # faces walked over between two pixel centres; only meshes much finer than the image need more


class Outlines(NamedTuple):
    """N places where an outline passes between two neighbouring pixel centres, (N,) long unless noted."""

    near: Tensor  # flat pixel (image, row, column) that sees the surface
    far: Tensor  # flat pixel that sees what is behind it
    hit: Tensor  # the one of the two whose square the outline crosses
    image: Tensor
    face: Tensor  # the surface's last face before the outline
    weights: Tensor  # (N, 3) barycentric, of the point on its edge


def add_edge_gradient(
    image: Tensor,
    fragments: Fragments,
    vertices_cam: Tensor,
    faces: Tensor,
    camera: PinholeCamera | WeakPerspectiveCamera,
    *,
    neighbours: Tensor | None = None,
) -> Tensor:
    """Return the image unchanged, with the gradient of its outlines added.

    The result's gradient with respect to the vertices (and the camera) estimates that of the image averaged over each
    pixel's square. It does not replace the gradient inside surfaces, which flows through `interpolate` as before.

    What breaks it: an image that is not yet put over its background (the jump at the outline is then not the one that
    is seen); any operation before this one that mixes pixels; `fragments` of other vertices. Where surfaces pierce
    each other there is a jump without an outline, and its motion is left out.

    Args:
        image: (B, C, H, W), what the loss sees.
        fragments: what `rasterize` returned for these vertices and this camera.
        vertices_cam: (B, V, 3) metres.
        faces: (F, 3) long.
        camera: the cameras given to `rasterize`.
        neighbours: (F, 3) of `face_neighbours(faces)`, to compute them only once.
    Returns:
        (B, C, H, W), equal to `image`.
    """
    check_shapes(image=(image, "B C H W"), face_index=(fragments.face_index, "B H W"),
                 vertices_cam=(vertices_cam, "B V 3"), faces=(faces, "F 3"))
    neighbours = face_neighbours(faces) if neighbours is None else neighbours
    screen = screen_map(camera, tuple(image.shape[2:]), vertices_cam)
    pixels = image.permute(0, 2, 3, 1)
    flat = pixels.reshape(-1, image.shape[1])
    values = flat.detach()
    for axis in (0, 1):
        with torch.no_grad():
            pairs = _pairs(fragments, values, axis)
            outlines = _find_outlines(*pairs, fragments.face_index, vertices_cam, faces, neighbours, screen)
        position_px = _positions(outlines, vertices_cam, faces, screen)[:, axis]
        # Moving forwards, the outline covers more where the surface lies behind it, less where it lies ahead.
        direction = (outlines.far > outlines.near).to(values.dtype) * 2 - 1
        jump = (values[outlines.near] - values[outlines.far]) * direction[:, None]
        motion_px = position_px - position_px.detach()  # zero, with a gradient
        flat = flat.index_add(0, outlines.hit, jump * motion_px[:, None].to(values.dtype))
    return flat.view(pixels.shape).permute(0, 3, 1, 2)


def silhouette(
    fragments: Fragments,
    vertices_cam: Tensor,
    faces: Tensor,
    camera: PinholeCamera | WeakPerspectiveCamera,
    *,
    neighbours: Tensor | None = None,
) -> Tensor:
    """(B, 1, H, W) coverage, 1 where a face is seen and 0 elsewhere, differentiable at its outline."""
    coverage = fragments.mask[:, None].to(vertices_cam.dtype)
    return add_edge_gradient(coverage, fragments, vertices_cam, faces, camera, neighbours=neighbours)


def face_neighbours(faces: Tensor) -> Tensor:
    """The face across the edge opposite each corner.

    Args:
        faces: (F, 3) long.
    Returns:
        (F, 3) long, -1 at a border and where more than two faces share the edge.
    """
    ends = torch.stack([faces[:, [1, 2]], faces[:, [2, 0]], faces[:, [0, 1]]], dim=1).view(-1, 2)
    low, high = ends.amin(1), ends.amax(1)
    edge = low * (int(faces.max()) + 1 if len(faces) else 1) + high
    _, edge, uses = torch.unique(edge, return_inverse=True, return_counts=True)
    slots = edge.argsort(stable=True)
    slots = slots[uses[edge[slots]] == 2].view(-1, 2)
    neighbours = torch.full((3 * len(faces),), -1, dtype=torch.long, device=faces.device)
    neighbours[slots.reshape(-1)] = slots.flip(1).reshape(-1).div(3, rounding_mode="floor")
    return neighbours.view(-1, 3)


def _pairs(fragments: Fragments, values: Tensor, axis: int) -> tuple[Tensor, Tensor, Tensor]:
    """Horizontal (axis 0) or vertical (axis 1) neighbours that see different faces and have different (.., C) values.

    Returns:
        (N,) long: the flat pixel whose surface is nearer, the other one, and their image.
    """
    face, depth = fragments.face_index, fragments.depth.reshape(-1)
    _, height, width = face.shape
    along, step = (2, 1) if axis == 0 else (1, width)
    count = face.shape[along] - 1
    differ = face.narrow(along, 0, count) != face.narrow(along, 1, count)
    image, row, column = differ.nonzero().unbind(1)
    first = (image * height + row) * width + column
    jumps = (values[first] != values[first + step]).any(1)
    first, image = first[jumps], image[jumps]
    swap = depth[first + step] < depth[first]
    return torch.where(swap, first + step, first), torch.where(swap, first, first + step), image


def _find_outlines(
    near: Tensor, far: Tensor, image: Tensor, face_index: Tensor, vertices_cam: Tensor, faces: Tensor,
    neighbours: Tensor, screen: ScreenMap,
) -> Outlines:
    """Walk over the surface from the nearer pixel towards the farther one until it ends or turns away."""
    face = face_index.view(-1)[near]
    start, end = _pixel_rays(near, image, screen), _pixel_rays(far, image, screen)
    pair = torch.arange(len(near), device=near.device)
    found = []
    for _ in range(_MOST_STEPS):
        if len(pair) == 0:
            break
        here = _areas(vertices_cam, faces, face, image[pair], [ray[pair] for ray in start], screen)
        there = _areas(vertices_cam, faces, face, image[pair], [ray[pair] for ray in end], screen)
        fraction, edge, crossing = _leave(here, there)
        reached = fraction < 1  # otherwise the surface goes on to the other centre: no outline
        pair, face, fraction, edge, crossing = (x[reached] for x in (pair, face, fraction, edge, crossing))
        across = neighbours[face, edge]
        rays = [torch.lerp(s[pair], e[pair], fraction) for s, e in zip(start, end)]
        beyond = sum(_areas(vertices_cam, faces, across.clamp(min=0), image[pair], rays, screen).unbind(1))
        ends_here = (across < 0) | (beyond * crossing.sum(1) <= 0)  # a border, or the surface turns away
        found.append((pair[ends_here], face[ends_here], fraction[ends_here], crossing[ends_here]))
        pair, face = pair[~ends_here], across[~ends_here]
    if not found:
        empty = near[:0]
        return Outlines(empty, empty, empty, empty, empty, vertices_cam.new_zeros(0, 3))
    pair, face, fraction, areas = (torch.cat(parts) for parts in zip(*found))
    near, far = near[pair], far[pair]
    weights = torch.stack(normalised(tuple(areas.unbind(1))), dim=1)
    return Outlines(near, far, torch.where(fraction < 0.5, near, far), image[pair], face, weights)


def _pixel_rays(pixel: Tensor, image: Tensor, screen: ScreenMap) -> tuple[Tensor, Tensor]:
    height, width = screen.size
    ray_x, ray_y = screen.pixel_rays()
    return ray_x[image, pixel % width], ray_y[image, pixel.div(width, rounding_mode="floor") % height]


def _areas(vertices_cam: Tensor, faces: Tensor, face: Tensor, image: Tensor, rays, screen: ScreenMap) -> Tensor:
    """(N, 3) `ray_areas` of faces of given images."""
    x, y, depth = corner_coordinates(vertices_cam, faces, face, image)
    return torch.stack(ray_areas(x, y, depth, *rays, screen.perspective), dim=1)


def _leave(here: Tensor, there: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where a ray that moves evenly from one pixel to the other leaves a face.

    Args:
        here, there: (N, 3) areas of the face for the first and the last ray.
    Returns:
        (N,) fraction of the way, (N,) long corner opposite the edge that it leaves by, (N, 3) areas there.
    """
    facing = torch.sign(here.sum(1, keepdim=True))
    falling = (here - there) * facing
    fraction = torch.where(falling > 0, here * facing / falling, torch.inf)
    fraction, edge = fraction.clamp(min=0).min(dim=1)
    return fraction, edge, torch.lerp(here, there, fraction.clamp(max=1)[:, None])


def _positions(outlines: Outlines, vertices_cam: Tensor, faces: Tensor, screen: ScreenMap) -> Tensor:
    """(N, 2) pixels of the outlines' points, differentiable: they move with their faces."""
    coordinates = corner_coordinates(vertices_cam, faces, outlines.face, outlines.image)
    weights = outlines.weights.unbind(1)
    x, y, depth = (sum(w * corner for w, corner in zip(weights, corners)) for corners in coordinates)
    plane = torch.stack([x, y], dim=1)
    if screen.perspective:
        plane = plane / depth[:, None]
    return plane * screen.scale_px[outlines.image] + screen.offset_px[outlines.image]
