"""Make the wardrobe of synthetic people from packs of MakeHuman assets (extra ``synth``)."""

from __future__ import annotations

from pathlib import Path

from meshrec.command_line import OneLineParser, run_command


def main(arguments=None) -> None:
    parser = OneLineParser(description=__doc__)
    parser.add_argument("packs", nargs="+", type=Path, help="folders with an index.json")
    parser.add_argument("--out", type=Path, default=Path("runs/wardrobe.npz"), help="file to write (%(default)s)")
    parser.add_argument("--pictures", type=Path, help="also draw every layer and skin into this folder")
    options = parser.parse_args(arguments)

    from tqdm import tqdm

    from meshrec.optional import require

    for package in ("scipy", "anny"):
        require(package, purpose="make a wardrobe", extra="synth")
    from meshrec.data.wardrobe.build.assemble import build_wardrobe

    wardrobe = build_wardrobe(options.packs, tqdm)
    wardrobe.save(options.out)
    vertices = sum(len(layer.vertices) for layer in wardrobe.layers)
    print(
        f"{options.out}: {len(wardrobe.layers)} layers with {vertices} vertices, {len(wardrobe.skins)} skins, "
        f"{options.out.stat().st_size / 1e6:.1f} MB"
    )
    if options.pictures:
        from meshrec.data.wardrobe.build.sheets import draw_sheets

        draw_sheets(wardrobe, options.pictures)


if __name__ == "__main__":
    raise SystemExit(run_command(main))
