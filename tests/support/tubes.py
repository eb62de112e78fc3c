"""A body and garments made of tubes, and a pack of MakeHuman-like assets that dresses it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image


def tube(radius: float, low: float, high: float, rings: int = 13, segments: int = 24, x: float = 0.0):
    """An open upright tube around (x, 0): vertices (V, 3), faces (F, 3) seen counter-clockwise from outside."""
    height, angle = np.meshgrid(
        np.linspace(low, high, rings), np.linspace(0, 2 * np.pi, segments, endpoint=False), indexing="ij"
    )
    vertices = np.stack([x + radius * np.sin(angle), height, radius * np.cos(angle)], -1).reshape(-1, 3)
    number = np.arange(rings * segments).reshape(rings, segments)
    after = np.roll(number, -1, axis=1)
    a, b, c, d = (part.ravel() for part in (number[:-1], after[:-1], after[1:], number[1:]))
    return vertices, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


def write_pack(folder: Path, base_dm: np.ndarray, body_faces: np.ndarray, offset_dm: float = 0.2) -> Path:
    """One sleeve around a tube: every garment vertex hangs on one base vertex, `offset_dm` off the tube's axis.

    The texture is red, and its upper half transparent white.
    """
    clothes = folder / "clothes"
    clothes.mkdir(parents=True)
    axis = base_dm * [1, 0, 1]
    outwards = offset_dm * axis / np.linalg.norm(axis, axis=1, keepdims=True)
    rows = [
        f"{k} {k} {k} 0.5 0.25 0.25 " + " ".join(f"{value:.6f}" for value in outwards[k]) for k in range(len(base_dm))
    ]
    (clothes / "sleeve.mhclo").write_text(
        "# made up\nbasemesh hm08\nname sleeve\nverts 0\nmaterial sleeve.mhmat\n"
        + "\n".join(rows)
        + "\ndelete_verts\n2 4 - 6 9\n"
    )
    height = (base_dm[:, 1] - base_dm[:, 1].min()) / np.ptp(base_dm[:, 1])
    lines = [f"v {x} {y} {z}" for x, y, z in base_dm] + [f"vt 0.5 {v:.6f}" for v in height]
    lines += ["f " + " ".join(f"{corner + 1}/{corner + 1}" for corner in face) for face in body_faces]
    (clothes / "sleeve.obj").write_text("\n".join(lines) + "\n")
    picture = np.zeros((64, 64, 4), np.uint8)
    picture[:32] = 255, 255, 255, 0
    picture[32:] = 200, 0, 0, 255
    Image.fromarray(picture).save(clothes / "sleeve.png")
    entry = {
        "name": "sleeve",
        "kind": "accessory",
        "sex": "unisex",
        "files": {"mhclo": "clothes/sleeve.mhclo", "obj": "clothes/sleeve.obj", "diffuse": "clothes/sleeve.png"},
        "licence": "CC0-1.0",
        "author": "nobody",
    }
    (folder / "index.json").write_text(json.dumps([entry]))
    return folder
