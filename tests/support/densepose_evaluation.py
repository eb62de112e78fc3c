"""Made-up detections and annotations of people, and evaluation tables in the layout of DensePose's own."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from meshrec.iuv.results import ChartResult, PersonIuv

VERTICES_PER_PART = 4
ROWS = 60


def write_tables(folder: Path, seed: int = 0) -> None:
    """Random tables: some hundred vertices that share sixty rows of distances up to a metre."""
    from scipy.io import savemat

    generator = np.random.default_rng(seed)
    vertices = 24 * VERTICES_PER_PART
    uv = generator.uniform(size=(2, vertices))
    part = generator.permutation(np.repeat(np.arange(1, 25), VERTICES_PER_PART))
    row = generator.permutation(np.arange(vertices) % ROWS) + 1
    names = dict(U_subdiv=uv[0][:, None], V_subdiv=uv[1][:, None], Part_ID_subdiv=part[:, None])
    savemat(folder / "SMPL_subdiv.mat", names)
    savemat(folder / "SMPL_SUBDIV_TRANSFORM.mat", {"index": row[:, None].astype(np.int32)})
    distance = generator.uniform(0.01, 1.0, (ROWS * (ROWS - 1) // 2, 1)).astype(np.float32)
    with (folder / "Pdist_matrix.pkl").open("wb") as file:
        pickle.dump({"Pdist_matrix": distance}, file, protocol=2)


@dataclass(frozen=True)
class MadeUpPerson:
    """One annotated person as the JSON has it; `points` (N, 5) are x and y from 0 to 255, part, U, V, or None."""

    box_xywh: tuple[float, float, float, float]
    area: float
    points: np.ndarray | None
    masks: list[np.ndarray]
    crowd: bool = False


def made_up_image(generator: np.random.Generator, size: tuple[int, int]) -> tuple[list[MadeUpPerson], list[PersonIuv]]:
    """People of several sizes, some without points, some crowds, some twice, and detections from perfect to wild."""
    people = [_person(generator, size) for _ in range(generator.integers(0, 5))]
    people += [person for person in people if generator.uniform() < 0.2]
    people += [replace(person, points=None) for person in people if generator.uniform() < 0.2]
    found = [_detection(generator, person, size) for person in people for _ in range(generator.integers(0, 4))]
    found += [_detection(generator, _person(generator, size), size) for _ in range(generator.integers(0, 2))]
    return people, found


def _person(generator: np.random.Generator, size: tuple[int, int]) -> MadeUpPerson:
    width, height = np.exp(generator.uniform(np.log(25), np.log(220), 2))
    left, top = generator.uniform(0, size[1] - width), generator.uniform(0, size[0] - height)
    crowd = generator.uniform() < 0.1
    count = int(generator.integers(1, 60))
    points = None
    if not crowd and generator.uniform() < 0.7:
        place = generator.uniform(0, 255, (count, 2))
        # Neighbouring points lie on one part: the part changes over the box in stripes.
        part = 1 + (place[:, 1] * 24 // 256).astype(int)
        points = np.column_stack([place, part, np.full((count, 2), generator.uniform(size=2))])
    masks = [_blob(generator) if points is not None and generator.uniform() < 0.5 else None for _ in range(14)]
    area = width * height * generator.uniform(0.4, 0.9)
    return MadeUpPerson((left, top, width, height), area, points, masks, crowd)


def _blob(generator: np.random.Generator) -> np.ndarray:
    """(256, 256) uint8 ellipse."""
    y, x = np.mgrid[:256, :256]
    centre, radius = generator.uniform(60, 196, 2), generator.uniform(30, 100, 2)
    return ((((x - centre[0]) / radius[0]) ** 2 + ((y - centre[1]) / radius[1]) ** 2) < 1).astype(np.uint8)


def _detection(generator: np.random.Generator, person: MadeUpPerson, size: tuple[int, int]) -> PersonIuv:
    """A box near the person's, and a chart that repeats the annotation with a share of mistakes."""
    left, top, width, height = person.box_xywh
    shift = generator.normal(0, generator.choice([0.005, 0.1]), 4) * [width, height, width, height]
    box = np.array([left, top, left + width, top + height]) + shift
    box = box.clip(0, [size[1], size[0]] * 2).astype(np.float32)
    box[2:] = np.maximum(box[2:], box[:2] + 2)
    columns, rows = (int(side) for side in box[2:] - box[:2])
    labels = generator.integers(1, 25, (rows, columns))
    uv = generator.uniform(size=(2, rows, columns)).astype(np.float32)
    inside = np.hypot(*np.meshgrid(np.linspace(-1, 1, columns), np.linspace(-1, 1, rows))) < generator.uniform(0.8, 1.5)
    mistakes = generator.uniform(0, 0.6)
    if person.points is not None:
        labels, uv = _repeat_points(person, box, labels, uv, mistakes, generator)
    chart = ChartResult(torch.from_numpy(labels * inside), torch.from_numpy(uv * inside), (int(box[0]), int(box[1])))
    return PersonIuv(torch.from_numpy(box), round(0.8 - mistakes + generator.uniform(0, 0.2), 2), chart)


def _repeat_points(person, box, labels, uv, mistakes, generator):
    """The nearest annotated point at every pixel, but for a share of mistakes."""
    x, y, width, height = person.box_xywh
    place = person.points[:, :2] / 255 * [width, height] + [x, y] - box[:2]
    grid = np.stack(np.meshgrid(np.arange(labels.shape[1]), np.arange(labels.shape[0])), -1) + 0.5
    nearest = np.linalg.norm(grid[:, :, None] - place, axis=-1).argmin(-1)
    keep = generator.uniform(size=labels.shape) >= mistakes
    labels = np.where(keep, person.points[nearest, 2].astype(int), labels)
    uv = np.where(keep, person.points[nearest, 3:].astype(np.float32).transpose(2, 0, 1), uv)
    return labels, uv
