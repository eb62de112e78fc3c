"""Cutting triangles at the near plane."""

import pytest
import torch

from meshrec.render.near_plane import clipped_triangles

NEAR = 0.3


def crossing_triangles(seed=0, count=200):
    corners = torch.randn(count, 3, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    in_front = corners[..., 2] >= NEAR
    return corners[in_front.any(1) & ~in_front.all(1)]


def doubled_areas(corners):
    return torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])


def test_parts_lie_in_front_and_keep_the_plane_and_the_facing_of_their_triangle():
    corners = crossing_triangles()
    parts, source = clipped_triangles(corners, NEAR)
    assert (parts[..., 2] >= NEAR).all()
    whole, part = doubled_areas(corners)[source], doubled_areas(parts)
    cosine = torch.nn.functional.cosine_similarity(whole, part, dim=1)
    torch.testing.assert_close(cosine, torch.ones_like(cosine))
    offset = ((parts[:, 0] - corners[source, 0]) * whole).sum(1)
    torch.testing.assert_close(offset, torch.zeros_like(offset))


def test_parts_have_the_area_that_lies_in_front():
    """Sampled: the share of random points of each triangle that lie beyond the plane."""
    corners = crossing_triangles()[:40]
    parts, source = clipped_triangles(corners, NEAR)
    kept = torch.zeros(len(corners), dtype=torch.float64).index_add(0, source, doubled_areas(parts).norm(dim=1))
    share = kept / doubled_areas(corners).norm(dim=1)
    samples = 20000
    weights = torch.distributions.Dirichlet(torch.ones(3, dtype=torch.float64)).sample((samples,))
    expected = (torch.einsum("sk,nk->ns", weights, corners[..., 2]) >= NEAR).double().mean(1)
    # Standard deviation of a share of 20,000 samples is at most 0.0036; five of them.
    assert (share - expected).abs().max() < 0.018
    assert share.min() < 0.2 and share.max() > 0.8


@pytest.mark.parametrize("turn", [0, 1, 2])
def test_neighbours_are_cut_at_the_same_point(turn):
    a, b, c, d = torch.randn(4, 3, generator=torch.Generator().manual_seed(2)).unbind(0)
    a, b = a.clone(), b.clone()
    a[2], b[2], c[2], d[2] = -1.0, 1.0, 2.0, -2.0
    pair = torch.stack([torch.stack([a, b, c]), torch.stack([b, a, d])]).roll(turn, dims=1)
    parts, source = clipped_triangles(pair, NEAR)
    on_plane = [set(map(tuple, parts[source == i].view(-1, 3)[parts[source == i].view(-1, 3)[:, 2] == NEAR].tolist()))
                for i in range(2)]
    assert len(on_plane[0] & on_plane[1]) == 1  # bitwise: the cut of the edge between a and b


def test_no_triangles_give_no_parts():
    parts, source = clipped_triangles(torch.zeros(0, 3, 3), NEAR)
    assert parts.shape == (0, 3, 3) and source.shape == (0,)
