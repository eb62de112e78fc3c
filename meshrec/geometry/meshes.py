"""Measures of triangle meshes: normals, areas, edges, Laplacian, volume, values inside faces.

Faces are (F, 3) long and counter-clockwise seen from outside. Degenerate faces have a zero normal and pass no gradient
through it.
"""

import torch
from torch import Tensor

from meshrec.checks import check_shapes


def face_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """Unit normals of the faces.

    Args:
        vertices: (..., V, 3) positions, any frame.
        faces: (F, 3) long.
    Returns:
        (..., F, 3) pointing outwards; zero for a face without area.
    """
    return _unit_or_zero(_face_cross_products(vertices, faces))


def vertex_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """Area-weighted unit normals of the vertices.

    Args:
        vertices: (..., V, 3) positions, any frame.
        faces: (F, 3) long.
    Returns:
        (..., V, 3) pointing outwards; zero where every adjacent face is degenerate.
    """
    cross = _face_cross_products(vertices, faces)
    summed = torch.zeros_like(vertices).index_add(-2, faces.flatten(), cross.repeat_interleave(3, -2))
    return _unit_or_zero(summed)


def face_areas(vertices: Tensor, faces: Tensor) -> Tensor:
    """Areas of the faces.

    Args:
        vertices: (..., V, 3) metres.
        faces: (F, 3) long.
    Returns:
        (..., F) square metres; the gradient of a vanishing area is zero.
    """
    area_sq = _face_cross_products(vertices, faces).square().sum(-1)
    positive = area_sq > 0
    return 0.5 * torch.where(positive, torch.where(positive, area_sq, torch.ones_like(area_sq)).sqrt(), area_sq)


def signed_volume(vertices: Tensor, faces: Tensor) -> Tensor:
    """Volume inside a closed mesh; negative if its faces are wound clockwise.

    Args:
        vertices: (..., V, 3) metres.
        faces: (F, 3) long, closed.
    Returns:
        (...) cubic metres.
    """
    # Measured from the mean vertex, which keeps the sum accurate in float32 for bodies that stand far from the origin.
    first, second, third = _corners(vertices - vertices.mean(-2, keepdim=True), faces)
    return (first * torch.linalg.cross(second, third)).sum((-2, -1)) / 6


def unique_edges(faces: Tensor) -> Tensor:
    """Every edge once.

    Args:
        faces: (F, 3) long.
    Returns:
        (E, 2) long, smaller index first, in lexicographic order.
    """
    check_shapes(faces=(faces, "F 3"))
    edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    return edges.sort(dim=1).values.unique(dim=0)


def edge_lengths(vertices: Tensor, edges: Tensor) -> Tensor:
    """Lengths of edges.

    Args:
        vertices: (..., V, 3) metres.
        edges: (E, 2) long.
    Returns:
        (..., E) metres; the gradient of a vanishing length is zero.
    """
    check_shapes(vertices=(vertices, "... V 3"), edges=(edges, "E 2"))
    return torch.linalg.vector_norm(vertices[..., edges[:, 0], :] - vertices[..., edges[:, 1], :], dim=-1)


def uniform_laplacian(vertices: Tensor, edges: Tensor) -> Tensor:
    """Mean of each vertex's neighbours minus the vertex.

    Args:
        vertices: (..., V, C) positions or other values at the vertices.
        edges: (E, 2) long, each edge once (see `unique_edges`).
    Returns:
        (..., V, C); zero for a vertex without edges.
    """
    check_shapes(vertices=(vertices, "... V C"), edges=(edges, "E 2"))
    # Sums of differences instead of sums of neighbours: a vertex without edges then stays at zero.
    difference = vertices[..., edges[:, 1], :] - vertices[..., edges[:, 0], :]
    summed = torch.zeros_like(vertices).index_add(-2, edges[:, 0], difference)
    summed = summed.index_add(-2, edges[:, 1], -difference)
    degree = torch.bincount(edges.flatten(), minlength=vertices.shape[-2]).clamp(min=1)
    return summed / degree[:, None].to(vertices.dtype)


def interpolate_faces(vertex_values: Tensor, faces: Tensor, face_index: Tensor, barycentric: Tensor) -> Tensor:
    """Values at points inside faces.

    Args:
        vertex_values: (..., V, C).
        faces: (F, 3) long.
        face_index: (N,) or (..., N) with the leading dims of `vertex_values`, long; -1 gives zero.
        barycentric: (..., N, 3) weights of the face's corners.
    Returns:
        (..., N, C).
    """
    check_shapes(
        vertex_values=(vertex_values, "... V C"),
        faces=(faces, "F 3"),
        face_index=(face_index, "... N"),
        barycentric=(barycentric, "... N 3"),
    )
    corners = faces[face_index.clamp(min=0)]
    if face_index.ndim == 1:
        values = vertex_values[..., corners, :]
    else:
        batch = vertex_values.shape[:-2]
        index = corners.flatten(-2)[..., None].expand(*batch, -1, vertex_values.shape[-1])
        values = vertex_values.gather(-2, index).unflatten(-2, (-1, 3))
    weights = barycentric * (face_index >= 0)[..., None]
    return (values * weights[..., None]).sum(-2)


def _corners(vertices: Tensor, faces: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    check_shapes(vertices=(vertices, "... V 3"), faces=(faces, "F 3"))
    return vertices[..., faces[:, 0], :], vertices[..., faces[:, 1], :], vertices[..., faces[:, 2], :]


def _face_cross_products(vertices: Tensor, faces: Tensor) -> Tensor:
    """(..., F, 3) normals of twice the area's length; zero, without gradient, where that is at rounding level."""
    first, second, third = _corners(vertices, faces)
    along, across = second - first, third - first
    cross = torch.linalg.cross(along, across)
    rounding = torch.finfo(vertices.dtype).eps ** 2 * along.square().sum(-1) * across.square().sum(-1)
    return torch.where((cross.square().sum(-1) > 4 * rounding)[..., None], cross, torch.zeros_like(cross))


def _unit_or_zero(vectors: Tensor) -> Tensor:
    length_sq = vectors.square().sum(-1, keepdim=True)
    positive = length_sq > 0
    return torch.where(positive, vectors, 0.0) / torch.where(positive, length_sq, torch.ones_like(length_sq)).sqrt()
