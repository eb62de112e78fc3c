#!/usr/bin/env python3
"""Draw synthetic people on a contact sheet: tools/sample_people.py configs/decomr_light.yaml --out people.png"""

from __future__ import annotations

from meshrec.command_line import OneLineParser, run_command


def main(arguments=None) -> None:
    parser = OneLineParser(description="Draw the synthetic people that a configuration trains on.")
    parser.add_argument("config", help="whose data section is drawn")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes to the configuration")
    parser.add_argument("--out", default="people.png", help="PNG to write (default: people.png)")
    parser.add_argument("--count", type=int, default=32, help="people (default: 32)")
    parser.add_argument("--size", type=int, default=224, help="side of each crop in pixels (default: 224)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--columns", type=int, default=8, help="people a row (default: 8)")
    parser.add_argument("--targets", action="store_true", help="draw each person's IUV image beside the picture")
    options = parser.parse_intermixed_args(arguments)

    from meshrec.build import Surface, TrainConfig, build_people
    from meshrec.config import load_config
    from meshrec.engine.pictures import people_sheet
    from meshrec.vis.contact_sheet import save_png

    config = load_config(TrainConfig, options.config, options.overrides)
    people = build_people(config.data.synthetic, Surface.load())
    batch = people.batch(options.count, options.size, options.seed)
    save_png(people_sheet(batch, options.columns, with_targets=options.targets), options.out)
    print(f"Wrote {options.out}: {options.count} people of seed {options.seed}.")


if __name__ == "__main__":
    raise SystemExit(run_command(main))
