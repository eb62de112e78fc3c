#!/usr/bin/env python3
"""Measure a model: tools/eval.py configs/decomr_light.yaml [--weights F] [--data NAME=PATH ...] [--json F]"""

from __future__ import annotations

from meshrec.command_line import OneLineParser, run_command


def main(arguments=None) -> None:
    parser = OneLineParser(description="Measure a model on the fixed synthetic test set and on labelled photographs.")
    parser.add_argument("config", help="the configuration that the model was trained by")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes to the configuration")
    parser.add_argument("--weights", default=None, help="weights to measure (default: the shipped ones)")
    parser.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="a photo pack to measure on too, for example photos_dev=../shared/data/photos_dev",
    )
    parser.add_argument("--people", type=int, default=1000, help="synthetic test people; 0 leaves that set out")
    parser.add_argument("--json", default=None, help="write figures and protocols to this file")
    parser.add_argument("--pictures", default=None, metavar="FOLDER", help="write contact sheets of overlays here")
    parser.add_argument("--device", default=None)
    options = parser.parse_intermixed_args(arguments)

    from meshrec.evaluation_report import run_evaluation

    print(
        run_evaluation(
            options.config,
            options.overrides,
            weights=options.weights,
            data=options.data,
            people=options.people,
            json_path=options.json,
            pictures=options.pictures,
            device=options.device,
        )
    )


if __name__ == "__main__":
    raise SystemExit(run_command(main))
