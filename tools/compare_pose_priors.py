#!/usr/bin/env python3
"""Compare ways to make the pose prior, on people who took no part (half an hour for all of them)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from meshrec.command_line import OneLineParser, run_command


def main(arguments=None) -> None:
    parser = OneLineParser(description=__doc__)
    parser.add_argument("motion_pack", type=Path, help="motion pack that the priors are fitted on")
    parser.add_argument("held_out_pack", type=Path, help="motion pack of other people")
    parser.add_argument("--only", nargs="+", default=(), metavar="NAME", help="some of the variants")
    parser.add_argument("--fit", type=int, metavar="N", help="also fit N synthetic people in held-out poses with each")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args(arguments)

    from meshrec.assets import write_json
    from meshrec.body import BodyModel
    from meshrec.body.build.prior_comparison import compare_pose_priors
    from meshrec.fit_job.fitter import Fitter
    from meshrec.fit_job.synthetic import SyntheticCheck, check_fitter

    figures, body = {}, BodyModel.from_file()
    columns = ["log_density", "lifted_mm", "hidden_mm", "hidden_limb_mm", *(["exact", "noisy"] if options.fit else [])]
    print(f"| prior | {' | '.join(columns)} |\n|{'---|' * (1 + len(columns))}")
    for name, prior, score in compare_pose_priors(options.motion_pack, options.held_out_pack, options.only):
        figures[name] = asdict(score)
        for kind, disturbed in (("exact", {}), ("noisy", {"noise_px": 5.0, "missing": 0.2})):
            if options.fit and prior is not None:
                check = SyntheticCheck(options.fit, motion_pack=str(options.held_out_pack), **disturbed)
                figures[name][kind] = check_fitter(Fitter(body, prior), check).figures["model"]["pa_mpjpe_mm"]
        print(f"| {name} | {' | '.join(f'{figures[name].get(column, 0):.1f}' for column in columns)} |", flush=True)
    if options.json:
        write_json(figures, options.json)


if __name__ == "__main__":
    raise SystemExit(run_command(main))
