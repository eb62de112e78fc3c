"""Measures of triangle meshes."""

import math

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from meshrec.geometry.meshes import (
    edge_lengths,
    face_areas,
    face_normals,
    interpolate_faces,
    signed_volume,
    uniform_laplacian,
    unique_edges,
    vertex_normals,
)
from meshrec.geometry.rotations import random_rotation_matrix
from tests.reference import geometry_loops
from tests.support.solids import octahedron_sphere

TRIANGLE = torch.tensor([[0, 1, 2]])


def bumpy_sphere(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    vertices, faces = octahedron_sphere()
    return vertices + 0.1 * torch.randn(vertices.shape, generator=torch.Generator().manual_seed(seed)).double(), faces


def test_face_of_known_size_has_its_area_and_points_at_the_viewer_who_sees_it_counter_clockwise():
    vertices = torch.tensor([[0.0, 0, 0], [3, 0, 0], [0, 4, 0]])
    assert torch.equal(face_normals(vertices, TRIANGLE), torch.tensor([[0.0, 0, 1]]))
    assert face_areas(vertices, TRIANGLE).item() == 6


def test_sphere_normals_point_outwards_and_its_measures_approach_the_ideal():
    vertices, faces = octahedron_sphere(4)
    assert (vertex_normals(vertices, faces) - vertices).norm(dim=-1).max() < 0.03
    assert face_areas(vertices, faces).sum().item() == pytest.approx(4 * math.pi, rel=0.01)
    assert signed_volume(vertices, faces).item() == pytest.approx(4 / 3 * math.pi, rel=0.01)


def test_vertex_normals_agree_with_a_loop_over_faces():
    vertices, faces = bumpy_sphere()
    expected = geometry_loops.vertex_normals(vertices.numpy(), faces.numpy())
    assert np.abs(vertex_normals(vertices, faces).numpy() - expected).max() < 1e-12


def test_turning_and_moving_the_mesh_turns_its_normals_and_keeps_its_measures():
    vertices, faces = bumpy_sphere()
    turn = random_rotation_matrix(generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    moved = vertices @ turn.T + 3
    edges = unique_edges(faces)
    assert torch.allclose(vertex_normals(moved, faces), vertex_normals(vertices, faces) @ turn.T)
    assert torch.allclose(face_normals(moved, faces), face_normals(vertices, faces) @ turn.T)
    assert torch.allclose(uniform_laplacian(moved, edges), uniform_laplacian(vertices, edges) @ turn.T)
    for measure in (face_areas, signed_volume):
        assert torch.allclose(measure(moved, faces), measure(vertices, faces))
    assert torch.allclose(edge_lengths(moved, edges), edge_lengths(vertices, edges))


def test_reversed_faces_turn_normals_and_volume_around():
    vertices, faces = bumpy_sphere()
    assert torch.allclose(face_normals(vertices, faces.flip(1)), -face_normals(vertices, faces))
    assert torch.allclose(signed_volume(vertices, faces.flip(1)), -signed_volume(vertices, faces))


def test_volume_far_from_the_origin_keeps_its_digits_in_float32():
    vertices, faces = octahedron_sphere()
    near, far = signed_volume(vertices.float(), faces), signed_volume(vertices.float() + 100, faces)
    assert far.item() == pytest.approx(near.item(), rel=1e-4)


def test_every_edge_of_a_closed_mesh_comes_once():
    vertices, faces = octahedron_sphere()
    edges = unique_edges(faces)
    assert len(vertices) - len(edges) + len(faces) == 2  # Euler
    assert (edges[:, 0] < edges[:, 1]).all() and len({tuple(edge) for edge in edges.tolist()}) == len(edges)


def test_edge_lengths_are_distances():
    vertices = torch.tensor([[0.0, 0, 0], [3, 0, 0], [0, 4, 0]])
    assert torch.equal(edge_lengths(vertices, unique_edges(TRIANGLE)), torch.tensor([3.0, 4.0, 5.0]))


def test_laplacian_agrees_with_sets_of_neighbours_and_spares_lonely_vertices():
    vertices, faces = bumpy_sphere()
    edges = unique_edges(faces)
    expected = geometry_loops.uniform_laplacian(vertices.numpy(), faces.numpy())
    assert np.abs(uniform_laplacian(vertices, edges).numpy() - expected).max() < 1e-12
    lonely = torch.cat([vertices, torch.full((1, 3), 9.0)])
    assert torch.equal(uniform_laplacian(lonely, edges)[-1], torch.zeros(3).double())


@pytest.mark.parametrize("third", [(0.0, 0, 0), (2, 0, 0), (0.3, 0, 0), (1, 0, 0)])
def test_face_without_area_has_zero_normal_and_finite_gradients(third):
    vertices = torch.tensor([(0.0, 0, 0), (1, 0, 0), third], requires_grad=True)
    normal = face_normals(vertices, TRIANGLE)
    (normal.sum() + vertex_normals(vertices, TRIANGLE).sum() + face_areas(vertices, TRIANGLE).sum()).backward()
    assert torch.equal(normal, torch.zeros(1, 3)) and vertices.grad.isfinite().all()


def test_sliver_by_rounding_alone_counts_as_degenerate():
    along = torch.tensor([0.1, 0.2, 0.3])
    vertices = torch.stack([along, along + 0.7 * along, along + 0.9 * along])
    assert torch.equal(face_normals(vertices, TRIANGLE), torch.zeros(1, 3))


def test_degenerate_face_does_not_disturb_its_neighbours():
    vertices, faces = bumpy_sphere()
    with_sliver = torch.cat([faces, torch.tensor([[0, 0, 7]])])
    assert torch.equal(vertex_normals(vertices, with_sliver), vertex_normals(vertices, faces))


def test_coinciding_points_have_edges_of_length_zero_with_finite_gradients():
    vertices = torch.zeros(3, 3, requires_grad=True)
    lengths = edge_lengths(vertices, unique_edges(TRIANGLE))
    lengths.sum().backward()
    assert torch.equal(lengths, torch.zeros(3)) and vertices.grad.isfinite().all()


@pytest.mark.parametrize("measure", [face_normals, vertex_normals, face_areas, signed_volume])
def test_gradient_is_right(measure):
    vertices, faces = octahedron_sphere(0)
    vertices = (vertices + 0.1 * torch.randn(6, 3, generator=torch.Generator().manual_seed(0))).requires_grad_()
    assert gradcheck(lambda v: measure(v, faces), vertices)


def test_laplacian_and_interpolation_gradients_are_right():
    vertices, faces = octahedron_sphere(0)
    weights = torch.rand(2, 3, dtype=torch.float64, requires_grad=True)
    index = torch.tensor([3, -1])
    assert gradcheck(lambda v: uniform_laplacian(v, unique_edges(faces)), vertices.requires_grad_())
    assert gradcheck(lambda v, w: interpolate_faces(v, faces, index, w), (vertices, weights))


def test_corner_weights_pick_corners_and_even_weights_the_mean():
    vertices, faces = bumpy_sphere()
    weights = torch.cat([torch.eye(3), torch.full((1, 3), 1 / 3)]).double()
    points = interpolate_faces(vertices, faces, torch.tensor([4, 4, 4, 4]), weights)
    assert torch.allclose(points, torch.cat([vertices[faces[4]], vertices[faces[4]].mean(0, keepdim=True)]))


def test_no_face_gives_zero():
    vertices, faces = bumpy_sphere()
    assert torch.equal(
        interpolate_faces(vertices + 5, faces, torch.tensor([-1]), torch.ones(1, 3)), torch.zeros(1, 3).double()
    )


def test_interpolation_with_shared_and_with_own_points_equals_singles():
    vertices, faces = bumpy_sphere()
    batch = torch.stack([vertices, 2 * vertices, vertices - 1])
    index, weights = torch.randint(-1, len(faces), (3, 11)), torch.rand(3, 11, 3, dtype=torch.float64)
    own = interpolate_faces(batch, faces, index, weights)
    shared = interpolate_faces(batch, faces, index[0], weights[0])
    for i in range(3):
        assert torch.allclose(own[i], interpolate_faces(batch[i], faces, index[i], weights[i]))
        assert torch.allclose(shared[i], interpolate_faces(batch[i], faces, index[0], weights[0]))


@pytest.mark.parametrize("measure", [face_normals, vertex_normals, face_areas, signed_volume])
def test_batches_of_any_rank_equal_singles(measure):
    vertices, faces = bumpy_sphere()
    batch = torch.stack([vertices, 2 * vertices, vertices.flip(-1)]).expand(2, 3, -1, 3)
    assert torch.allclose(measure(batch, faces)[1, 2], measure(batch[1, 2], faces))


def test_wrong_shape_is_named():
    with pytest.raises(ValueError, match=r"faces .*\(F, 3\).*\(5, 4\)"):
        vertex_normals(torch.zeros(6, 3), torch.zeros(5, 4, dtype=torch.long))
