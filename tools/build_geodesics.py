#!/usr/bin/env python3
"""Make the table of distances along a body's surface that the metric GPS needs (extra ``synth``; five minutes)."""

from __future__ import annotations

from pathlib import Path

from meshrec.command_line import OneLineParser, run_command


def main(arguments=None) -> None:
    parser = OneLineParser(description=__doc__)
    parser.add_argument("--body", type=Path, help="body file in SMPL's format; the default body if not given")
    parser.add_argument(
        "--out", type=Path, default=Path("assets/body/geodesics.npz"), help="file to write (%(default)s)"
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args(arguments)

    from meshrec.assets import sha256_of_file, write_json
    from meshrec.body import BodyModel
    from meshrec.body.build.geodesics import build_surface_distances

    table, figures = build_surface_distances(BodyModel.from_file(options.body))
    table.save(options.out)
    for name, value in figures.items():
        print(f"{name:40s} {value:9.3f}")
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB, sha256 {sha256_of_file(options.out)}")
    if options.json:
        write_json(figures, options.json)


if __name__ == "__main__":
    raise SystemExit(run_command(main))
