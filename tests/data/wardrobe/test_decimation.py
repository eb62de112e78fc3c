import numpy as np
import pytest

pytest.importorskip("scipy", reason="scipy is not installed")

from meshrec.data.wardrobe.build.decimation import decimated  # noqa: E402
from meshrec.data.wardrobe.build.proxy_files import TexturedMesh  # noqa: E402
from tests.data.wardrobe.test_cutouts import area, edge_counts, sheet  # noqa: E402
from tests.support.tubes import tube  # noqa: E402


def test_a_flat_sheet_loses_its_inside_and_keeps_border_and_coordinates():
    mesh = decimated(sheet(15), 70)
    assert len(mesh.vertices) == 70
    assert area(mesh) == pytest.approx(1)
    np.testing.assert_allclose(mesh.vertices[mesh.faces][..., :2], mesh.face_texcoords)
    border = np.isin(mesh.vertices[:, :2], (0, 1)).any(1)
    assert border.sum() == 4 * 14
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    assert (np.cross(b - a, c - a)[:, 2] > 0).all()


def test_a_light_mesh_is_left_alone():
    mesh = sheet()
    assert decimated(mesh, 81) is mesh


def test_a_round_surface_keeps_its_shape_rather_than_reach_the_target():
    vertices, faces = tube(0.1, 0, 1, rings=30, segments=64)
    mesh = decimated(TexturedMesh(vertices, faces, np.zeros((len(faces), 3, 2))), 100)
    assert 2 * 64 < len(mesh.vertices) < 1200
    middle = mesh.vertices[mesh.faces].mean(1)
    assert np.abs(np.linalg.norm(middle[:, [0, 2]], axis=1) - 0.1).max() < 0.004
    assert set(edge_counts(mesh).values()) <= {1, 2}


def test_a_texture_seam_stays():
    mesh = sheet(15)
    jump = mesh.vertices[mesh.faces][..., 0].mean(1) > 0.5
    texcoords = mesh.face_texcoords.copy()
    texcoords[jump, :, 1] += 5
    reduced = decimated(TexturedMesh(mesh.vertices, mesh.faces, texcoords), 80)
    assert (reduced.vertices[:, 0] == 0.5).sum() == 15
    right = reduced.vertices[reduced.faces][..., 0].mean(1) > 0.5
    expected = reduced.vertices[reduced.faces][..., :2] + 5.0 * right[:, None, None] * np.array([0, 1])
    np.testing.assert_allclose(reduced.face_texcoords, expected)


def test_a_dome_on_a_fixed_border_is_not_flattened():
    flat = sheet(21)
    x, y = 0.2 * flat.vertices[:, 0] - 0.1, 0.2 * flat.vertices[:, 1] - 0.1
    dome = TexturedMesh(np.stack([x, y, np.sqrt(0.18**2 - x**2 - y**2)], 1), flat.faces, flat.face_texcoords)
    reduced = decimated(dome, 80)
    assert len(reduced.vertices) > 81
    middle = reduced.vertices[reduced.faces].mean(1)
    assert np.abs(np.linalg.norm(middle, axis=1) - 0.18).max() < 0.004


def test_a_thin_tube_does_not_fold_onto_itself():
    vertices, faces = tube(0.1, 0, 1, rings=12, segments=3)
    reduced = decimated(TexturedMesh(vertices, faces, np.zeros((len(faces), 3, 2))), 5)
    assert len(reduced.vertices) < 36
    assert set(edge_counts(reduced).values()) <= {1, 2}
    assert len(np.unique(np.sort(reduced.faces, axis=1), axis=0)) == len(reduced.faces)
