"""A second, plain reader of BVH: joints of every frame, walking the tree with one elementary rotation per channel."""

from __future__ import annotations

import math

import numpy as np


def bvh_joints(text: str) -> list[dict[str, np.ndarray]]:
    """(3,) places of the joints by name, and of ends as ``NAME_end``, for each frame."""
    words = iter(text.split())
    assert next(words) == "HIERARCHY" and next(words) == "ROOT"
    root = _node(next(words), words)
    assert [next(words) for _ in range(2)] == ["MOTION", "Frames:"]
    count = int(next(words))
    assert [next(words), next(words)] == ["Frame", "Time:"] and float(next(words)) > 0
    values = [float(word) for word in words]
    width = len(values) // count
    assert width * count == len(values)
    frames = []
    for start in range(0, len(values), width):
        places: dict[str, np.ndarray] = {}
        left = values[start : start + width]
        _walk(root, np.eye(4), left, places)
        assert left == []
        frames.append(places)
    return frames


def _node(name: str, words) -> dict:
    node = {"name": name, "channels": [], "children": []}
    assert next(words) == "{"
    for word in words:
        if word == "OFFSET":
            node["offset"] = np.array([float(next(words)) for _ in range(3)])
        elif word == "CHANNELS":
            node["channels"] = [next(words) for _ in range(int(next(words)))]
        elif word == "JOINT":
            node["children"].append(_node(next(words), words))
        elif word == "End":
            assert next(words) == "Site"
            node["children"].append(_node(f"{name}_end", words))
        else:
            assert word == "}"
            return node
    raise AssertionError("a brace is missing")


def _walk(node: dict, above: np.ndarray, left: list[float], places: dict[str, np.ndarray]) -> None:
    local = above @ _shift(node["offset"])
    for channel in node["channels"]:
        value = left.pop(0)
        axis = "XYZ".index(channel[0])
        local = local @ (_shift(value * np.eye(3)[axis]) if channel.endswith("position") else _turn(axis, value))
    places[node["name"]] = local[:3, 3]
    for child in node["children"]:
        _walk(child, local, left, places)


def _shift(offset: np.ndarray) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, 3] = offset
    return matrix


def _turn(axis: int, degrees: float) -> np.ndarray:
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    matrix, (second, third) = np.eye(4), ((axis + 1) % 3, (axis + 2) % 3)
    matrix[second, second] = matrix[third, third] = cosine
    matrix[third, second], matrix[second, third] = sine, -sine
    return matrix
