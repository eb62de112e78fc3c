"""Build a body's continuous UV atlas and its 24 charts (extra ``synth``), or read an atlas from an OBJ file."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from meshrec.command_line import OneLineParser, run_command


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = OneLineParser(description=__doc__)
    parser.add_argument("--body", type=Path, help="body file in SMPL's format, T-posed; the default body if not given")
    parser.add_argument(
        "--obj", type=Path, help="take texture coordinates from this OBJ file instead; writes no charts"
    )
    parser.add_argument(
        "--flip-v",
        action="store_true",
        help="with --obj: turn v over; DecoMR's template needs this off, an OBJ that meshrec wrote on",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("assets/uv/meshrec_atlas.npz"), help="atlas file (%(default)s)"
    )
    parser.add_argument(
        "--charts", type=Path, default=Path("assets/uv/densepose_charts.npz"), help="charts file (%(default)s)"
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    options = parse(arguments)

    from meshrec.assets import asset_path, write_json
    from meshrec.body.model import BodyModel
    from meshrec.optional import require
    from meshrec.uv.build.figures import atlas_figures
    from meshrec.uv.obj_atlas import read_obj_atlas

    path = options.body or asset_path("body/meshrec_body.npz")
    body = BodyModel.from_file(path) if options.body or not options.obj else None
    if options.obj:
        atlas = read_obj_atlas(options.obj, options.flip_v, body)
    else:
        require("scipy", extra="synth", purpose="build an atlas")
        from meshrec.uv.build.assemble import build_surface_maps
        from meshrec.uv.build.template import read_template

        maps = build_surface_maps(read_template(path))
        maps.charts.save(options.charts)
        atlas = maps.atlas
    atlas.save(options.out)
    measured = (body.template_vertices.numpy(), body.skinning_weights.numpy()) if body else ()
    figures = {"atlas_hash": atlas.hash, "body_hash": atlas.body_hash, **atlas_figures(atlas, *measured)}
    for name, value in figures.items():
        print(f"{name:32s} {value:.4f}" if isinstance(value, float) else f"{name:32s} {value}")
    if options.json:
        write_json(figures, options.json)


if __name__ == "__main__":
    raise SystemExit(run_command(main))
