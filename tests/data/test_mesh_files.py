"""Vertices of bodies from mesh files of every kind."""

import numpy as np
import pytest
import torch

from meshrec.data.mesh_files import read_body_meshes
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.export import exported_vertices, save_mesh
from tests.support.people import egg_prediction

EGG = 162


@pytest.mark.parametrize("extension", ["obj", "ply", "glb"])
def test_files_of_ours_give_everybodys_vertices_in_order(tmp_path, extension):
    people = [egg_prediction((-1.0, 0.0, 4.0)), egg_prediction((1.0, 0.2, 6.0))]
    save_mesh(people, tmp_path / f"mesh.{extension}")
    vertices = read_body_meshes(tmp_path / f"mesh.{extension}", EGG)
    expected = np.stack([exported_vertices(person) for person in people])
    assert vertices.shape == (2, EGG, 3) and np.allclose(vertices, expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(EGG, 3), (2, EGG, 3)])
def test_arrays_of_one_or_several_people_are_read(tmp_path, shape):
    values = np.random.default_rng(0).normal(size=shape)
    np.save(tmp_path / "mesh.npy", values)
    vertices = read_body_meshes(tmp_path / "mesh.npy", EGG)
    assert vertices.dtype == torch.float32 and np.allclose(vertices, values.reshape(-1, EGG, 3))


def test_an_obj_may_hold_colours_comments_and_negative_indices(tmp_path):
    text = "# v 9 9 9\nmtllib x.mtl\nv 1 2 3 0.5 0.5 0.5\nvn 0 0 1\nv 4 5 6\nvt 0 0\n  v 7 8 9\nf -3 -2 -1\n"
    (tmp_path / "mesh.obj").write_text(text)
    assert read_body_meshes(tmp_path / "mesh.obj", 3).tolist() == [[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]


@pytest.mark.parametrize("name", ["mesh.obj", "mesh.ply", "mesh.glb", "mesh.npy"])
@pytest.mark.parametrize(
    "content", [b"", b"v 1 2\nv a b c\n", b"\x93NUMPY\x01\x00v\x00{'descr': '|O'", b"glTF" + bytes(20)]
)
def test_damaged_files_are_explained(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInput, match="damaged|no vertices"):
        read_body_meshes(tmp_path / name, EGG)


def test_other_files_and_other_bodies_are_explained(tmp_path):
    save_mesh(egg_prediction(), tmp_path / "mesh.obj")
    with pytest.raises(InvalidInput, match=r"holds 162 vertices; meshes of this body have 6890"):
        read_body_meshes(tmp_path / "mesh.obj", 6890)
    for value in (np.nan, 1e300):
        np.save(tmp_path / "mesh.npy", np.full((EGG, 3), value))
        with pytest.raises(InvalidInput, match="not finite"):
            read_body_meshes(tmp_path / "mesh.npy", EGG)
    np.save(tmp_path / "objects.npy", np.array([{}] * 3), allow_pickle=True)
    with pytest.raises(InvalidInput, match="damaged"):
        read_body_meshes(tmp_path / "objects.npy", EGG)
    with pytest.raises(InvalidInput, match="extension must be"):
        read_body_meshes(tmp_path / "mesh.stl", EGG)
    with pytest.raises(AssetNotFound, match="no mesh file"):
        read_body_meshes(tmp_path / "absent.ply", EGG)
