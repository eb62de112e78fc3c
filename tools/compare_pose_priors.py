#!/usr/bin/env python3
"""Compare ways to make the pose prior, on people who took no part (a quarter of an hour for all of them)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from meshrec.command_line import OneLineParser, run_command


def main(arguments=None) -> None:
    parser = OneLineParser(description=__doc__)
    parser.add_argument("motion_pack", type=Path, help="motion pack that the priors are fitted on")
    parser.add_argument("held_out_pack", type=Path, help="motion pack of other people")
    parser.add_argument("--only", nargs="+", default=(), metavar="NAME", help="some of the variants")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args(arguments)

    from meshrec.assets import write_json
    from meshrec.body.build.prior_comparison import compare_pose_priors

    figures = {}
    print("| prior | log density | lifted mm | limb hidden mm | the hidden limb mm |\n|---|---|---|---|---|")
    for name, score in compare_pose_priors(options.motion_pack, options.held_out_pack, options.only):
        figures[name] = asdict(score)
        cells = (score.log_density, score.lifted_mm, score.hidden_mm, score.hidden_limb_mm)
        print(f"| {name} | {' | '.join(f'{value:.1f}' for value in cells)} |", flush=True)
    if options.json:
        write_json(figures, options.json)


if __name__ == "__main__":
    raise SystemExit(run_command(main))
