import numpy as np
import pytest

pytest.importorskip("scipy", reason="scipy is not installed")

from meshrec.data.wardrobe.build.proxy_files import read_proxy, read_textured_mesh  # noqa: E402
from meshrec.errors import InvalidInput  # noqa: E402

MHCLO = """# a comment
basemesh hm08
name cape
x_scale 0 1 2.0
z_scale 1 3 0.5
verts 0
material cape.mhmat
0 1 2 0.5 0.25 0.25 0.1 0.2 0.3
  3
1 2 3 1.5 -0.25 -0.25 0 0 0
delete_verts
3 5 - 7
1 - 2
"""
BASE = np.array([[0, 0, 0], [4, 0, 1], [0, 8, 0], [1, 1, 4], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]], float)


@pytest.fixture
def proxy(tmp_path):
    (tmp_path / "a.mhclo").write_text(MHCLO)
    return read_proxy(tmp_path / "a.mhclo", 8)


def test_vertices_are_placed_by_three_references_and_a_scaled_offset(proxy):
    # x: |0 - 4| / 2 = 2 per unit; y unscaled; z: |1 - 4| / 0.5 = 6 per unit.
    np.testing.assert_allclose(proxy.fitted(BASE)[0], [1 + 0.1 * 2, 2 + 0.2, 0.25 + 0.3 * 6])


def test_a_line_with_one_index_copies_that_vertex(proxy):
    np.testing.assert_allclose(proxy.fitted(BASE)[1], BASE[3])


def test_hidden_vertices_are_single_numbers_and_ranges(proxy):
    assert proxy.deleted.tolist() == [1, 2, 3, 5, 6, 7]


def test_a_scale_follows_the_size_of_the_base_mesh(proxy):
    once, twice = proxy.fitted(BASE), proxy.fitted(2 * BASE)
    np.testing.assert_allclose(twice[0, [0, 2]], 2 * once[0, [0, 2]])
    assert twice[0, 1] == pytest.approx(2 * 2 + 0.2)


def test_blended_values_never_leave_the_range_of_the_references(proxy):
    weights = np.eye(8)
    blended = proxy.blended(weights)
    np.testing.assert_allclose(blended[0, :3], [0.5, 0.25, 0.25])
    np.testing.assert_allclose(blended[2], weights[1])
    np.testing.assert_allclose(blended.sum(1), 1)


@pytest.mark.parametrize("text", ["verts 0\n1 2 3 0.5\n", "verts 0\n1 2 x 1 0 0 0 0 0\n", "x_scale 1 2\n"])
def test_a_line_that_makes_no_sense_is_named(tmp_path, text):
    (tmp_path / "a.mhclo").write_text(text)
    with pytest.raises(InvalidInput, match="line .*makes no sense"):
        read_proxy(tmp_path / "a.mhclo", 8)


@pytest.mark.parametrize("text", ["", "verts 0\n8\n", "verts 0\n0\ndelete_verts\n8\n", "x_scale 0 9 1\nverts 0\n0\n"])
def test_vertices_beyond_the_base_mesh_are_refused(tmp_path, text):
    (tmp_path / "a.mhclo").write_text(text)
    with pytest.raises(InvalidInput, match="no garment for a base mesh of 8 vertices"):
        read_proxy(tmp_path / "a.mhclo", 8)


def test_polygons_become_triangles_with_their_own_texture_coordinates(tmp_path):
    (tmp_path / "a.obj").write_text(
        "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nf 1/4 2/3/9 3/2 4/1\n"
    )
    mesh = read_textured_mesh(tmp_path / "a.obj")
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3]]
    assert mesh.face_texcoords.tolist() == [[[0, 1], [1, 1], [1, 0]], [[0, 1], [1, 0], [0, 0]]]


@pytest.mark.parametrize("face", ["f 1 2 3", "f 1/1 2/1 3/2", "f a/1 2/1 3/1"])
def test_an_obj_without_texture_coordinates_is_explained(tmp_path, face):
    (tmp_path / "a.obj").write_text(f"v 0 0 0\nv 1 0 0\nv 1 1 0\nvt 0 0\n{face}\n")
    with pytest.raises(InvalidInput, match="not an OBJ file with texture coordinates"):
        read_textured_mesh(tmp_path / "a.obj")
