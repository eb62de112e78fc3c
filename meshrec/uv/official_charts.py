"""DensePose's own charts, from the file ``UV_Processed.mat`` of those who have it, for the SMPL body.

The file (CC BY-NC, https://github.com/facebookresearch/DensePose) lists triangles over vertices that are copied along
the borders of the 24 charts, with the part of each triangle, U and V of each copy, and SMPL's vertex under each copy.
It lacks two triangles of SMPL, one at each big toe; these continue the chart around them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from meshrec.body.model import BodyModel
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.optional import require
from meshrec.uv.charts import PartCharts
from meshrec.uv.parts import PART_COUNT

_KEYS = ("All_Faces", "All_FaceIndices", "All_U_norm", "All_V_norm", "All_vertices")
_ROUNDING = 1e-4  # how far coordinates may leave [0, 1]


def read_official_charts(path: str | Path, body: BodyModel) -> PartCharts:
    """Charts in which U and V mean what DensePose's annotations and published networks mean.

    Args:
        path: ``UV_Processed.mat``.
        body: SMPL, whose triangles the file names.
    Raises:
        AssetNotFound: no such file.
        MissingDependency: scipy, which reads MATLAB files, is not installed.
        InvalidInput: damaged, another file, or charts of another mesh than the body's.
    """
    path = Path(path)
    corner_vertex, corner_uv, part = _read(path)
    faces = body.faces.cpu().numpy()
    face, slot = _match(corner_vertex, faces, path)
    face_part = np.zeros(len(faces), dtype=np.int64)
    face_uv = np.zeros((len(faces), 3, 2), dtype=np.float32)
    face_part[face] = part
    face_uv[face[:, None], slot] = corner_uv
    for missing in np.setdiff1d(np.arange(len(faces)), face):
        face_part[missing], face_uv[missing] = _continue_chart(missing, faces, face_part, face_uv, path)
    front = torch.from_numpy(_on_front_half(body))
    return PartCharts(torch.from_numpy(face_part), torch.from_numpy(face_uv), front, body.hash)


def _read(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each triangle: body vertices (G, 3) and chart coordinates (G, 3, 2) of the corners, and the part (G,)."""
    if not path.is_file():
        raise AssetNotFound(
            f"There is no file of charts {path}; leave it out to use the shipped charts, whose parts are DensePose's "
            "but whose U and V are their own."
        )
    scipy_io = require("scipy.io", purpose="read DensePose's UV_Processed.mat", extra="convert")
    try:
        content = scipy_io.loadmat(path, variable_names=list(_KEYS))
        copies = content["All_Faces"].astype(np.int64).reshape(-1, 3) - 1
        part = content["All_FaceIndices"].astype(np.int64).reshape(-1)
        uv = np.stack([content[key].astype(np.float32).reshape(-1) for key in ("All_U_norm", "All_V_norm")], axis=1)
        vertex = content["All_vertices"].astype(np.int64).reshape(-1) - 1
        if copies.min() < 0 or len(part) != len(copies):
            raise ValueError("triangles without corners or part")
        corner_vertex, corner_uv = vertex[copies], uv[copies]
    except Exception as error:  # the decoder fails in ways of its own
        raise InvalidInput(f"{path} is not DensePose's UV_Processed.mat ({type(error).__name__}: {error}).") from error
    if part.min() < 1 or part.max() > PART_COUNT:
        raise InvalidInput(
            f"{path} is damaged: it names part {part.min()} to {part.max()}, expected 1 to {PART_COUNT}."
        )
    if not (np.abs(corner_uv - 0.5) <= 0.5 + _ROUNDING).all():
        raise InvalidInput(f"{path} is damaged: it has chart coordinates outside [0, 1].")
    return corner_vertex, corner_uv.clip(0.0, 1.0), part


def _match(corner_vertex: np.ndarray, faces: np.ndarray, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The body's face (G,) of each triangle and the place (G, 3) that each of its corners has there."""
    ours, theirs = np.sort(faces, axis=1), np.sort(corner_vertex, axis=1)
    number = {tuple(corners): face for face, corners in enumerate(ours.tolist())}
    face = np.array([number.get(tuple(corners), -1) for corners in theirs.tolist()])
    if (face < 0).any() or len(np.unique(face)) != len(face):
        raise InvalidInput(
            f"{path} has {int((face < 0).sum())} of {len(face)} triangles that the body does not have, or one twice; "
            "these charts belong to SMPL, so give the SMPL body with them."
        )
    slot = np.empty_like(corner_vertex)
    rows = np.arange(len(face))[:, None]
    slot[rows, corner_vertex.argsort(axis=1)] = faces[face].argsort(axis=1)
    return face, slot


def _continue_chart(
    missing: int, faces: np.ndarray, face_part: np.ndarray, face_uv: np.ndarray, path: Path
) -> tuple[int, np.ndarray]:
    """Part and corner coordinates (3, 2) of a face that the file lacks, from the faces around it."""
    around = np.flatnonzero(np.isin(faces, faces[missing]).any(axis=1) & (face_part > 0))
    part = np.bincount(face_part[around], minlength=1).argmax()
    around = around[face_part[around] == part]
    corners = []
    for vertex in faces[missing]:
        row, column = np.nonzero(faces[around] == vertex)
        if not len(row):
            raise InvalidInput(f"{path} has charts for only {int((face_part > 0).sum())} of the body's faces.")
        corners.append(face_uv[around[row[0]], column[0]])
    return part, np.stack(corners)


def _on_front_half(body: BodyModel) -> np.ndarray:
    """(F,) bool, the face lies before the axis of its limb, torso or head in the T-pose."""
    faces = body.faces.cpu()
    vertices, weights = body.template_vertices.cpu(), body.skinning_weights.cpu()
    axis = weights[faces].mean(1) @ (body.joint_regressor.cpu() @ vertices)
    return (vertices[faces].mean(1)[:, 2] > axis[:, 2]).numpy()
