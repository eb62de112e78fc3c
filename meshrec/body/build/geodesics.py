"""Makes the table of surface distances: landmarks, their exact geodesics, and each vertex as a mix of landmarks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from tqdm import tqdm

from meshrec.body.geodesics import SurfaceDistances
from meshrec.body.model import BodyModel
from meshrec.optional import require

LANDMARKS = 800
NEIGHBOURS = 8  # landmarks that stand for a vertex
_NEAR_M = 0.02  # nearer than that, an error in metres is not made to count more
_STIFFNESS = 1e-7  # of the fit, against neighbours that are nearly dependent
_STEPS = 6  # of Gauss-Newton, which has converged after three or four
_TEST_SEED, _TEST_SOURCES = 0, 40

Distances = Callable[[int], np.ndarray]


def build_surface_distances(body: BodyModel, landmarks: int = LANDMARKS) -> tuple[SurfaceDistances, dict[str, float]]:
    """The table of a body, and its error against exact geodesics from random vertices.

    Raises:
        MissingDependency: libigl is not installed.
    """
    vertices, faces = body.template_vertices.double().numpy(), body.faces.numpy()
    distances = exact_distances(vertices, faces)
    sources, exact = choose_landmarks(distances, mean_edge_lengths(vertices, faces), landmarks)
    index, weight = fit_mixtures(exact, sources)
    table = SurfaceDistances(
        torch.from_numpy(exact[:, sources] ** 2), torch.from_numpy(index), torch.from_numpy(weight), body.hash
    )
    return table, distance_errors(table, distances)


def exact_distances(vertices: np.ndarray, faces: np.ndarray) -> Distances:
    """A function from a vertex to the geodesic distances (V,) of all vertices, exact on the triangles.

    Mitchell, Mount and Papadimitriou 1987 in the implementation that libigl wraps.
    """
    igl = require("igl", purpose="measure distances along the body", extra="synth")
    none, everyone = np.zeros(0, np.int64), np.arange(len(vertices))
    faces = faces.astype(np.int64)
    return lambda source: igl.exact_geodesic(vertices, faces, np.array([source]), none, everyone, none)


def mean_edge_lengths(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(V,) metres, how finely the mesh describes each place."""
    edges = np.unique(np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1), axis=0)
    length = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)
    ends, count = edges.reshape(-1), len(vertices)
    return np.bincount(ends, np.repeat(length, 2), count) / np.bincount(ends, minlength=count)


def choose_landmarks(distances: Distances, fineness: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Farthest-point sampling, denser where the mesh is finer, so that fingers get their share.

    Returns:
        (L,) vertices and (L, V) their distances to all vertices.
    """
    sources, rows = [0], []
    nearest = np.full(len(fineness), np.inf)
    for _ in tqdm(range(count), desc="exact geodesics"):
        rows.append(distances(sources[-1]))
        nearest = np.minimum(nearest, rows[-1])
        sources.append(int(np.argmax(nearest / np.sqrt(fineness))))
    return np.array(sources[:count]), np.stack(rows)


def fit_mixtures(exact: np.ndarray, sources: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every vertex as an affine mix of its nearest landmarks that best gives its distances to all landmarks.

    Args:
        exact: (L, V) distances from the landmarks.
        sources: (L,) the landmarks' vertices.
    Returns:
        (V, M) landmarks and (V, M) weights.
    """
    between_sq = exact[:, sources] ** 2
    near = np.argsort(exact, axis=0, kind="stable")[:NEIGHBOURS].T
    weights = np.stack([_fit_one(exact[:, vertex], some, between_sq) for vertex, some in enumerate(near)])
    return near.astype(np.int64), weights


def _fit_one(distance: np.ndarray, near: np.ndarray, between_sq: np.ndarray) -> np.ndarray:
    """Gauss-Newton on the weights, which sum to 1, for the errors of distances rather than of their squares."""
    weights = np.zeros(len(near))
    weights[0] = 1.0
    if distance[near[0]] < 1e-9:  # the vertex is a landmark
        return weights
    columns, inner = between_sq[:, near], between_sq[np.ix_(near, near)]
    scale = 1 / np.maximum(distance, _NEAR_M)
    for _ in range(_STEPS):
        residual = distance**2 - columns @ weights + 0.5 * weights @ inner @ weights
        slope = columns - inner @ weights
        slope = (slope[:, 1:] - slope[:, :1]) * scale[:, None]
        normal = slope.T @ slope
        normal += np.eye(len(normal)) * np.trace(normal) * _STIFFNESS / len(normal)
        step = np.linalg.solve(normal, slope.T @ (residual * scale))
        weights[1:] += step
        weights[0] -= step.sum()
    return weights


def distance_errors(table: SurfaceDistances, distances: Distances) -> dict[str, float]:
    """Figures in millimetres over the distances between random vertices and all others."""
    count = len(table.landmark)
    sources = np.random.default_rng(_TEST_SEED).choice(count, _TEST_SOURCES, replace=False)
    corner = torch.tensor([1.0, 0.0, 0.0]).expand(count, 3)
    everyone = torch.arange(count)[:, None].expand(count, 3)
    errors, exact = [], []
    for source in sources:
        found = table.between(torch.full((count, 3), int(source)), corner, everyone, corner)
        exact.append(distances(int(source)))
        errors.append(1000 * np.abs(found.numpy() - exact[-1]))
    error, near = np.concatenate(errors), np.concatenate(exact) < 0.1
    return {
        "mean_error_mm": float(error.mean()),
        "99_percentile_mm": float(np.percentile(error, 99)),
        "largest_error_mm": float(error.max()),
        "mean_error_within_10_cm_mm": float(error[near].mean()),
        "longest_distance_m": float(np.concatenate(exact).max()),
    }
