"""Reads MakeHuman's garments: the OBJ mesh and the .mhclo file that says how it hangs on the base mesh."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from meshrec.errors import InvalidInput


@dataclass(frozen=True)
class Proxy:
    """How each vertex of a garment is held by three vertices of the base mesh.

    Attributes:
        references: (V, 3) base vertices.
        weights: (V, 3) their weights, summing to about one; they may be negative.
        offsets: (V, 3) what is added, in units of each axis' scale.
        scales: per axis, None or (a, b, d): one unit is the distance of base vertices a and b along the axis over d.
        deleted: base vertices that the garment hides.
    """

    references: np.ndarray
    weights: np.ndarray
    offsets: np.ndarray
    scales: tuple[tuple[int, int, float] | None, ...]
    deleted: np.ndarray

    def fitted(self, base_vertices: np.ndarray) -> np.ndarray:
        """Positions (V, 3) on a base mesh (N, 3) in decimetres, MakeHuman's axes and rest pose."""
        unit = np.array([self._unit(base_vertices, axis) for axis in range(3)])
        return (self.weights[..., None] * base_vertices[self.references]).sum(1) + self.offsets * unit

    def blended(self, base_values: np.ndarray) -> np.ndarray:
        """Mean (V, C) of the values (N, C) of the base vertices that hold each vertex; never extrapolates."""
        share = np.clip(self.weights, 0, None)
        share = share / share.sum(1, keepdims=True)
        return (share[..., None] * base_values[self.references]).sum(1)

    def _unit(self, base_vertices: np.ndarray, axis: int) -> float:
        if self.scales[axis] is None:
            return 1.0
        first, second, distance = self.scales[axis]
        return abs(base_vertices[first, axis] - base_vertices[second, axis]) / distance


@dataclass(frozen=True)
class TexturedMesh:
    """A triangle mesh with texture coordinates at the corners of its faces, v up as in the file."""

    vertices: np.ndarray  # (V, 3)
    faces: np.ndarray  # (F, 3)
    face_texcoords: np.ndarray  # (F, 3, 2)


def read_proxy(path: str | Path, base_vertex_count: int) -> Proxy:
    """Read a .mhclo file.

    Raises:
        InvalidInput: a line that makes no sense, or a base vertex that does not exist.
    """
    section, rows, deleted = "", [], []
    scales: list[tuple[int, int, float] | None] = [None, None, None]
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), start=1):
        words = line.split("#")[0].split()
        if not words:
            continue
        try:
            if words[0] in ("verts", "delete_verts"):
                section = words[0]
            elif words[0] in ("x_scale", "y_scale", "z_scale"):
                scales["xyz".index(words[0][0])] = (int(words[1]), int(words[2]), float(words[3]))
            elif words[0][0].isalpha():
                continue  # names and materials, which may also stand in the middle of a section
            elif section == "verts":
                rows.append(_reference(words))
            elif section == "delete_verts":
                deleted += _ranges(words)
        except (ValueError, IndexError) as error:
            raise InvalidInput(f"{path}, line {number}: {line.strip()[:60]!r} makes no sense ({error}).") from error
    table = np.array(rows, dtype=np.float64).reshape(-1, 9)
    references = table[:, :3].astype(np.int64)
    named = np.concatenate([references.ravel(), deleted, [i for scale in scales if scale for i in scale[:2]]])
    if not len(table) or named.min() < 0 or named.max() >= base_vertex_count:
        raise InvalidInput(f"{path} holds no garment for a base mesh of {base_vertex_count} vertices.")
    return Proxy(references, table[:, 3:6], table[:, 6:], tuple(scales), np.array(sorted(set(deleted)), dtype=np.int64))


def read_textured_mesh(path: str | Path) -> TexturedMesh:
    """Read an OBJ file whose face corners all name a texture coordinate; polygons are split into triangles.

    Raises:
        InvalidInput: the file is no such OBJ.
    """
    vertices, texcoords, corners = [], [], []
    try:
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            word, *values = line.split() or [""]
            if word == "v":
                vertices.append([float(value) for value in values[:3]])
            elif word == "vt":
                texcoords.append([float(value) for value in values[:2]])
            elif word == "f":
                polygon = [[int(index) - 1 for index in corner.split("/")[:2]] for corner in values]
                corners += [[polygon[0], polygon[k], polygon[k + 1]] for k in range(1, len(polygon) - 1)]
        corner_table = np.array(corners, dtype=np.int64).reshape(-1, 3, 2)
        return TexturedMesh(
            np.array(vertices, dtype=np.float64).reshape(-1, 3),
            corner_table[..., 0],
            np.array(texcoords, dtype=np.float64).reshape(-1, 2)[corner_table[..., 1]],
        )
    except (ValueError, IndexError) as error:
        raise InvalidInput(f"{path} is not an OBJ file with texture coordinates: {error}.") from error


def _reference(words: list[str]) -> list[float]:
    """Three base vertices, their weights and the offset; a line with a single index copies that vertex."""
    if len(words) == 1:
        return [int(words[0])] * 3 + [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    if len(words) != 9:
        raise ValueError("expected 1 or 9 numbers")
    return [int(word) for word in words[:3]] + [float(word) for word in words[3:]]


def _ranges(words: list[str]) -> list[int]:
    """Vertices of a line such as ``3 7 - 9``."""
    chosen: list[int] = []
    position = 0
    while position < len(words):
        if words[position] == "-":
            chosen += range(chosen[-1] + 1, int(words[position + 1]) + 1)
            position += 2
        else:
            chosen.append(int(words[position]))
            position += 1
    return chosen
