"""Measured speeds: what a call costs, as tables that a tool prints."""

from __future__ import annotations

import itertools
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec.body.model import BodyModel
from meshrec.errors import MissingDependency
from meshrec.render import BACKENDS, rasterize
from meshrec.structures import PinholeCamera


@dataclass(frozen=True)
class RasterTiming:
    """How long one backend takes for one kind of batch.

    Attributes:
        backend: a key of `meshrec.render.BACKENDS`.
        batch: images per call.
        size_px: height and width of the images.
        two_sided: whether back faces were drawn too.
        ms_per_image: median over the calls, or None where a call would have passed the time limit.
        best_ms_per_image: the fastest call.
        calls: how many were timed.
    """

    backend: str
    batch: int
    size_px: int
    two_sided: bool
    ms_per_image: float | None
    best_ms_per_image: float | None
    calls: int


def call_times_s(function: Callable[[], object], device: torch.device, *, seconds: float = 1.0) -> list[float]:
    """Durations of calls repeated for about `seconds`, after one warm-up call if that took less."""
    def timed() -> float:
        start = time.perf_counter()
        function()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - start

    first = timed()
    if first > seconds:
        return [first]
    return [timed() for _ in range(max(3, math.ceil(seconds / max(timed(), 1e-6))))]


def benchmark_rasteriser(
    *, batches: Sequence[int] = (1, 8, 32), sizes_px: Sequence[int] = (224, 512), device: str = "cpu",
    limit_s: float = 20.0,
) -> list[RasterTiming]:
    """Time every backend that is present on the default body, one person filling a square picture.

    Args:
        limit_s: a case is left out if a call is bound to take longer, judged by the smallest batch of its size.
    """
    body = BodyModel.from_file().to(device)
    timings = []
    backends = present_backends(torch.device(device))
    for backend, size_px, two_sided in itertools.product(backends, sizes_px, (True, False)):
        alone_s = 0.0
        for batch in batches:
            times_s = []
            if alone_s * batch <= limit_s:
                times_s = _rasterise_times_s(body, batch, size_px, two_sided, backend)
                alone_s = alone_s or min(times_s) / batch
            ms = [1e3 * seconds / batch for seconds in times_s]
            timings.append(RasterTiming(backend, batch, size_px, two_sided, statistics.median(ms) if ms else None,
                                        min(ms, default=None), len(ms)))
    return timings


def times_slower_than_torch(timings: Sequence[RasterTiming]) -> dict[str, float]:
    """How many times longer than our own backend each other one takes: the smallest ratio over the cases of both."""
    own = {(row.batch, row.size_px, row.two_sided): row.ms_per_image for row in timings if row.backend == "torch"}
    ratios: dict[str, float] = {}
    for row in timings:
        if row.backend != "torch" and row.ms_per_image is not None:
            ratio = row.ms_per_image / own[row.batch, row.size_px, row.two_sided]
            ratios[row.backend] = min(ratio, ratios.get(row.backend, math.inf))
    return ratios


def _rasterise_times_s(body: BodyModel, batch: int, size_px: int, two_sided: bool, backend: str) -> list[float]:
    vertices_cam, camera = standing_people(body.template_vertices, batch, size_px)

    def draw():
        return rasterize(
            vertices_cam, body.faces, camera, (size_px, size_px), two_sided=two_sided, backend=backend)

    with torch.no_grad():
        return call_times_s(draw, vertices_cam.device)


def present_backends(device: torch.device) -> list[str]:
    """The rasteriser backends whose packages are installed."""
    triangle = torch.tensor([[[0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0]]], device=device)
    camera = PinholeCamera(torch.ones(1, 2), torch.zeros(1, 2), (1, 1))
    present = []
    for backend in BACKENDS:
        try:
            rasterize(triangle, torch.tensor([[0, 1, 2]], device=device), camera, (1, 1), backend=backend)
        except MissingDependency:
            continue
        present.append(backend)
    return present


def standing_people(template_vertices: Tensor, batch: int, size_px: int) -> tuple[Tensor, PinholeCamera]:
    """The template seen from `batch` directions all around, about as high as the picture.

    Returns:
        (batch, V, 3) vertices in the camera frame, metres, and the cameras.
    """
    angles = torch.arange(batch, dtype=template_vertices.dtype, device=template_vertices.device) * (2 * math.pi / batch)
    cosine, sine, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    # Body axes to camera axes (y up to y down, facing the camera), after a turn about the vertical.
    turns = torch.stack([cosine, zero, sine, zero, zero - 1, zero, sine, zero, -cosine], dim=1).view(batch, 3, 3)
    centred = template_vertices - (template_vertices.amax(0) + template_vertices.amin(0)) / 2
    distance_m = centred.new_tensor([0.0, 0.0, 4.0])
    focal_px = torch.full((batch, 2), 2.0 * size_px, dtype=centred.dtype, device=centred.device)
    centre_px = torch.full_like(focal_px, size_px / 2)
    return centred @ turns.mT + distance_m, PinholeCamera(focal_px, centre_px, (size_px, size_px))
