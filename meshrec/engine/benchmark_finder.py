"""How long the person finder takes for a photo, on one that shows people: nobody to describe would flatter it."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path

import cv2
import torch

from meshrec.assets import asset_path
from meshrec.data.pictures import read_picture
from meshrec.engine.benchmark import call_times_s
from meshrec.iuv.predictor import make_predictor


@dataclass(frozen=True)
class FinderTiming:
    """Cost of one photo, from its pixels to the IUV of everybody in it.

    Attributes:
        width_px, height_px: of the photo.
        people: found in it.
        ms_per_photo: median over the calls.
        best_ms_per_photo: the fastest call.
    """

    width_px: int
    height_px: int
    people: int
    ms_per_photo: float
    best_ms_per_photo: float


def benchmark_finder(
    image: str | Path | None = None,
    *,
    size_px: tuple[int, int] = (640, 480),
    checkpoint: str | Path | None = None,
    device: str = "cpu",
    seconds: float = 4.0,
) -> FinderTiming:
    """Time a person finder.

    Args:
        image: a photo; the sample of a street by default.
        size_px: width and height that the photo is scaled to.
        checkpoint: weights as `meshrec.iuv.predictor.make_predictor` takes them; the shipped ones by default.
    Raises:
        InvalidInput, AssetNotFound, CheckpointMismatch: a file that is missing, damaged or of another kind.
    """
    photo = cv2.resize(
        read_picture(asset_path("samples/street.jpg") if image is None else Path(image)),
        size_px,
        interpolation=cv2.INTER_AREA,
    )
    finder = make_predictor(checkpoint=checkpoint, device=device)
    people = len(finder.predict(photo))
    times_s = call_times_s(lambda: finder.predict(photo), torch.device(device), seconds=seconds)
    return FinderTiming(*size_px, people, 1e3 * statistics.median(times_s), 1e3 * min(times_s))
