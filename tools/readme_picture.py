"""Redraw docs/overlay.png, the picture at the top of the README, with the shipped weights."""

from __future__ import annotations

from pathlib import Path

from meshrec.command_line import OneLineParser, run_command


def main(arguments=None) -> None:
    parser = OneLineParser(description=__doc__)
    parser.add_argument("--weights", type=Path, metavar="FILE", help="network weights instead of the shipped ones")
    parser.add_argument("--out", type=Path, default=Path("docs/overlay.png"), help="picture to write (%(default)s)")
    options = parser.parse_args(arguments)

    from meshrec.assets import asset_path
    from meshrec.data.photo import read_photo
    from meshrec.load import load_model
    from meshrec.pipeline import reconstruct
    from meshrec.vis.contact_sheet import contact_sheet, save_png
    from meshrec.vis.iuv_picture import draw_iuv
    from meshrec.vis.overlay import draw_overlay

    photo = read_photo(asset_path("samples/skier.jpg"))
    people = reconstruct(photo, load_model(weights=options.weights))
    save_png(contact_sheet([photo.pixels, draw_iuv(photo.pixels, people), draw_overlay(photo.pixels, people)], 3),
             options.out)


if __name__ == "__main__":
    raise SystemExit(run_command(main))
