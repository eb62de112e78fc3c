"""Samples adult shapes from MakeHuman's phenotypes and finds the ten directions in which they vary most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from meshrec.body.build.anny_source import SourceBody

# Local changes that grow together with body fat (share of the fat factor), beyond what MakeHuman's weight slider
# reaches.
_FAT_CHANGES = {
    "upperarm-fat-incr": 0.55,
    "lowerarm-fat-incr": 0.35,
    "upperleg-fat-incr": 0.6,
    "lowerleg-fat-incr": 0.4,
    "stomach-tone-incr": -0.5,
    "torso-scale-depth-incr": 0.45,
    "torso-scale-horiz-incr": 0.25,
    "hip-scale-depth-incr": 0.3,
    "hip-scale-horiz-incr": 0.35,
    "buttocks-volume-incr": 0.5,
    "measure-waist-circ-incr": 0.5,
    "neck-double-incr": 0.5,
    "stomach-pregnant-incr": 0.25,
}
# Local changes that vary on their own, left and right together, with their standard deviations.
_FREE_CHANGES = {
    "upperarm-scale-vert-incr": 0.15,
    "lowerarm-scale-vert-incr": 0.15,
    "upperleg-scale-vert-incr": 0.15,
    "lowerleg-scale-vert-incr": 0.15,
    "torso-scale-vert-incr": 0.15,
    "torso-scale-horiz-incr": 0.15,
    "torso-scale-depth-incr": 0.12,
    "hip-scale-horiz-incr": 0.15,
    "torso-vshape-incr": 0.15,
    "measure-shoulder-dist-incr": 0.2,
    "measure-waist-circ-incr": 0.15,
    "measure-hips-circ-incr": 0.15,
    "foot-scale-incr": 0.1,
    "hand-scale-incr": 0.1,
    "neck-scale-vert-incr": 0.15,
    "upperarm-muscle-incr": 0.2,
    "upperleg-muscle-incr": 0.2,
}


def sample_shapes(source: SourceBody, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Random adults, from slight to heavy.

    Args:
        source: names the phenotypes and local changes.
        count: how many, N.
        seed: of the random numbers.
    Returns:
        Phenotypes (N, P) and local changes (N, L) for ``SourceBody.rest``.
    """
    random = np.random.default_rng(seed)
    fatness = np.clip(random.normal(0.85, 0.6, count), -0.4, 2.4)  # 0 and 1 are the ends of MakeHuman's weight slider
    races = random.dirichlet([1.0, 1.0, 1.0], count)
    values = {
        "gender": random.beta(0.5, 0.5, count),
        "age": random.uniform(0.60, 0.95, count),
        "muscle": np.clip(random.normal(0.5, 0.2, count), 0, 1),
        "weight": np.clip(fatness, -0.1, 1.6),
        "height": np.clip(random.normal(0.385, 0.075, count), 0.15, 0.62),  # 1.84 m at 0.5, about 1.1 m per unit
        "proportions": np.clip(random.normal(0.5, 0.2, count), 0, 1),
        "cupsize": np.clip(random.normal(0.5, 0.15, count), 0, 1),
        "firmness": np.clip(random.normal(0.5, 0.15, count), 0, 1),
        "african": races[:, 0],
        "asian": races[:, 1],
        "caucasian": races[:, 2],
    }
    phenotypes = np.stack([values[name] for name in source.phenotypes], -1)
    excess = np.where(fatness > 1.0, fatness - 1.0, np.minimum(fatness, 0)) * 0.3
    changes = np.zeros((count, len(source.local_changes)))
    own = {name: sd * random.standard_normal(count) for name, sd in _FREE_CHANGES.items()}
    for column, name in enumerate(source.local_changes):
        base = name[2:] if name[:2] in ("l-", "r-") else name
        changes[:, column] = own.get(base, 0.0) + _FAT_CHANGES.get(base, 0.0) * excess
    return phenotypes, np.clip(changes, -1, 1)


def principal_shapes(shapes: np.ndarray, mirror: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and principal directions of mirror-symmetric shapes, scaled so that coefficients have unit variance.

    Args:
        shapes: (N, V, 3) samples in the T-pose, metres.
        mirror: (V,) index of each vertex's mirror image.
        count: number of directions, S.
    Returns:
        The mean (V, 3), directions (V, 3, S), and the share of variance of each, (S,). The first grows with height, the
        others with volume.
    """
    shapes = symmetrised(shapes, mirror)
    mean = shapes.mean(0)
    offsets = (shapes - mean).reshape(len(shapes), -1)
    eigenvalues, vectors = np.linalg.eigh(offsets @ offsets.T / (len(shapes) - 1))
    eigenvalues, vectors = eigenvalues[::-1], vectors[:, ::-1]
    directions = (offsets.T @ vectors[:, :count] / np.sqrt(len(shapes) - 1)).reshape(*mean.shape, count)
    return mean, directions, (eigenvalues / eigenvalues.sum())[:count]


def symmetrised(shapes: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Mean of each shape and its mirror image."""
    return 0.5 * (shapes + shapes[..., mirror, :] * [-1, 1, 1])


def fit_coefficients(shapes: np.ndarray, mean: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Least-squares coefficients (N, S) of shapes (N, V, 3)."""
    basis = directions.reshape(-1, directions.shape[-1])
    return np.linalg.lstsq(basis, (shapes - mean).reshape(len(shapes), -1).T, rcond=None)[0].T


def volume(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Volume of closed meshes (..., V, 3) in cubic metres."""
    a, b, c = (vertices[..., faces[:, i], :] for i in range(3))
    return (a * np.cross(b, c)).sum((-1, -2)) / 6


def body_mass_index(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Body mass index, kg / m^2, from the volume at the density of a person with half-filled lungs, 985 kg / m^3."""
    height = np.ptp(vertices[..., 1], axis=-1)
    return 985 * volume(vertices, faces) / height**2
