"""The work of tools/mesh_to_params.py: a mesh file in, parameters and skeletons out; or figures on test people."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import Tensor

from meshrec.assets import write_json
from meshrec.body import BodyModel
from meshrec.body.pose_prior import PosePrior
from meshrec.build import Surface, TrainConfig
from meshrec.config import load_config
from meshrec.data.mesh_files import read_body_meshes
from meshrec.errors import InvalidInput
from meshrec.evaluation.parameters import (
    measure_parameters,
    parameters_table,
    predicted_meshes,
    true_meshes,
)
from meshrec.export import check_params_path, check_skeleton_path, save_params, save_skeleton
from meshrec.export.axes import CAMERA_FROM_FILE
from meshrec.fitting.from_mesh import params_from_vertices
from meshrec.fitting.state import BodyState
from meshrec.load import load_model
from meshrec.structures import SMPL24

_SMALLEST_M, _LARGEST_M = 0.2, 5.0  # of a person from end to end, curled up or stretched out


def convert(
    mesh: str | Path,
    params: str | Path | None = None,
    skeleton: str | Path | None = None,
    body: str | Path | None = None,
    in_camera_axes: bool = False,
    likely: bool = True,
    json: str | Path | None = None,
) -> str:
    """Find and write the parameters of everybody in a mesh file; says how far the meshes are from the found bodies.

    Args:
        mesh: see `meshrec.data.mesh_files.read_body_meshes`, metres.
        params, skeleton, json: what to write.
        body: file of the meshes' body; None is the default body.
        in_camera_axes: whether the file is in camera axes already, instead of those of exported files.
        likely: whether unlikely poses have to be seen more clearly.
    Raises:
        InvalidInput: a file or name that cannot be used, or meshes that cannot be in metres.
    """
    if params is not None:
        check_params_path(params)
    if skeleton is not None:
        check_skeleton_path(skeleton)
    model = BodyModel.from_file(body)
    vertices = read_body_meshes(mesh, model.vertex_count)
    _check_metres(vertices, mesh)
    if not in_camera_axes:
        vertices = vertices @ torch.from_numpy(CAMERA_FROM_FILE).float()
    prior = PosePrior.from_file() if likely and model.joint_count == len(SMPL24) else None
    fit = params_from_vertices(vertices, model, prior)
    bodies = BodyState(fit.params, fit.translation)
    written = []
    if params is not None:
        save_params(bodies, model, params)
        written.append(params)
    if skeleton is not None:
        written += save_skeleton(bodies, model, skeleton)
    errors_mm = (1000 * fit.error_m).tolist()
    if json is not None:
        write_json({"mesh": str(mesh), "body": model.hash, "error_mm": errors_mm}, json)
    lines = [
        f"person {number}: the mesh is {error:.2f} mm from the fitted body"
        for number, error in enumerate(errors_mm, start=1)
    ]
    return "\n".join(lines + [f"Wrote {path}" for path in written])


def _check_metres(vertices: Tensor, mesh: str | Path) -> None:
    """Before a body of two metres is fitted to one of two thousand."""
    for number, size_m in enumerate((vertices.amax(1) - vertices.amin(1)).amax(1).tolist(), start=1):
        if not _SMALLEST_M <= size_m <= _LARGEST_M:
            raise InvalidInput(f"{mesh}: person {number} is {size_m:.3g} long; meshes must be in metres.")


def measure(
    people: int,
    config_path: str | Path,
    with_net: bool = False,
    json: str | Path | None = None,
    progress: Callable[[Iterable], Iterable] = iter,
) -> str:
    """Figures on true meshes of the synthetic test set, and on those that the shipped net predicts of them."""
    if people < 1:
        raise InvalidInput(f"The number of people to measure on must be at least 1, got {people}.")
    config = load_config(TrainConfig, config_path, [])
    surface, prior = Surface.load(), PosePrior.from_file()
    source, words = true_meshes(config, surface)
    words = {"people": f"{people} of the synthetic test set"} | words
    sources = [source]
    if with_net:
        sources.append(predicted_meshes(config, surface, load_model(finder=False, fast=True)))
    figures = {}
    for each in sources:
        figures |= measure_parameters(each, surface.body, prior, people, progress)
    if json is not None:
        write_json({"figures": figures, "protocol": words}, json)
    return parameters_table(figures, words)
