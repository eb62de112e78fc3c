"""Meshes of a body read from files, one row per vertex of the body, in the file's order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from meshrec.errors import AssetNotFound, InvalidInput

MESH_FILES = (".obj", ".ply", ".glb", ".npy")


def read_body_meshes(path: str | Path, vertex_count: int) -> Tensor:
    """Vertices of all people in a file.

    Args:
        path: ``.obj``, ``.ply`` or ``.glb``, one person after the other, or ``.npy`` of (V, 3) or (P, V, 3).
        vertex_count: V of the body.
    Returns:
        (P, V, 3) float32, in the axes and units of the file.
    Raises:
        AssetNotFound: no such file.
        InvalidInput: a file of another kind, one that is damaged, or one whose vertices are not those of bodies.
    """
    path = Path(path)
    if path.suffix.lower() not in MESH_FILES:
        raise InvalidInput(f"Cannot read a mesh from {str(path)!r}: the extension must be {', '.join(MESH_FILES)}.")
    if not path.is_file():
        raise AssetNotFound(f"There is no mesh file {path}.")
    # Damaged bytes can make the decoders fail in any way.
    try:
        vertices = _READERS.get(path.suffix.lower(), _read_with_trimesh)(path)
    except Exception as error:
        raise InvalidInput(f"Cannot read the mesh file {path}: it is damaged ({type(error).__name__}).") from error
    if vertices.dtype.kind not in "fiu" or vertices.ndim < 2 or vertices.shape[-1] != 3 or not len(vertices):
        raise InvalidInput(f"{path} holds no vertices with three coordinates.")
    vertices = vertices.reshape(-1, 3)
    if len(vertices) % vertex_count:
        raise InvalidInput(
            f"{path} holds {len(vertices)} vertices; meshes of this body have {vertex_count} each, in the body's order."
        )
    with np.errstate(over="ignore"):  # double precision holds numbers that single precision does not
        vertices = vertices.astype(np.float32)
    if not np.isfinite(vertices).all():
        raise InvalidInput(f"{path} holds coordinates that are not finite.")
    return torch.from_numpy(vertices).unflatten(0, (-1, vertex_count))


def _read_obj(path: Path) -> np.ndarray:
    """The lines of vertices only: readers of whole meshes reorder them, or cut them along texture seams."""
    lines = (line.split() for line in path.read_text(encoding="utf-8", errors="replace").splitlines())
    return np.array([[float(value) for value in words[1:4]] for words in lines if words[:1] == ["v"]])


def _read_npy(path: Path) -> np.ndarray:
    return np.load(path, allow_pickle=False)


def _read_with_trimesh(path: Path) -> np.ndarray:
    import trimesh  # half a second that only these formats need

    loaded = trimesh.load(path, process=False)
    if not isinstance(loaded, trimesh.Scene):
        return loaded.vertices
    # In the file's order, which the scene's own way of joining its parts does not keep.
    places = [(mesh, node) for name, mesh in loaded.geometry.items() for node in loaded.graph.geometry_nodes[name]]
    return np.concatenate([trimesh.transform_points(mesh.vertices, loaded.graph.get(node)[0]) for mesh, node in places])


_READERS = {".obj": _read_obj, ".npy": _read_npy}
