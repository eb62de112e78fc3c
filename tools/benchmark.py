"""Measure speeds: `benchmark.py rasterise|nets|finder|data [--json F]`. Each measurement is a subcommand of its own."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from meshrec.command_line import OneLineParser, run_command


def main(arguments: Sequence[str] | None = None) -> None:
    parser = OneLineParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (describe, _) in COMMANDS.items():
        describe(command := commands.add_parser(name))
        command.add_argument("--json", type=Path, metavar="F", help="also write the figures to this file")
        command.add_argument("--threads", type=int, help="CPU threads (default: torch's choice)")
        command.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    options = parser.parse_args(arguments)
    import torch  # here, so that --help answers at once

    from meshrec.assets import write_json
    from meshrec.engine.devices import pick_device

    pick_device(options.device)
    if options.threads:
        torch.set_num_threads(options.threads)
    figures = {
        "command": options.command,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "device": options.device,
        **COMMANDS[options.command][1](options),
    }
    if options.json:
        write_json(figures, options.json)


def describe_rasterise(command: argparse.ArgumentParser) -> None:
    command.description = "Milliseconds per image to rasterise the default body, for every backend that is present."
    command.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32])
    command.add_argument("--sizes", type=int, nargs="+", default=[224, 512], help="pixels")
    command.add_argument("--limit", type=float, default=20.0, help="leave out calls that would take more seconds")


def rasterise(options: argparse.Namespace) -> dict:
    from meshrec.engine.benchmark import benchmark_rasteriser, times_slower_than_torch

    timings = benchmark_rasteriser(
        batches=options.batches, sizes_px=options.sizes, device=options.device, limit_s=options.limit
    )
    print(f"{'backend':<10} {'size':>5} {'batch':>5} {'faces':>10} {'ms/image':>9} {'best':>9}")
    for row in timings:
        drawn = "two-sided" if row.two_sided else "front only"
        figures = (
            "left out, too slow"
            if row.ms_per_image is None
            else (f"{row.ms_per_image:9.2f} {row.best_ms_per_image:9.2f}")
        )
        print(f"{row.backend:<10} {row.size_px:>5} {row.batch:>5} {drawn:>10} {figures}")
    ratios = times_slower_than_torch(timings)
    for backend, ratio in ratios.items():
        print(f"{backend} takes at least {ratio:.0f} times as long as torch")
    return {"timings": [asdict(row) for row in timings], "times_slower_than_torch": ratios}


def describe_nets(command: argparse.ArgumentParser) -> None:
    command.description = "Milliseconds for one crop: the light default nets and those of the paper, random weights."
    command.add_argument("--size", type=int, default=224, help="side of the crop, pixels")


def nets(options: argparse.Namespace) -> dict:
    from meshrec.engine.benchmark_nets import benchmark_nets

    light, paper = timings = benchmark_nets(size_px=options.size, device=options.device)
    print(f"{'form':<6} {'parameters':>11} {'MiB fp16':>9} {'ms/crop':>9} {'best':>9}")
    for row in timings:
        print(
            f"{row.form:<6} {row.parameters:>11,} {row.half_mib:9.1f} {row.ms_per_crop:9.1f} "
            f"{row.best_ms_per_crop:9.1f}"
        )
    ratio = light.ms_per_crop / paper.ms_per_crop
    print(f"light / paper: {ratio:.3f}")
    return {"timings": [asdict(row) for row in timings], "light_over_paper": ratio}


def describe_finder(command: argparse.ArgumentParser) -> None:
    command.description = "Milliseconds to find the people of one photo and their IUV."
    command.add_argument("--image", type=Path, help="a photo (default: the sample of a street)")
    command.add_argument("--width", type=int, default=640, help="that the photo is scaled to, pixels")
    command.add_argument("--height", type=int, default=480, help="that the photo is scaled to, pixels")
    command.add_argument("--checkpoint", type=Path, help="weights (default: the shipped ones)")


def finder(options: argparse.Namespace) -> dict:
    from meshrec.engine.benchmark_finder import benchmark_finder
    from meshrec.errors import InvalidInput

    if min(options.width, options.height) < 1:
        raise InvalidInput(f"A photo of {options.width} x {options.height} pixels is empty; both must be positive.")
    timing = benchmark_finder(
        options.image,
        size_px=(options.width, options.height),
        checkpoint=options.checkpoint,
        device=options.device,
    )
    print(
        f"{timing.width_px} x {timing.height_px} px with {timing.people} people: "
        f"{timing.ms_per_photo:.1f} ms, best {timing.best_ms_per_photo:.1f} ms"
    )
    return asdict(timing)


def describe_data(command: argparse.ArgumentParser) -> None:
    command.description = "Synthetic images made a second beside those that a training step uses, light nets."
    command.add_argument("--config", default="configs/decomr_light.yaml", help="whose synthetic people are made")
    command.add_argument("--size", type=int, default=224, help="side of the crops, pixels")
    command.add_argument("--batch", type=int, default=16)
    command.add_argument("--processes", type=int, default=2, help="that make images at once, on a CPU")


def data(options: argparse.Namespace) -> dict:
    from meshrec.build import Surface, TrainConfig, build_people
    from meshrec.config import load_config
    from meshrec.engine.benchmark_data import benchmark_data

    people = build_people(load_config(TrainConfig, options.config).data.synthetic, Surface.load(), options.device)
    timing = benchmark_data(
        people, batch=options.batch, size_px=options.size, processes=options.processes, device=options.device
    )
    print(f"made: {timing.made_per_second:8.1f} images/s by {timing.processes} processes, {timing.size_px} px")
    print(f"used: {timing.used_per_second:8.1f} images/s by a training step of batch {timing.batch}")
    return asdict(timing)


COMMANDS = {
    "rasterise": (describe_rasterise, rasterise),
    "nets": (describe_nets, nets),
    "finder": (describe_finder, finder),
    "data": (describe_data, data),
}

if __name__ == "__main__":
    raise SystemExit(run_command(main))
