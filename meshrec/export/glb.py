"""Rigged people as GLB (glTF 2.0, binary): a skin over a tree of joints that stand in the person's pose."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from meshrec.export.rig import Rig
from meshrec.geometry.meshes import vertex_normals
from meshrec.geometry.rotations import matrix_to_quat_wxyz

_COMPONENT = {"float32": 5126, "uint32": 5125, "uint16": 5123}
_SHAPE = {1: "SCALAR", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
_VERTEX_DATA, _INDICES = 34962, 34963  # what a view is for
_JSON_CHUNK, _BINARY_CHUNK = 0x4E4F534A, 0x004E4942
_INFLUENCES = 4  # joints a set of weights holds; who has more needs a second set
_SKIN_MATERIAL = {"pbrMetallicRoughness": {"baseColorFactor": [0.72, 0.62, 0.55, 1], "metallicFactor": 0}}


def glb_bytes(rigs: Sequence[Rig]) -> bytes:
    """The file's bytes.

    Every person is a mesh node and a root joint at the top of the scene. Meshes are at rest, in body axes; the joints'
    nodes hold the pose and the place, so that readers which skin show the person as in the photo.
    """
    file = _Gltf()
    for number, rig in enumerate(rigs, start=1):
        file.add_person(f"person_{number}", rig)
    return file.to_bytes()


@dataclass
class _Gltf:
    """The tables of a glTF file while it is being put together; rows refer to each other by number."""

    nodes: list[dict] = field(default_factory=list)
    meshes: list[dict] = field(default_factory=list)
    skins: list[dict] = field(default_factory=list)
    accessors: list[dict] = field(default_factory=list)
    views: list[dict] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)
    binary: bytearray = field(default_factory=bytearray)

    def add_person(self, name: str, rig: Rig) -> None:
        first = len(self.nodes)
        self.nodes += [_joint_node(rig, joint, first) for joint in range(len(rig.names))]
        unbind = np.tile(np.eye(4), (len(rig.names), 1, 1))
        unbind[:, 3, :3] = -rig.rest_joints  # column by column, so the translation is the last row
        joints = list(range(first, first + len(rig.names)))
        self.skins.append(
            {
                "name": name,
                "joints": joints,
                "skeleton": first,
                "inverseBindMatrices": self.add_array(unbind.reshape(-1, 16).astype(np.float32)),
            }
        )
        self.meshes.append({"name": name, "primitives": [self._surface(rig)]})
        skinned = {"name": name, "mesh": len(self.meshes) - 1, "skin": len(self.skins) - 1}
        self.nodes.append(skinned | {"extras": {"betas": rig.betas.tolist()}})
        self.roots += [first, len(self.nodes) - 1]

    def _surface(self, rig: Rig) -> dict:
        vertices = rig.rest_vertices.astype(np.float32)
        normals = vertex_normals(torch.from_numpy(rig.rest_vertices), torch.from_numpy(rig.faces)).numpy()
        attributes = {
            "POSITION": self.add_array(vertices, _VERTEX_DATA, bounds=True),
            "NORMAL": self.add_array(normals.astype(np.float32), _VERTEX_DATA),
        }
        for number, (joints, weights) in enumerate(_influences(rig.weights)):
            attributes[f"JOINTS_{number}"] = self.add_array(joints, _VERTEX_DATA)
            attributes[f"WEIGHTS_{number}"] = self.add_array(weights, _VERTEX_DATA)
        indices = self.add_array(rig.faces.reshape(-1, 1).astype(np.uint32), _INDICES)
        return {"attributes": attributes, "indices": indices, "material": 0}

    def add_array(self, values: np.ndarray, target: int | None = None, bounds: bool = False) -> int:
        """Append rows (N, C) to the binary part; the number of their accessor."""
        view = {"buffer": 0, "byteOffset": len(self.binary), "byteLength": values.nbytes}
        self.views.append(view | ({} if target is None else {"target": target}))
        self.binary += np.ascontiguousarray(values).tobytes()
        self.binary += bytes(-len(self.binary) % 4)
        accessor = {
            "bufferView": len(self.views) - 1,
            "componentType": _COMPONENT[values.dtype.name],
            "count": len(values),
            "type": _SHAPE[values.shape[1]],
        }
        if bounds:
            accessor |= {"min": values.min(0).tolist(), "max": values.max(0).tolist()}
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def to_bytes(self) -> bytes:
        content = {
            "asset": {"version": "2.0", "generator": "meshrec"},
            "scene": 0,
            "scenes": [{"nodes": self.roots}],
            "nodes": self.nodes,
            "meshes": self.meshes,
            "skins": self.skins,
            "materials": [_SKIN_MATERIAL],
            "accessors": self.accessors,
            "bufferViews": self.views,
            "buffers": [{"byteLength": len(self.binary)}],
        }
        text = json.dumps(content, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        chunks = struct.pack("<II", len(text), _JSON_CHUNK) + text
        chunks += struct.pack("<II", len(self.binary), _BINARY_CHUNK) + bytes(self.binary)
        return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def _joint_node(rig: Rig, joint: int, first: int) -> dict:
    """A node with the joint's pose; nodes of its children start at number `first`."""
    w, x, y, z = matrix_to_quat_wxyz(torch.from_numpy(rig.rotations[joint])).tolist()
    place = rig.root_position if joint == 0 else rig.offsets[joint]
    node = {"name": rig.names[joint], "rotation": [x, y, z, w], "translation": place.tolist()}
    children = [first + other for other, parent in enumerate(rig.parents) if parent == joint]
    return node | ({"children": children} if children else {})


def _influences(weights: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Joints (V, 4) and weights (V, 4) per set, the strongest first; as many sets as the busiest vertex needs."""
    sets = -(-int((weights > 0).sum(1).max()) // _INFLUENCES)
    order = np.argsort(-weights, axis=1, kind="stable")[:, : sets * _INFLUENCES]
    values = np.take_along_axis(weights, order, axis=1)
    joints = np.where(values > 0, order, 0).astype(np.uint16)  # unused slots name joint 0, as the format asks
    values = (values / values.sum(1, keepdims=True)).astype(np.float32)
    parts = [slice(start, start + _INFLUENCES) for start in range(0, sets * _INFLUENCES, _INFLUENCES)]
    return [(joints[:, part], values[:, part]) for part in parts]
