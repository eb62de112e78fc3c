from collections import Counter

import numpy as np
import pytest

pytest.importorskip("scipy", reason="scipy is not installed")

from meshrec.data.wardrobe.build.cutouts import cut_out, split_edges, without_unused  # noqa: E402
from meshrec.data.wardrobe.build.proxy_files import TexturedMesh  # noqa: E402


def sheet(side: int = 9) -> TexturedMesh:
    """A square metre of cloth whose texture coordinates are its x and y."""
    x, y = np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side))
    vertices = np.stack([x, y, 0 * x], -1).reshape(-1, 3)
    number = np.arange(side * side).reshape(side, side)
    a, b, c, d = (part.ravel() for part in (number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    return TexturedMesh(vertices, faces, vertices[faces][..., :2])


def area(mesh: TexturedMesh) -> float:
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    return 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1).sum()


def edge_counts(mesh: TexturedMesh) -> Counter:
    return Counter(tuple(sorted((int(face[k]), int(face[(k + 1) % 3])))) for face in mesh.faces for k in range(3))


def test_an_opaque_texture_changes_nothing():
    mesh = sheet()
    assert cut_out(mesh, np.full((8, 8), 255, np.uint8)) is mesh


def test_transparent_faces_go_and_the_cut_follows_the_outline():
    alpha = np.zeros((200, 200), np.uint8)
    alpha[:, :69] = 255  # opaque for u below 0.344, half-way between two outlines of whole faces
    mesh = cut_out(sheet(), alpha)
    assert area(mesh) == pytest.approx(0.344, abs=0.015)
    assert mesh.vertices[:, 0].max() < 0.4
    # Whole faces alone would not come as near.
    whole = sheet()
    centre = whole.face_texcoords[..., 0].mean(1)
    coarse = TexturedMesh(whole.vertices, whole.faces[centre < 0.344], whole.face_texcoords[centre < 0.344])
    assert abs(area(coarse) - 0.344) > 0.025


def test_cloth_that_is_thin_all_over_stays():
    alpha = np.full((50, 50), 90, np.uint8)
    assert area(cut_out(sheet(), alpha)) == pytest.approx(1)


def test_single_threads_are_no_outline():
    alpha = np.zeros((200, 200), np.uint8)
    alpha[::4] = alpha[:, ::4] = 255
    mesh = cut_out(sheet(), alpha)
    assert area(mesh) == pytest.approx(1) and len(mesh.faces) == len(sheet().faces)


def test_split_edges_leave_no_gaps_and_keep_area_and_coordinates():
    mesh = sheet(5)
    random = np.random.default_rng(2)
    edges = np.array(sorted(edge_counts(mesh)))
    split = split_edges(mesh, edges[random.random(len(edges)) < 0.4])
    assert len(split.faces) > len(mesh.faces)
    assert area(split) == pytest.approx(1)
    np.testing.assert_allclose(split.vertices[split.faces][..., :2], split.face_texcoords, atol=1e-12)
    # An edge of one face only lies on the border of the square; a gap would leave others.
    for (a, b), count in edge_counts(split).items():
        middle = 0.5 * (split.vertices[a] + split.vertices[b])[:2]
        assert count == 2 or (count == 1 and np.isin(middle, (0, 1)).any())


def test_all_faces_keep_looking_the_same_way():
    mesh = sheet(4)
    split = split_edges(mesh, np.array(sorted(edge_counts(mesh)))[::2])
    a, b, c = (split.vertices[split.faces[:, k]] for k in range(3))
    assert (np.cross(b - a, c - a)[:, 2] > 0).all()


def test_vertices_without_faces_are_dropped():
    mesh = without_unused(TexturedMesh(np.arange(12.0).reshape(4, 3), np.array([[3, 1, 0]]), np.zeros((1, 3, 2))))
    assert mesh.faces.tolist() == [[2, 1, 0]] and mesh.vertices[:, 0].tolist() == [0, 3, 9]
