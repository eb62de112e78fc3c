"""Body parameters as a plain npz that numpy and smplx users read without this package; see docs/parameters.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch

from meshrec.assets import write_atomically
from meshrec.body import BodyModel
from meshrec.errors import AssetNotFound, CheckpointMismatch, InvalidInput
from meshrec.fitting.state import BodyState
from meshrec.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from meshrec.structures import SMPL24, BodyParams, MeshPrediction

_VERSION = 1


def save_params(people: Sequence[MeshPrediction] | BodyState, body: BodyModel, path: str | Path) -> None:
    """Write shape, pose, place and joints of everybody; of predictions also the camera, the box and the score.

    Args:
        people: at least one, each with ``body_params``; `meshrec.fitting.from_mesh.with_body_params` gives those that a
            method of meshes leaves out. Or bodies in camera axes.
        body: the parameters' body, on the CPU.
        path: ``.npz``, replaced if it exists; never left half written.
    Raises:
        InvalidInput: another extension, nobody, somebody without parameters, or a place that cannot be written.
    """
    check_params_path(path)
    if isinstance(people, BodyState):
        content = _content(people, body)
    else:
        people = list(people)
        bodies = placed_bodies(people, body)
        content = _content(bodies, body) | _prediction_content(people, bodies, body)
    with write_atomically(path) as temporary:
        np.savez(temporary, **{name: np.asarray(value) for name, value in content.items()})


def _content(bodies: BodyState, body: BodyModel) -> dict[str, Any]:
    return {
        "version": np.int64(_VERSION),
        "body_hash": np.str_(body.hash),
        "betas": bodies.params.betas,
        "global_orient": matrix_to_axis_angle(bodies.params.global_orient),
        "body_pose": matrix_to_axis_angle(bodies.params.body_pose).flatten(1),
        "transl": bodies.translation,
        "joints_cam": body(bodies.params).joints + bodies.translation[:, None],
        "joint_names": np.array(joint_names(body)),
    }


def _prediction_content(people: list[MeshPrediction], bodies: BodyState, body: BodyModel) -> dict[str, Any]:
    vertices_cam = torch.stack([person.vertices_cam for person in people]).cpu()
    away = vertices_cam - body(bodies.params).vertices - bodies.translation[:, None]
    return {
        "mesh_distance_m": away.norm(dim=-1).mean(1),
        "focal_px": torch.cat([person.camera.focal_px[:1] for person in people]),
        "centre_px": torch.cat([person.camera.centre_px[:1] for person in people]),
        "image_size": np.array([person.camera.image_size for person in people]),
        "box_px": torch.stack([person.box_px for person in people]),
        "score": np.array([person.score for person in people], np.float32),
    }


def load_params(path: str | Path, body: BodyModel) -> BodyState:
    """Read everybody's parameters and translations back.

    Raises:
        AssetNotFound: no such file.
        InvalidInput: the file is not one that `save_params` wrote.
        CheckpointMismatch: the parameters belong to another body.
    """
    path = Path(path)
    if not path.is_file():
        raise AssetNotFound(f"There is no parameter file {path}.")
    try:
        with np.load(path, allow_pickle=False) as file:
            owner = str(file["body_hash"])
            values = [torch.from_numpy(file[name]) for name in ("betas", "global_orient", "body_pose", "transl")]
        betas, orient, pose, translation = (value.float() for value in values)
        params = BodyParams(betas, axis_angle_to_matrix(orient), axis_angle_to_matrix(pose.unflatten(1, (-1, 3))))
        bodies = BodyState(params, translation)
    except (OSError, EOFError, KeyError, ValueError, TypeError, IndexError, RuntimeError, BadZipFile) as error:
        raise InvalidInput(f"{path} holds no body parameters that meshrec wrote ({error}).") from error
    if owner != body.hash:
        raise CheckpointMismatch(f"The parameters in {path} belong to body {owner}, not to body {body.hash}.")
    if params.body_pose.shape[1] != body.joint_count - 1 or not all(value.isfinite().all() for value in values):
        raise InvalidInput(f"{path} holds no body parameters that meshrec wrote (other joints, or values not finite).")
    return bodies


def check_params_path(path: str | Path) -> None:
    """Raise InvalidInput where parameters cannot be saved under this name."""
    if Path(path).suffix.lower() != ".npz":
        raise InvalidInput(f"Cannot save body parameters as {str(path)!r}: the extension must be .npz.")


def placed_bodies(people: Sequence[MeshPrediction], body: BodyModel) -> BodyState:
    """Parameters of everybody, and where their bodies stand: as close to the predicted meshes as they can.

    Raises:
        InvalidInput: nobody, somebody without parameters, or a mesh of another body.
    """
    if not people:
        raise InvalidInput("There is no person whose body parameters could be written.")
    if any(person.body_params is None for person in people):
        raise InvalidInput("A person has no body parameters; get them from the mesh with with_body_params.")
    if any(person.vertices_cam.shape != body.template_vertices.shape for person in people):
        raise InvalidInput(f"A person's mesh is not one of body {body.hash}, which has {body.vertex_count} vertices.")
    values = [person.body_params.to(body.template_vertices) for person in people]
    params = BodyParams(
        torch.cat([value.betas for value in values]),
        torch.cat([value.global_orient for value in values]),
        torch.cat([value.body_pose for value in values]),
    )
    vertices_cam = torch.stack([person.vertices_cam for person in people]).to(body.template_vertices)
    return BodyState(params, (vertices_cam - body(params).vertices).mean(1))


def joint_names(body: BodyModel) -> tuple[str, ...]:
    """SMPL's names where the body has SMPL's joints, numbers otherwise."""
    return SMPL24.names if body.joint_count == len(SMPL24) else tuple(f"joint_{i}" for i in range(body.joint_count))
