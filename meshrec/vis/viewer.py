"""An Open3D window onto meshes; the only file that uses Open3D."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from meshrec.errors import InvalidInput, MeshrecError
from meshrec.optional import require
from meshrec.vis.colours import person_colour


def show_meshes(meshes: Sequence[tuple[np.ndarray, np.ndarray]], title: str = "meshrec") -> None:
    """Open a window with meshes and wait until it is closed.

    Args:
        meshes: pairs of vertices (V, 3) in exported axes (y up, z towards the viewer) and faces (F, 3).
        title: of the window.
    Raises:
        MeshrecError: the machine has no display.
        MissingDependency: Open3D is absent.
    """
    check_display()
    open3d = require("open3d", extra="viewer", purpose="show meshes in a window")
    geometries = []
    for index, (vertices, faces) in enumerate(meshes):
        mesh = open3d.geometry.TriangleMesh(open3d.utility.Vector3dVector(np.asarray(vertices, dtype=np.float64)),
                                            open3d.utility.Vector3iVector(np.asarray(faces, dtype=np.int32)))
        mesh.compute_vertex_normals()
        mesh.paint_uniform_color(person_colour(index))
        geometries.append(mesh)
    open3d.visualization.draw_geometries(geometries, window_name=title)


def check_display() -> None:
    """Make sure that a window can open.

    Raises:
        MeshrecError: the machine has no display.
    """
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise MeshrecError("This machine has no display (neither DISPLAY nor WAYLAND_DISPLAY is set), so no window can "
                           "open; save the mesh and view it elsewhere, or ask for an overlay picture.")


def read_mesh(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) and faces (F, 3) of a mesh file.

    Raises:
        InvalidInput: no such file, or not a triangle mesh.
    """
    import trimesh

    path = Path(path)
    if not path.is_file():
        raise InvalidInput(f"There is no mesh file {path}.")
    try:
        mesh = trimesh.load(path, force="mesh", process=False)
        faces = np.asarray(mesh.faces)
    except (ValueError, OSError, KeyError, IndexError, TypeError, AttributeError, NotImplementedError) as error:
        raise InvalidInput(f"{path} cannot be read as a mesh ({error}).") from error
    if len(faces) == 0:
        raise InvalidInput(f"{path} holds no triangles.")
    return np.asarray(mesh.vertices), faces
