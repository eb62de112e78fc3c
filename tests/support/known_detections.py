"""A predictor whose detections are known beforehand, and labelled pictures that it knows."""

from __future__ import annotations

import numpy as np
import torch

from meshrec.evaluation.detection.scenes import LabelledScene
from meshrec.iuv.results import ChartResult, PersonIuv
from meshrec.metrics.gps import AnnotatedPerson

CHARTS = "made up"


class KnownPredictor:
    """Finds in each picture what it was told; pictures are told apart by their pixels."""

    def __init__(self, charts: str = CHARTS) -> None:
        self.charts, self.answers = charts, {}

    def tell(self, pixels: np.ndarray, found: list[PersonIuv]) -> None:
        self.answers[pixels.tobytes()] = sorted(found, key=lambda person: -person.score)

    def predict(self, image: np.ndarray) -> list[PersonIuv]:
        return self.answers[image.tobytes()]


class KnownScenes:
    """Labelled scenes as a test set."""

    def __init__(self, name: str, scenes: list[LabelledScene], charts: str | None = CHARTS) -> None:
        self.name, self.scenes, self.charts = name, scenes, charts

    def __len__(self) -> int:
        return len(self.scenes)

    def title(self, index: int) -> str:
        return self.scenes[index].title

    def read(self, index: int) -> LabelledScene:
        return self.scenes[index]

    def describe(self) -> dict[str, str]:
        return {"set": f"{len(self.scenes)} made-up pictures"}


def picture(number: int, size: tuple[int, int] = (200, 300)) -> np.ndarray:
    """A picture unlike those of other numbers."""
    return np.full((*size, 3), number, np.uint8)


def detection(box, score=0.9, part=2, u=0.0) -> PersonIuv:
    """One part and one U all over a box."""
    left, top, right, bottom = (int(value) for value in box)
    shape = (bottom - top, right - left)
    chart = ChartResult(torch.full(shape, part), torch.stack([torch.full(shape, u), torch.zeros(shape)]), (left, top))
    return PersonIuv(torch.tensor(box, dtype=torch.float32), score, chart)


def person(box, size=(200, 300), part=2, u=0.0, crowd=False, points=True, mask=True) -> AnnotatedPerson:
    """A person who fills a box of whole pixels and shows one part; two points, in the left and in the right half."""
    left, top, right, bottom = box
    seen = torch.zeros(size, dtype=torch.bool)
    seen[top:bottom, left:right] = True
    width, height = right - left, bottom - top
    points_px = torch.tensor([[left + 0.25 * width, top + 0.5 * height], [left + 0.75 * width, top + 0.5 * height]])
    known = (points_px.double(), torch.full((2,), part), torch.tensor([[u, 0.0]] * 2).double()) if points else ()
    return AnnotatedPerson(
        torch.tensor(box, dtype=torch.float64), float(width * height), *known, mask=seen if mask else None, crowd=crowd
    )


def along_u(part, uv, true_part, true_uv):
    """A surface on which U is the distance in metres and parts are 10 m apart."""
    return (uv[:, 0] - true_uv[:, 0]).abs() + 10.0 * (part != true_part)
