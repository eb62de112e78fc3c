"""Losses on mesh vertices."""

from __future__ import annotations

from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.losses.reduce import valid_mean


def vertex_loss(vertices: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """L1 in metres (DecoMR's mesh loss, off by default there).

    Args:
        vertices: (B, V, 3).
        target: (B, V, 3) in the same frame.
        valid: (B,) which samples have a body.
    """
    check_shapes(vertices=(vertices, "B V 3"), target=(target, "B V 3"), valid=(valid, "B"))
    return valid_mean((vertices - target).abs(), valid)


def edge_loss(vertices: Tensor, target: Tensor, edges: Tensor, valid: Tensor) -> Tensor:
    """L1 between the edge vectors of two meshes, metres: wrinkles and spikes count, displacement does not.

    Args:
        vertices: (B, V, 3).
        target: (B, V, 3).
        edges: (E, 2) long, vertices that each edge joins.
        valid: (B,) which samples have a body.
    """
    check_shapes(vertices=(vertices, "B V 3"), target=(target, "B V 3"), edges=(edges, "E 2"), valid=(valid, "B"))
    difference = vertices - target
    return valid_mean((difference[:, edges[:, 0]] - difference[:, edges[:, 1]]).abs(), valid)
