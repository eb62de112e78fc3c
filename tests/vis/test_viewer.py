"""The window, as far as it can be tested without one."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from meshrec.errors import InvalidInput, MeshrecError
from meshrec.export import save_mesh
from meshrec.vis.viewer import read_mesh, show_people
from tests.support.commands import load_main
from tests.support.people import egg_prediction


class _FakeMesh(SimpleNamespace):
    def compute_vertex_normals(self):
        self.has_normals = True

    def paint_uniform_color(self, colour):
        self.colour = colour


class _FakeWindow:
    """Open3D's Visualizer as far as it is used; notes what it was asked to show."""

    def __init__(self, shown, opens):
        self.meshes, self.shown, self.opens = [], shown, opens
        self.add_geometry = self.meshes.append

    def create_window(self, window_name):
        self.title = window_name
        return self.opens

    def run(self):
        self.shown.append((self.meshes, self.title))

    def destroy_window(self):
        pass


def _install_open3d(monkeypatch, opens):
    shown = []
    fake = SimpleNamespace(
        geometry=SimpleNamespace(TriangleMesh=lambda vertices, faces: _FakeMesh(vertices=vertices, faces=faces)),
        utility=SimpleNamespace(Vector3dVector=np.asarray, Vector3iVector=np.asarray),
        visualization=SimpleNamespace(Visualizer=lambda: _FakeWindow(shown, opens)))
    monkeypatch.setitem(sys.modules, "open3d", fake)
    monkeypatch.setenv("DISPLAY", ":0")
    return shown


@pytest.fixture
def windows(monkeypatch):
    """What an Open3D stand-in was asked to show."""
    return _install_open3d(monkeypatch, opens=True)


def test_a_display_on_which_no_window_opens_is_reported(monkeypatch):
    shown = _install_open3d(monkeypatch, opens=False)
    with pytest.raises(MeshrecError, match="could not open a window"):
        show_people([egg_prediction()])
    assert shown == []


def test_people_are_shown_upright_each_in_an_own_colour(windows):
    people = [egg_prediction(), egg_prediction((1.0, 0.0, 5.0))]
    show_people(people, "two")
    (meshes, title), = windows
    assert title == "two" and len(meshes) == 2
    assert np.allclose(meshes[1].vertices, people[1].vertices_cam.numpy() * [1, -1, -1])
    assert not np.allclose(meshes[0].colour, meshes[1].colour)


@pytest.mark.parametrize("extension", ["obj", "ply", "glb"])
def test_the_tool_shows_what_was_exported(windows, tmp_path, extension):
    path = tmp_path / f"mesh.{extension}"
    save_mesh(egg_prediction(), path)
    assert load_main("tools/view.py")(path) == 0
    (meshes, title), = windows
    assert title == path.name and meshes[0].faces.shape == (320, 3)


def test_the_tool_explains_files_that_are_no_meshes(windows, tmp_path, capsys):
    (tmp_path / "text.obj").write_text("no mesh")
    (tmp_path / "mesh.xyz2").write_text("no mesh")
    for name, sentence in (("absent.obj", "no mesh file"), ("text.obj", "text.obj"), ("mesh.xyz2", "mesh.xyz2")):
        assert load_main("tools/view.py")(tmp_path / name) == 2
        error = capsys.readouterr().err
        assert sentence in error and error.startswith("error: ") and error.count("\n") == 1
    with pytest.raises(InvalidInput):
        read_mesh(tmp_path)
    assert windows == []


def test_a_machine_without_display_is_told_so(monkeypatch, tmp_path, capsys):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    save_mesh(egg_prediction(), tmp_path / "mesh.ply")
    assert load_main("tools/view.py")(tmp_path / "mesh.ply") == 2
    assert "no display" in capsys.readouterr().err
