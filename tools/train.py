#!/usr/bin/env python3
"""Train a net: tools/train.py configs/decomr_light.yaml [--folder F] [--only STAGE] [--start-from NET=FILE] [key=value]

A run that was interrupted goes on where it stopped when the same command is given again. Several processes, here and on
other machines:

    torchrun --nproc-per-node 2 tools/train.py configs/decomr_light.yaml ...
    torchrun --nnodes 2 --nproc-per-node 8 --rdzv-backend c10d --rdzv-endpoint HOST:29500 tools/train.py ...
"""

from __future__ import annotations

from meshrec.command_line import OneLineParser, run_command


def main(arguments=None) -> None:
    parser = OneLineParser(description="Train a net by the stages of a configuration; the same command resumes.")
    parser.add_argument("config", help="YAML file, for example configs/decomr_light.yaml")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes, for example stages.0.steps=100")
    # The second names are for one process only: torchrun takes them for short forms of options of its own.
    parser.add_argument(
        "--folder", "--run", default=None, help="run folder for logs, pictures and weights (default: runs/CONFIG)"
    )
    parser.add_argument("--only", default=None, metavar="STAGE", help="run this stage only")
    parser.add_argument(
        "--start-from",
        "--start",
        action="append",
        default=[],
        metavar="NET=FILE",
        help="start one of the nets (correspondence_net, backbone, ...) or all from a weights file; may be repeated",
    )
    parser.add_argument("--threads", type=int, default=None, help="CPU threads of the training process")
    options = parser.parse_intermixed_args(arguments)

    from meshrec.training import run_training

    for path in run_training(
        options.config,
        options.overrides,
        options.folder,
        only=options.only,
        starts=options.start_from,
        threads=options.threads,
    ):
        print(f"wrote {path}")


if __name__ == "__main__":
    raise SystemExit(run_command(main))
