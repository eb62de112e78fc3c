"""How long the two forms of the nets take for one crop, in one run."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from meshrec.engine.benchmark import call_times_s
from meshrec.models import light_correspondence_net, light_location_net, paper_correspondence_net, paper_location_net
from meshrec.models.body_code import joints_from_heatmaps
from meshrec.models.variants import LIGHT_BASIS_GRID, LIGHT_UV_GRID, PAPER_UV_GRID


@dataclass(frozen=True)
class NetTiming:
    """Cost of one pair of nets.

    Attributes:
        form: ``"light"`` or ``"paper"``.
        parameters: of both nets.
        half_mib: size of the parameters as float16, MiB.
        ms_per_crop: median over the calls with one crop.
        best_ms_per_crop: the fastest call.
    """

    form: str
    parameters: int
    half_mib: float
    ms_per_crop: float
    best_ms_per_crop: float


def benchmark_nets(*, size_px: int = 224, device: str = "cpu", seconds: float = 4.0) -> list[NetTiming]:
    """Time both forms with random weights, by turns, so that both meet the same load of the machine."""
    place = torch.device(device)
    pairs = {"light": light_pair(), "paper": paper_pair()}
    images = torch.rand(1, 3, size_px, size_px, device=place).to(memory_format=torch.channels_last)
    times_s: dict[str, list[float]] = {form: [] for form in pairs}
    for pair in pairs.values():
        for net in pair:
            net.to(place, memory_format=torch.channels_last).eval()
    with torch.inference_mode():
        for _ in range(2):
            for form, pair in pairs.items():
                times_s[form] += call_times_s(lambda: run_pair(*pair, images), place, seconds=seconds / 4)  # noqa: B023
    return [_timing(form, pair, times_s[form]) for form, pair in pairs.items()]


def light_pair() -> tuple[nn.Module, nn.Module]:
    """The default form; boxes and reference maps do not change its cost."""
    return (light_correspondence_net(torch.full((24, 2), 0.5), torch.full((24, 2), 0.5)),
            light_location_net(_flat(LIGHT_UV_GRID), _flat(LIGHT_BASIS_GRID)))


def paper_pair() -> tuple[nn.Module, nn.Module]:
    """DecoMR as published, map of 128 texels."""
    return paper_correspondence_net(), paper_location_net(_flat(PAPER_UV_GRID))


def run_pair(correspondence_net: nn.Module, location_net: nn.Module, images: Tensor) -> Tensor:
    """Location maps of crops, as ``DecoMR`` runs its nets."""
    found = correspondence_net(images)
    joints = None if found.joint_heatmaps is None else joints_from_heatmaps(found.joint_heatmaps)
    return location_net(found.iuv, found.features, found.code, joints).location_map.points


def _flat(resolution: int) -> Tensor:
    return torch.zeros(3, resolution, resolution)


def _timing(form: str, pair: tuple[nn.Module, nn.Module], times_s: list[float]) -> NetTiming:
    parameters = sum(value.numel() for net in pair for value in net.parameters())
    return NetTiming(form, parameters, 2 * parameters / 2**20, 1e3 * statistics.median(times_s), 1e3 * min(times_s))
