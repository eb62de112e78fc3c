"""An Open3D window onto meshes; the only file that uses Open3D."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

from meshrec.errors import InvalidInput, MeshrecError
from meshrec.optional import require
from meshrec.structures import MeshPrediction
from meshrec.vis.colours import person_colour

_OTHER_WAYS = "save the mesh and view it elsewhere, or draw an overlay picture"
_UPRIGHT = np.array([1.0, -1.0, -1.0])  # camera axes (y down, z forward) to the window's (y up, z towards the viewer)


def show_people(people: Sequence[MeshPrediction], title: str = "meshrec") -> None:
    """Open a window with reconstructed people; see `show_meshes`."""
    show_meshes([(person.vertices_cam.detach().cpu().numpy() * _UPRIGHT, person.faces.cpu().numpy())
                 for person in people], title)


def show_meshes(meshes: Sequence[tuple[np.ndarray, np.ndarray]], title: str = "meshrec") -> None:
    """Open a window with meshes and wait until it is closed.

    Args:
        meshes: pairs of vertices (V, 3), y up and z towards the viewer, and faces (F, 3).
        title: of the window.
    Raises:
        MeshrecError: the machine has no display, or no window can open on it.
        MissingDependency: Open3D is absent.
    """
    open3d = check_viewer()
    window = open3d.visualization.Visualizer()
    if not window.create_window(window_name=title):
        raise MeshrecError(f"Open3D could not open a window on this display; {_OTHER_WAYS}.")
    for index, (vertices, faces) in enumerate(meshes):
        mesh = open3d.geometry.TriangleMesh(open3d.utility.Vector3dVector(np.asarray(vertices, dtype=np.float64)),
                                            open3d.utility.Vector3iVector(np.asarray(faces, dtype=np.int32)))
        mesh.compute_vertex_normals()
        mesh.paint_uniform_color(person_colour(index))
        window.add_geometry(mesh)
    window.run()
    window.destroy_window()


def check_viewer() -> ModuleType:
    """Open3D, if a window can open here; call it early, before work whose result could then not be shown.

    Raises:
        MeshrecError: the machine has no display.
        MissingDependency: Open3D is absent.
    """
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise MeshrecError(f"This machine has no display (neither DISPLAY nor WAYLAND_DISPLAY is set); {_OTHER_WAYS}.")
    return require("open3d", extra="viewer", purpose="show meshes in a window")


def read_mesh(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) and faces (F, 3) of a mesh file.

    Raises:
        InvalidInput: no such file, or not a triangle mesh.
    """
    import trimesh  # half a second that nothing else here needs

    path = Path(path)
    if not path.is_file():
        raise InvalidInput(f"There is no mesh file {path}.")
    try:
        mesh = trimesh.load(path, force="mesh", process=False)
        vertices, faces = np.asarray(mesh.vertices), np.asarray(mesh.faces)
    except Exception as error:  # trimesh's readers raise whatever a malformed file makes them trip over
        raise InvalidInput(f"{path} cannot be read as a mesh ({type(error).__name__}: {error}).") from error
    if len(faces) == 0:
        raise InvalidInput(f"{path} holds no triangles.")
    return vertices, faces
