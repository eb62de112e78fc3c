"""Meshes and cameras as files."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import trimesh

from meshrec.errors import InvalidInput
from meshrec.export import save_camera, save_mesh
from meshrec.uv.atlas import UvAtlas
from meshrec.vis.overlay import draw_overlay
from tests.support.people import egg_prediction


def _atlas_of(prediction, seed=0):
    """Every face its own three texture vertices: the worst case for separate indices."""
    count = len(prediction.faces)
    texcoords = torch.rand(3 * count, 2, generator=torch.Generator().manual_seed(seed))
    return UvAtlas(texcoords, torch.arange(3 * count).reshape(count, 3), prediction.faces.reshape(-1), None)


def _obj_rows(path, key):
    return [line.split()[1:] for line in path.read_text().splitlines() if line.startswith(key + " ")]


@pytest.mark.parametrize("extension", ["obj", "ply", "glb", "OBJ"])
def test_every_format_holds_the_same_watertight_mesh_upright_and_facing_the_viewer(tmp_path, extension):
    person = egg_prediction()
    path = tmp_path / f"mesh.{extension}"
    save_mesh(person, path)
    mesh = trimesh.load(path, force="mesh", process=False)
    assert mesh.is_watertight and mesh.volume > 0
    assert mesh.faces.shape == tuple(person.faces.shape)
    expected = person.vertices_cam.numpy() * [1, -1, -1]
    assert np.allclose(mesh.vertices, expected, atol=1e-5)
    outwards = mesh.vertices - mesh.vertices.mean(axis=0)
    assert ((mesh.vertex_normals * outwards).sum(axis=1) > 0).mean() > 0.95


def test_an_obj_has_one_line_per_vertex_and_its_own_indices_for_texture_coordinates(tmp_path):
    person = egg_prediction()
    atlas = _atlas_of(person)
    save_mesh(person, tmp_path / "mesh.obj", atlas)
    assert len(_obj_rows(tmp_path / "mesh.obj", "v")) == len(_obj_rows(tmp_path / "mesh.obj", "vn")) == 162
    texcoords = np.array(_obj_rows(tmp_path / "mesh.obj", "vt"), dtype=float)
    assert np.allclose(texcoords[:, 0], atlas.texcoords[:, 0], atol=1e-5)
    assert np.allclose(texcoords[:, 1], 1 - atlas.texcoords[:, 1], atol=1e-5)
    corners = np.array([[corner.split("/") for corner in row] for row in _obj_rows(tmp_path / "mesh.obj", "f")], int)
    assert np.array_equal(corners[..., 0], person.faces.numpy() + 1)
    assert np.array_equal(corners[..., 1], atlas.texture_faces.numpy() + 1)
    assert np.array_equal(corners[..., 2], corners[..., 0])


def test_readers_that_know_obj_find_the_textured_mesh_closed_once_the_seam_is_merged(tmp_path):
    person = egg_prediction()
    save_mesh(person, tmp_path / "mesh.obj", _atlas_of(person))
    mesh = trimesh.load(tmp_path / "mesh.obj", process=False)
    assert not mesh.is_watertight
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    assert mesh.is_watertight and len(mesh.vertices) == 162


@pytest.mark.parametrize("extension", ["obj", "ply", "glb"])
def test_several_people_share_one_file_and_keep_their_places(tmp_path, extension):
    people = [egg_prediction((-1.0, 0.0, 4.0)), egg_prediction((1.0, 0.0, 6.0))]
    save_mesh(people, tmp_path / f"mesh.{extension}", _atlas_of(people[0]) if extension == "obj" else None)
    mesh = trimesh.load(tmp_path / f"mesh.{extension}", force="mesh")
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    centres = sorted(part.centroid.tolist() for part in mesh.split())
    assert np.allclose(centres, [[-1, 0, -4], [1, 0, -6]], atol=0.1)


def test_the_exported_camera_projects_the_exported_mesh_onto_the_overlay_within_half_a_pixel(tmp_path):
    person = egg_prediction((0.3, -0.15, 4.0), subdivisions=4)
    save_mesh(person, tmp_path / "mesh.ply")
    save_camera(person, tmp_path / "camera.json")
    overlay = draw_overlay(np.zeros((240, 320, 3), np.uint8), [person])
    camera = json.loads((tmp_path / "camera.json").read_text())
    vertices = trimesh.load(tmp_path / "mesh.ply", process=False).vertices
    points = np.c_[vertices, np.ones(len(vertices))] @ np.array(camera["camera_from_mesh"]).T
    pixels = points[:, :2] / points[:, 2:3] * camera["focal_px"] + camera["centre_px"]
    rows, columns = np.nonzero(overlay.max(axis=2) > 0)
    # Outlines are drawn at twice the resolution: a first touched pixel c says that the edge is in c - 0.25 .. c + 0.75.
    outline = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) + [0.25, 0.25, -0.25, -0.25]
    assert (camera["width_px"], camera["height_px"]) == (320, 240)
    assert np.abs(np.r_[pixels.min(axis=0), pixels.max(axis=0)] - outline).max() <= 0.55


@pytest.mark.parametrize("name", ["mesh.stl", "mesh", "obj", "mesh.obj.zip"])
def test_an_unknown_extension_is_refused_naming_the_allowed_ones(tmp_path, name):
    with pytest.raises(InvalidInput, match=r"one of \.obj, \.ply, \.glb"):
        save_mesh(egg_prediction(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_nobody_to_write_and_a_missing_folder_are_explained(tmp_path):
    with pytest.raises(InvalidInput, match="no person"):
        save_mesh([], tmp_path / "mesh.obj")
    with pytest.raises(InvalidInput, match="Cannot write"):
        save_mesh(egg_prediction(), tmp_path / "absent" / "mesh.obj")


def test_a_failed_export_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "mesh.ply"
    path.write_text("old")
    broken = replace(egg_prediction(), faces=torch.full((1, 3), 10_000))
    with pytest.raises(IndexError):
        save_mesh(broken, path)
    assert path.read_text() == "old" and [file.name for file in tmp_path.iterdir()] == ["mesh.ply"]
