"""Distances along the surface against exact ones: circles of a sphere, bounds on the body, and libigl where it is."""

import dataclasses

import numpy as np
import pytest
import torch
import trimesh
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

from meshrec.body import BodyModel
from meshrec.body.build.geodesics import choose_landmarks, distance_errors, fit_mixtures, mean_edge_lengths
from meshrec.body.geodesics import SurfaceDistances
from meshrec.errors import AssetNotFound, CheckpointMismatch, InvalidInput


@pytest.fixture(scope="module")
def body():
    return BodyModel.from_file()


@pytest.fixture(scope="module")
def table():
    return SurfaceDistances.from_file()


@pytest.fixture(scope="module")
def ball():
    """An almost round mesh of radius 0.5 m, the exact distances on the ball, and its table."""
    mesh = trimesh.creation.icosphere(subdivisions=3, radius=0.5)
    directions = mesh.vertices / np.linalg.norm(mesh.vertices, axis=1, keepdims=True)

    def exact(source):
        return 0.5 * np.arccos(np.clip(directions @ directions[source], -1, 1))

    sources, rows = choose_landmarks(exact, mean_edge_lengths(mesh.vertices, mesh.faces), 120)
    index, weight = fit_mixtures(rows, sources)
    table = SurfaceDistances(
        torch.from_numpy(rows[:, sources] ** 2), torch.from_numpy(index), torch.from_numpy(weight), "ball"
    )
    return exact, table


def vertex_distances(table, source):
    """From one vertex to all."""
    everyone = torch.arange(len(table.landmark))[:, None].expand(-1, 3)
    corner = torch.tensor([1.0, 0.0, 0.0]).expand(len(everyone), 3)
    return table.between(torch.full_like(everyone, source), corner, everyone, corner).numpy()


def test_mixtures_of_landmarks_give_the_circles_of_a_ball(ball):
    exact, table = ball
    figures = distance_errors(table, exact)
    assert figures["mean_error_mm"] < 3 and figures["99_percentile_mm"] < 30
    assert figures["longest_distance_m"] == pytest.approx(np.pi / 2, abs=0.02)


def test_a_plane_is_exact():
    """Four landmarks at the corners of a square: any point's distances are those of the plane."""
    corners = torch.tensor([[0.0, 0], [1, 0], [0, 1], [1, 1]], dtype=torch.float64)
    squared = (corners[:, None] - corners).square().sum(-1)
    table = SurfaceDistances(squared, torch.arange(4)[:, None], torch.ones(4, 1, dtype=torch.float64), "")
    first, second = torch.tensor([[0.2, 0.3, 0.5]]), torch.tensor([[0.6, 0.3, 0.1]])
    vertices_a, vertices_b = torch.tensor([[0, 1, 2]]), torch.tensor([[3, 1, 2]])
    places = (first.double() @ corners[[0, 1, 2]]), (second.double() @ corners[[3, 1, 2]])
    found = table.between(vertices_a, first, vertices_b, second)
    assert found.item() == pytest.approx((places[0] - places[1]).norm().item(), abs=1e-6)


def test_the_shipped_table_belongs_to_the_shipped_body(table, body):
    table.check_body(body.hash)
    with pytest.raises(CheckpointMismatch, match="belong to body"):
        dataclasses.replace(table, body_hash="0" * 16).check_body(body.hash)


def test_distances_on_the_body_lie_between_the_straight_line_and_the_way_along_edges(table, body):
    vertices, faces = body.template_vertices.double().numpy(), body.faces.numpy()
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    length = np.linalg.norm(vertices[ends[:, 0]] - vertices[ends[:, 1]], axis=1)
    graph = coo_matrix((length, (ends[:, 0], ends[:, 1])), shape=(len(vertices), len(vertices))).tocsr()
    for source in (332, 2746, 5000):  # nose, thumb, somewhere
        along, found = dijkstra(graph, indices=source), vertex_distances(table, source)
        straight = np.linalg.norm(vertices - vertices[source], axis=1)
        assert (found - along).max() < 0.03 and (found - along).mean() < 0
        assert (straight - found).max() < 0.03 and (straight - found).mean() < 0


def test_distances_are_symmetric_and_zero_at_the_same_point(table):
    generator = torch.Generator().manual_seed(0)
    vertices = torch.randint(6890, (200, 2, 3), generator=generator)
    weights = torch.rand(200, 2, 3, generator=generator)
    weights = weights / weights.sum(-1, keepdim=True)
    there = table.between(vertices[:, 0], weights[:, 0], vertices[:, 1], weights[:, 1])
    back = table.between(vertices[:, 1], weights[:, 1], vertices[:, 0], weights[:, 0])
    same = table.between(vertices[:, 0], weights[:, 0], vertices[:, 0], weights[:, 0])
    assert torch.allclose(there, back, atol=1e-6) and same.max() < 1e-6 and there.mean() > 0.2


def test_the_table_agrees_with_exact_geodesics(table, body):
    pytest.importorskip("igl", reason="exact geodesics are libigl's (extra synth)")
    from meshrec.body.build.geodesics import exact_distances

    exact = exact_distances(body.template_vertices.double().numpy(), body.faces.numpy())
    error = np.concatenate([np.abs(vertex_distances(table, source) - exact(source)) for source in (100, 2746, 6000)])
    assert error.mean() < 0.0015 and np.percentile(error, 99) < 0.01


def test_a_saved_table_is_the_same_to_a_tenth_of_a_millimetre(ball, tmp_path):
    _, table = ball
    table.save(tmp_path / "ball.npz")
    again = SurfaceDistances.from_file(tmp_path / "ball.npz")
    assert again.body_hash == "ball"
    difference = vertex_distances(again, 7) - vertex_distances(table, 7)
    assert 0 < np.abs(difference).mean() < 1e-4


def test_files_that_are_no_table_are_refused(tmp_path, ball):
    with pytest.raises(AssetNotFound, match="build_geodesics"):
        SurfaceDistances.from_file(tmp_path / "none.npz")
    (tmp_path / "broken.npz").write_bytes(b"PK but not really")
    with pytest.raises(InvalidInput, match="no table of surface distances"):
        SurfaceDistances.from_file(tmp_path / "broken.npz")
    ball[1].save(tmp_path / "short.npz")
    with np.load(tmp_path / "short.npz") as file:
        arrays = dict(file)
    np.savez(tmp_path / "short.npz", **(arrays | {"distance": arrays["distance"][:-1]}))
    with pytest.raises(InvalidInput, match="do not fit 120 landmarks"):
        SurfaceDistances.from_file(tmp_path / "short.npz")


def test_nothing_to_measure_is_no_error(table):
    none, weights = torch.zeros(0, 3, dtype=torch.long), torch.zeros(0, 3)
    assert table.between(none, weights, none, weights).shape == (0,)
