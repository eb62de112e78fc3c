#!/usr/bin/env python3
"""Measure a net or a detector: tools/eval.py configs/decomr_light.yaml [--weights F] [--data NAME=PATH ...]"""

from __future__ import annotations

from meshrec.command_line import OneLineParser, run_command

_DESCRIPTION = (
    "Measure a model on its fixed synthetic test set and on labelled photographs: a net that reconstructs people in "
    "boxes, or a detector of people, as the configuration says. Under torchrun all processes measure together; the "
    "figures are the same to the last bit."
)


def main(arguments=None) -> None:
    parser = OneLineParser(description=_DESCRIPTION)
    parser.add_argument("config", help="the configuration that the model was trained by")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes to the configuration")
    parser.add_argument("--weights", help="weights to measure (default: the shipped ones)")
    parser.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="NAME=PATH[::IMAGES]",
        help="photographs to measure on too: a photo pack's folder; for nets also an npz written by "
        "tools/convert_dataset.py with its image folder (default: the npz file's own); for detectors also a pack of "
        "pictures that show nobody",
    )
    parser.add_argument(
        "--body",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="a body that an npz names, for its true meshes, for example smpl_male=SMPL_MALE.pkl",
    )
    parser.add_argument("--regressor", metavar="NPY", help="read 3D joints by this (17, 6890) Human3.6M regressor")
    parser.add_argument("--densepose-tables", metavar="FOLDER", help="DensePose's own tables, for GPS of its labels")
    parser.add_argument(
        "--people",
        type=int,
        help="synthetic test people (default 1000), or for detectors scenes (default 200); 0 leaves that set out",
    )
    parser.add_argument("--json", help="write figures and protocols to this file")
    parser.add_argument("--csv", help="write the figures of every person, or picture, to this file")
    parser.add_argument("--pictures", metavar="FOLDER", help="write sheets of the best, median and worst ones here")
    parser.add_argument("--fast", action="store_true", help="measure the net's own mesh, without fitting a body to it")
    parser.add_argument("--device")
    chosen = vars(parser.parse_intermixed_args(arguments))
    config, overrides = chosen.pop("config"), chosen.pop("overrides")
    data, bodies = tuple(chosen.pop("data")), tuple(chosen.pop("body"))

    from meshrec.evaluation import EvaluationOptions, run_evaluation

    tables = run_evaluation(config, overrides, EvaluationOptions(data=data, bodies=bodies, **chosen))
    if tables:
        print(tables)


if __name__ == "__main__":
    raise SystemExit(run_command(main))
