"""An atlas from an OBJ file with texture coordinates, such as the boundary-free template that users of DecoMR have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from meshrec.body.model import BodyModel
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.uv.atlas import UvAtlas


def read_obj_atlas(path: str | Path, flip_v: bool = False, body: BodyModel | None = None) -> UvAtlas:
    """Read texture coordinates and faces; positions are not used. Polygons are split into fans.

    Args:
        path: OBJ file whose every face corner names a vertex and a texture coordinate.
        flip_v: False takes the file's v as ours (row 0 of a map is v = 0), as DecoMR does with its template; True turns
            it over, which is what an OBJ whose v points up needs for upright maps.
        body: the body it is for; its faces must be the file's, and the atlas then carries its hash.
    Raises:
        AssetNotFound: no such file.
        InvalidInput: no OBJ, a corner without texture coordinates, or coordinates outside [0, 1], or faces that
            are not the body's.
    """
    try:
        lines = Path(path).read_text().splitlines()
    except FileNotFoundError:
        raise AssetNotFound(f"There is no OBJ file {path}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} cannot be read as an OBJ file ({error}).") from error
    try:
        coordinates, corners = _parse(lines)
    except (ValueError, IndexError) as error:
        raise InvalidInput(f"{path} is not an OBJ file with texture coordinates: {error}.") from error
    if not len(corners):
        raise InvalidInput(f"{path} has no faces.")
    # One texture coordinate may serve several vertices in an OBJ: a texture vertex is a pair of both.
    pairs, faces = np.unique(corners.reshape(-1, 2), axis=0, return_inverse=True)
    texcoords = coordinates[pairs[:, 1]]
    if texcoords.min() < 0.0 or texcoords.max() > 1.0:
        raise InvalidInput(
            f"{path} has texture coordinates outside [0, 1]; an atlas needs one chart inside the square."
        )
    if flip_v:
        texcoords = np.stack([texcoords[:, 0], 1.0 - texcoords[:, 1]], axis=1)
    atlas = UvAtlas(
        torch.from_numpy(texcoords.astype(np.float32)),
        torch.from_numpy(faces.reshape(-1, 3)),
        torch.from_numpy(pairs[:, 0]),
        None if body is None else body.hash,
    )
    if body is not None and not torch.equal(atlas.faces, body.faces.cpu()):
        raise InvalidInput(
            f"{path} has other faces than the body; an atlas lists the body's faces in the body's order."
        )
    return atlas


def _parse(lines: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """(N, 2) texture coordinates, and (F, 3, 2) vertex and texture index of each corner."""
    vertices, coordinates, corners = 0, [], []
    for line in lines:
        word, *values = line.split() or [""]
        if word == "v":
            vertices += 1
        elif word == "vt":
            coordinates.append([float(value) for value in values[:2]])
        elif word == "f":
            polygon = [_corner(value, vertices, len(coordinates)) for value in values]
            corners += [[polygon[0], polygon[k], polygon[k + 1]] for k in range(1, len(polygon) - 1)]
    return np.array(coordinates, dtype=np.float64).reshape(-1, 2), np.array(corners, dtype=np.int64).reshape(-1, 3, 2)


def _corner(text: str, vertices: int, coordinates: int) -> tuple[int, int]:
    """Zero-based vertex and texture index of ``v/vt`` or ``v/vt/vn``; negative indices count from the end."""
    parts = text.split("/")
    if len(parts) < 2 or not parts[1]:
        raise ValueError(f"the face corner {text} names no texture coordinate")
    vertex, coordinate = _from_start(int(parts[0]), vertices), _from_start(int(parts[1]), coordinates)
    if not (0 <= vertex < vertices and 0 <= coordinate < coordinates):
        raise ValueError(f"the face corner {text} points beyond the file's vertices")
    return vertex, coordinate


def _from_start(index: int, count: int) -> int:
    return index - 1 if index > 0 else count + index
