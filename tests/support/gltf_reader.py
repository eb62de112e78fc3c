"""A second, plain reader of glTF skins, written from the format's specification: pose the nodes, then skin."""

from __future__ import annotations

import json
import struct

import numpy as np

_TYPES = {5126: "<f4", 5125: "<u4", 5123: "<u2"}
_WIDTH = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}


class Glb:
    """A file's JSON part, its arrays, and the global matrices of its nodes."""

    def __init__(self, content: bytes) -> None:
        magic, version, length = struct.unpack_from("<4sII", content)
        assert (magic, version, length) == (b"glTF", 2, len(content))
        size, kind = struct.unpack_from("<I4s", content, 12)
        assert kind == b"JSON" and size % 4 == 0
        self.json = json.loads(content[20 : 20 + size])
        binary_size, kind = struct.unpack_from("<I4s", content, 20 + size)
        assert kind == b"BIN\0"
        self.binary = content[28 + size :]
        assert len(self.binary) == binary_size == self.json["buffers"][0]["byteLength"]
        self.matrices = [np.eye(4)] * len(self.json["nodes"])
        for root in self.json["scenes"][0]["nodes"]:
            self._place(root, np.eye(4))

    def array(self, accessor: int) -> np.ndarray:
        entry = self.json["accessors"][accessor]
        view = self.json["bufferViews"][entry["bufferView"]]
        width = _WIDTH[entry["type"]]
        values = np.frombuffer(self.binary, _TYPES[entry["componentType"]], entry["count"] * width, view["byteOffset"])
        return values.reshape(-1, width)

    def skinned(self, name: str) -> np.ndarray:
        """(V, 3) vertices of a person in the scene."""
        node = next(node for node in self.json["nodes"] if node["name"] == name and "skin" in node)
        skin = self.json["skins"][node["skin"]]
        unbind = self.array(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1).astype(np.float64)
        motion = np.stack([self.matrices[joint] for joint in skin["joints"]]) @ unbind
        (surface,) = self.json["meshes"][node["mesh"]]["primitives"]
        attributes = {key: self.array(accessor) for key, accessor in surface["attributes"].items()}
        points = np.c_[attributes["POSITION"], np.ones(len(attributes["POSITION"]))]
        posed = np.zeros_like(points, dtype=np.float64)
        for number in range(sum(key.startswith("JOINTS") for key in attributes)):
            for joint, weight in zip(attributes[f"JOINTS_{number}"].T, attributes[f"WEIGHTS_{number}"].T):
                posed += weight[:, None] * np.einsum("vij,vj->vi", motion[joint], points)
        return posed[:, :3]

    def joints(self, skin: int) -> dict[str, np.ndarray]:
        """(3,) places of a person's joints in the scene, by name."""
        nodes = self.json["skins"][skin]["joints"]
        return {self.json["nodes"][node]["name"]: self.matrices[node][:3, 3] for node in nodes}

    def _place(self, number: int, above: np.ndarray) -> None:
        node = self.json["nodes"][number]
        local = np.eye(4)
        local[:3, :3] = _quaternion_matrix(node.get("rotation", [0, 0, 0, 1]))
        local[:3, 3] = node.get("translation", [0, 0, 0])
        self.matrices[number] = above @ local
        for child in node.get("children", []):
            self._place(child, self.matrices[number])


def _quaternion_matrix(xyzw: list[float]) -> np.ndarray:
    """By the product q p q* with the three axes."""
    vector, real = np.array(xyzw[:3]), xyzw[3]
    columns = [p + 2 * np.cross(vector, np.cross(vector, p) + real * p) for p in np.eye(3)]
    return np.stack(columns, axis=1)
