"""Meshes for other programs, and the camera that puts them back onto the photo; in the axes of exported files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from meshrec.assets import write_atomically, write_json
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.export.axes import CAMERA_FROM_FILE
from meshrec.geometry.meshes import vertex_normals
from meshrec.structures import MeshPrediction
from meshrec.uv.atlas import UvAtlas

MESH_EXTENSIONS = (".obj", ".ply", ".glb")


def save_mesh(predictions: MeshPrediction | Sequence[MeshPrediction], path: str | Path,
              atlas: UvAtlas | None = None) -> None:
    """Write one person, or several into one file, as OBJ, PLY or GLB by the extension of ``path``.

    Every format has normals. OBJ also has the atlas's texture coordinates, with v = 1 at the top of a texture image as
    OBJ wants (our maps have v = 0 there). An OBJ keeps one line per body vertex and gives faces separate indices into
    the texture coordinates; readers that cannot do that cut the mesh open along the atlas's seam.

    Args:
        predictions: at least one person.
        path: the file, replaced if it exists; never left half written.
        atlas: texture coordinates for OBJ; by default the shipped atlas, if it is one of the same faces.
    Raises:
        InvalidInput: unknown extension, no person, or a place that cannot be written.
    """
    extension = check_mesh_path(path)
    people = [predictions] if isinstance(predictions, MeshPrediction) else list(predictions)
    if not people:
        raise InvalidInput(f"There is no person to write to {path}.")
    with write_atomically(path) as temporary:
        if extension == ".obj":
            temporary.write_text(_obj_text(people, atlas), encoding="ascii")
        else:
            temporary.write_bytes(_trimesh_bytes(people, extension))


def check_mesh_path(path: str | Path) -> str:
    """The extension of a mesh file, in lower case.

    Raises:
        InvalidInput: not one that `save_mesh` writes.
    """
    extension = Path(path).suffix.lower()
    if extension not in MESH_EXTENSIONS:
        raise InvalidInput(f"Cannot save a mesh as {str(path)!r}: the extension must be one of "
                           f"{', '.join(MESH_EXTENSIONS)}.")
    return extension


def save_camera(prediction: MeshPrediction, path: str | Path) -> None:
    """Write the photo's camera as JSON, with which an exported mesh projects onto the person.

    ``camera_from_mesh`` turns exported points into camera points (x right, y down, z forward); these land at
    ``focal_px * xy / z + centre_px``, where (0.5, 0.5) is the centre of the first pixel of the photo as it was worked
    on: upright, and of the size that the file says.

    Raises:
        InvalidInput: a place that cannot be written.
    """
    height, width = prediction.camera.image_size
    content = {
        "width_px": width,
        "height_px": height,
        "focal_px": prediction.camera.focal_px[0].tolist(),
        "centre_px": prediction.camera.centre_px[0].tolist(),
        "camera_from_mesh": np.diag([*CAMERA_FROM_FILE.diagonal(), 1.0]).tolist(),
    }
    write_json(content, path)


def exported_vertices(prediction: MeshPrediction) -> np.ndarray:
    """(V, 3) float64 vertices in the axes of exported files, metres."""
    return prediction.vertices_cam.detach().cpu().double().numpy() @ CAMERA_FROM_FILE


def _exported_normals(prediction: MeshPrediction) -> np.ndarray:
    normals_cam = vertex_normals(prediction.vertices_cam.detach(), prediction.faces)
    return normals_cam.cpu().double().numpy() @ CAMERA_FROM_FILE


def _obj_text(people: list[MeshPrediction], atlas: UvAtlas | None) -> str:
    lines = ["# meshrec: x right, y up, z towards the viewer, metres; the camera is at the origin\n"]
    vertex_start = texture_start = 1  # OBJ counts from 1 and through the whole file
    for number, person in enumerate(people, start=1):
        person_atlas = atlas if atlas is not None else _shipped_atlas(person)
        vertices = exported_vertices(person)
        faces = person.faces.cpu().numpy() + vertex_start
        lines += [f"o person_{number}\n", _rows("v %.6f %.6f %.6f\n", vertices)]
        if person_atlas is None:
            corners, face_row = np.stack([faces, faces], axis=-1), "f %d//%d %d//%d %d//%d\n"
        else:
            texcoords = person_atlas.texcoords.cpu().double().numpy() * [1, -1] + [0, 1]
            texture_faces = person_atlas.texture_faces.cpu().numpy() + texture_start
            lines.append(_rows("vt %.6f %.6f\n", texcoords))
            corners, face_row = np.stack([faces, texture_faces, faces], axis=-1), "f %d/%d/%d %d/%d/%d %d/%d/%d\n"
            texture_start += len(texcoords)
        lines += [_rows("vn %.4f %.4f %.4f\n", _exported_normals(person)), _rows(face_row, corners)]
        vertex_start += len(vertices)
    return "".join(lines)


def _rows(template: str, values: np.ndarray) -> str:
    """The template once per row; one formatting call for all of them is ten times faster than one each."""
    return template * len(values) % tuple(values.ravel().tolist())


def _shipped_atlas(person: MeshPrediction) -> UvAtlas | None:
    """The shipped atlas, if it lays out the faces of this person's body."""
    try:
        atlas = UvAtlas.from_file()
    except AssetNotFound:
        return None
    return atlas if torch.equal(atlas.faces, person.faces.cpu()) else None


def _trimesh_bytes(people: list[MeshPrediction], extension: str) -> bytes:
    import trimesh  # half a second that only these formats need

    meshes = [trimesh.Trimesh(exported_vertices(person), person.faces.cpu().numpy(),
                              vertex_normals=_exported_normals(person), process=False) for person in people]
    if extension == ".ply":
        whole = meshes[0] if len(meshes) == 1 else trimesh.util.concatenate(meshes)
        return whole.export(file_type="ply", vertex_normal=True)
    scene = trimesh.Scene({f"person_{number}": mesh for number, mesh in enumerate(meshes, start=1)})
    return scene.export(file_type="glb", include_normals=True)
