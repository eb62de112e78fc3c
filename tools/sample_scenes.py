#!/usr/bin/env python3
"""Draw scenes that detectors train on: tools/sample_scenes.py configs/densepose_rcnn_light.yaml --out scenes.png"""

from __future__ import annotations

from meshrec.command_line import OneLineParser, run_command


def main(arguments=None) -> None:
    parser = OneLineParser(description="Draw the scenes that a configuration of a detector trains on.")
    parser.add_argument("config", help="whose data section is drawn")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes to the configuration")
    parser.add_argument("--out", default="scenes.png", help="PNG to write (default: scenes.png)")
    parser.add_argument("--count", type=int, default=16, help="scenes (default: 16)")
    parser.add_argument("--size", type=int, default=320, help="longer side of each scene in pixels (default: 320)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--columns", type=int, default=4, help="scenes a row (default: 4)")
    parser.add_argument("--targets", action="store_true", help="draw who is where and the dense IUV beside the picture")
    options = parser.parse_intermixed_args(arguments)

    from meshrec.build import Surface
    from meshrec.build_detector import DetectorTrainConfig, build_scene_source
    from meshrec.config import load_config
    from meshrec.vis.contact_sheet import contact_sheet, save_png
    from meshrec.vis.scene_picture import draw_scenes

    config = load_config(DetectorTrainConfig, options.config, options.overrides)
    source = build_scene_source(config.data, config.stages[0], Surface.load())
    scenes = draw_scenes(source.batch(options.count, options.size, options.seed), with_targets=options.targets)
    save_png(contact_sheet(scenes, options.columns), options.out)
    print(f"Wrote {options.out}: {options.count} scenes of seed {options.seed}.")


if __name__ == "__main__":
    raise SystemExit(run_command(main))
