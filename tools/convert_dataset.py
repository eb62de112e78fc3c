#!/usr/bin/env python3
"""Convert a public data set: tools/convert_dataset.py 3dpw 3DPW/sequenceFiles/train --images 3DPW --out 3dpw.npz"""

from __future__ import annotations

import sys

from meshrec.command_line import OneLineParser, run_command


def main(arguments=None) -> None:
    parser = OneLineParser(description="Convert a public data set to the npz that training and evaluation read.")
    parser.add_argument(
        "layout",
        help="coco, densepose, spin, 3dpw, bedlam, h36m, mpi-inf-3dhp, surreal or photos (docs/data.md says more)",
    )
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="annotation files, or folders of them")
    parser.add_argument("--out", required=True, help="npz to write")
    parser.add_argument("--images", help="folder that image paths start from (default: the first source's folder)")
    options = parser.parse_args(arguments)

    from tqdm import tqdm

    from meshrec.data.conversion import convert_sources, describe, missing_images
    from meshrec.data.npz_format import write_annotations

    def progress(files):
        return tqdm(files, desc=options.layout, unit="file", disable=len(files) < 2)

    made = convert_sources(options.layout, options.sources, options.images, progress)
    write_annotations(made.people, options.out)
    for name, count in describe(made.people).items():
        print(f"{name:24s} {count:8d}")
    if options.images and (missing := missing_images(made.people, options.images)):
        print(f"warning: {len(missing)} images are not in {options.images}, for example {missing[0]}", file=sys.stderr)
    for sentence in made.failures:
        print(f"left out: {sentence}", file=sys.stderr)
    if made.failures:
        print(f"{len(made.failures)} of {made.files + len(made.failures)} files were left out.", file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(run_command(main))
