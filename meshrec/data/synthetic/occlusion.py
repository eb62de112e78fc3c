"""How much of the surroundings' light arrives at each place of the body, once and for all in a relaxed pose."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor

from meshrec.body import BodyModel
from meshrec.data.synthetic.poses import relaxed_pose
from meshrec.geometry.meshes import vertex_normals
from meshrec.render import rasterize
from meshrec.structures import BodyParams, WeakPerspectiveCamera

_DIRECTIONS = 48
_SIZE = 192
_BIAS_M = 0.012
_ZOOM = 0.95  # the body, at most 2 m in any direction, fills the square


@torch.no_grad()
def ambient_occlusion(body: BodyModel, directions: int = _DIRECTIONS) -> Tensor:
    """Share of the cosine-weighted hemisphere above each vertex that the body itself leaves open.

    Light from evenly spread directions is drawn as shadow maps of the standing body with hanging arms: armpits, crotch,
    the chin's underside and the gaps between fingers are darker than shoulders.

    Returns:
        (V,) 0 to 1, on the CPU.
    """
    body = copy.deepcopy(body).cpu()
    rest = BodyParams.rest(betas=body.beta_count)
    vertices = body(BodyParams(rest.betas, rest.global_orient, relaxed_pose()[None])).vertices[0]
    vertices = vertices - vertices.mean(0)
    normals = vertex_normals(vertices, body.faces)
    arriving, possible = torch.zeros(len(vertices)), torch.zeros(len(vertices))
    for towards in _evenly_spread(directions):
        cosine = (normals @ towards).clamp_min(0)
        arriving += cosine * lit(vertices[None], body.faces, towards[None], vertices, torch.zeros_like(cosine).long())
        possible += cosine
    return (arriving / possible.clamp_min(1e-6)).clamp(0, 1)


def lit(
    vertices: Tensor,
    faces: Tensor,
    towards: Tensor,
    points: Tensor,
    person: Tensor,
    *,
    size: int = _SIZE,
    bias_m: float = _BIAS_M,
) -> Tensor:
    """Whether parallel light reaches points, by a shadow map of the bodies that stand in its way.

    Args:
        vertices: (B, V, 3) of the bodies that cast shadows, metres, within a metre or so of the origin.
        faces: (F, 3).
        towards: (B, 3) unit direction from the bodies to the light.
        points: (N, 3) in the same axes; person: (N,) long, the body that each belongs to.
        size: side of the shadow map; bias_m: points this far behind the map's surface still count as lit.
    Returns:
        (N,) 0 in shadow to 1 in light, smooth over about a texel.
    """
    axes = _axes_along(-towards)
    seen = vertices @ axes.mT
    scale = _ZOOM / seen[..., :2].abs().amax((1, 2)).clamp_min(1e-6)
    camera = WeakPerspectiveCamera(scale, torch.zeros_like(seen[:, 0, :2]))
    depth = rasterize(seen, faces, camera, (size, size), two_sided=False).depth.view(-1)
    own = torch.zeros_like(points)
    for body, (first, last) in enumerate(_runs(person, len(vertices))):
        own[first:last] = points[first:last] @ axes[body].mT
    place = (own[:, :2] * scale.index_select(0, person)[:, None] + 1) * (size / 2) - 0.5
    corner = place.floor()
    across, down = (place - corner).unbind(1)
    column, row = corner.long().unbind(1)
    limit = own[:, 2] - bias_m
    shares = []
    for dy, dx in ((0, 0), (0, 1), (1, 0), (1, 1)):
        inside = ((row + dy).clamp(0, size - 1) * size + (column + dx).clamp(0, size - 1)) + person * (size * size)
        shares.append((depth.index_select(0, inside) > limit).float())
    return torch.lerp(torch.lerp(shares[0], shares[1], across), torch.lerp(shares[2], shares[3], across), down)


def _runs(person: Tensor, count: int) -> list[tuple[int, int]]:
    """First and last index of each person's entries in a sorted index."""
    ends = torch.bincount(person, minlength=count).cumsum(0).tolist()
    return list(zip([0, *ends[:-1]], ends))


def _axes_along(forward: Tensor) -> Tensor:
    """(B, 3, 3) rotations whose third row is the unit vector `forward`."""
    helper = torch.where(
        forward[:, 1:2].abs() < 0.9, forward.new_tensor([0.0, 1.0, 0.0]), forward.new_tensor([1.0, 0.0, 0.0])
    )
    right = torch.nn.functional.normalize(torch.linalg.cross(helper, forward), dim=-1)
    return torch.stack([right, torch.linalg.cross(forward, right), forward], dim=1)


def _evenly_spread(count: int) -> Tensor:
    """(count, 3) unit vectors on a Fibonacci lattice."""
    number = torch.arange(count) + 0.5
    height, angle = 1 - 2 * number / count, math.pi * (1 + 5**0.5) * number
    radius = (1 - height**2).sqrt()
    return torch.stack([radius * torch.cos(angle), height, radius * torch.sin(angle)], dim=1)
