"""How well parameters are found from meshes: true ones of the synthetic test set, and those that a net predicts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from meshrec.body import BodyModel
from meshrec.body.pose_prior import PosePrior
from meshrec.build import Surface, TrainConfig
from meshrec.data.synthetic import SyntheticPeople
from meshrec.evaluation.synthetic import BATCH, TEST_SEED, held_back_people, synthetic_test_set
from meshrec.fitting.from_mesh import MeshFit, MeshFitOptions, params_from_vertices
from meshrec.geometry.skinning import regress_joints
from meshrec.metrics.vertices import pve_mm
from meshrec.pipeline import MeshModel

Progress = Callable[[Iterable], Iterable]
_COLUMNS = {
    "mean_mm": "mean over people",
    "median_mm": "median",
    "p95_mm": "95 % of people are below",
    "worst_mm": "worst person",
    "pve_mm": "from the true mesh, roots moved together",
    "prior": "energy of the pose prior, median",
    "beta": "largest shape coefficient, standard deviations",
    "cpu_ms": "processor time a person",
}


@dataclass(frozen=True)
class MeshSource:
    """Batches of meshes (B, V, 3) beside the true ones, metres."""

    name: str
    batches: Callable[[int], Iterator[tuple[Tensor, Tensor]]]


def true_meshes(config: TrainConfig, surface: Surface) -> tuple[MeshSource, dict[str, str]]:
    """Those of the synthetic test set's people, and what they are made of, in words; nobody is drawn."""
    held_back, words = held_back_people(config.data.synthetic)
    bare = replace(held_back, backgrounds=None, wardrobe=None)
    people = SyntheticPeople.from_config(bare, surface.body, surface.atlas, surface.charts)

    def batches(count: int) -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, count, BATCH):
            # Shapes and poses come before clothes and pictures, so they are the test set's.
            some = people.batch(min(BATCH, count - start), 32, TEST_SEED + start, pictures=False)
            yield some.vertices, some.vertices

    return MeshSource("true meshes", batches), {"poses": words["poses"]}


def predicted_meshes(config: TrainConfig, surface: Surface, model: MeshModel) -> MeshSource:
    """What a net makes of the synthetic test set's pictures."""
    test_set = synthetic_test_set(config.data, surface)

    @torch.no_grad()
    def batches(count: int) -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, count, BATCH):
            some = test_set.batch(start, count, model.input_size)
            yield model.bodies(some.images.to(model.device)).vertices.float().cpu(), some.vertices

    return MeshSource("the net's meshes", batches)


def measure_parameters(
    source: MeshSource, body: BodyModel, prior: PosePrior, people: int, progress: Progress = iter
) -> dict[str, dict[str, float]]:
    """Figures by way of fitting; the distances are those of a mesh's vertices from the fitted body's."""
    ways = {
        "first guess": (None, MeshFitOptions(refinements=())),
        "refined": (None, MeshFitOptions()),
        "refined, with pose prior": (prior, MeshFitOptions()),
    }
    columns: dict[str, list[dict[str, Tensor]]] = {way: [] for way in ways}
    for meshes, truth in progress(source.batches(people)):
        for way, (known, options) in ways.items():
            start = time.process_time()
            fit = params_from_vertices(meshes, body, known, options)
            seconds = (time.process_time() - start) / len(meshes)
            columns[way].append(_figures(fit, truth, body, prior, seconds))
    return {f"{source.name}, {way}": _summary(parts) for way, parts in columns.items()}


def parameters_table(figures: dict[str, dict[str, float]], words: dict[str, str]) -> str:
    """Figures as aligned text, with what they are below."""
    width = max(map(len, figures))
    lines = [" " * width + "".join(f"{name:>11}" for name in _COLUMNS)]
    for way, values in figures.items():
        lines.append(f"{way:<{width}}" + "".join(f"{values[name]:>11.3f}" for name in _COLUMNS))
    lines.append("(distance of a mesh's vertices from the fitted body's, mean over a person's vertices, mm:")
    lines += [f" {name}: {meaning}" for name, meaning in _COLUMNS.items()]
    return "\n".join(lines + [f" {key}: {value}" for key, value in words.items()]) + ")"


@torch.no_grad()
def _figures(fit: MeshFit, truth: Tensor, body: BodyModel, prior: PosePrior, seconds: float) -> dict[str, Tensor]:
    fitted = body(fit.params).vertices
    roots = (regress_joints(vertices, body.joint_regressor)[:, 0] for vertices in (fitted, truth))
    return {
        "error_mm": 1000 * fit.error_m,
        "pve_mm": pve_mm(fitted, truth, *roots),
        "prior": prior.energy(fit.params.body_pose),
        "beta": fit.params.betas.abs().amax(1),
        "cpu_ms": torch.full_like(fit.error_m, 1000 * seconds),
    }


def _summary(parts: list[dict[str, Tensor]]) -> dict[str, float]:
    values = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    error = values["error_mm"]
    return {
        "mean_mm": float(error.mean()),
        "median_mm": float(error.median()),
        "p95_mm": float(error.quantile(0.95)),
        "worst_mm": float(error.max()),
        "pve_mm": float(values["pve_mm"].mean()),
        "prior": float(values["prior"].median()),
        "beta": float(values["beta"].max()),
        "cpu_ms": float(values["cpu_ms"].mean()),
    }
