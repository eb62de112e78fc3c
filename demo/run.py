"""Reconstruct people in photographs as 3D meshes.

    python demo/run.py photo.jpg --save mesh.obj --overlay overlay.png

Everybody who is found becomes a mesh; --box says instead where the people are. With several photos, or a folder, every
output file gets the photo's name appended. Without any output option, a mesh and an overlay named after the photo are
written to the working directory.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from meshrec.command_line import EXIT_EXPLAINED, EXIT_OK, OneLineParser, four_numbers, run_command


def main(arguments=None) -> int:
    options = _parser().parse_args(arguments)
    # Only now, because these import torch and --help should be quick.
    from meshrec.assets import write_json
    from meshrec.data.photo import find_photos
    from meshrec.demo_job import Outputs, PhotoSheet, plan_outputs, run_photos, summary
    from meshrec.errors import InvalidInput
    from meshrec.iuv.predictor import make_predictor
    from meshrec.iuv.selection import PeopleLimits
    from meshrec.load import load_model
    from meshrec.vis.viewer import check_viewer, show_people

    wanted = Outputs(
        mesh=options.save,
        overlay=options.overlay,
        iuv=options.iuv,
        iuv_data=options.save_iuv,
        correspondence=options.correspondence,
        camera=options.save_camera,
        params=options.save_params,
        skeleton=options.save_skeleton,
    )
    photos = find_photos(options.images)
    if options.box and len(photos) > 1:
        raise InvalidInput(f"--box belongs to one photo, but {len(photos)} were given.")
    if options.max_people is not None and options.max_people < 1:
        raise InvalidInput(f"--max-people must be at least 1, got {options.max_people}.")
    if options.view:
        check_viewer()
    limits = PeopleLimits(options.min_score)
    model = load_model(options.weights, options.body, options.device, finder=False, method=options.method,
                       fast=options.fast)
    wanted.check_model(model)
    if not options.box or wanted.needs_finder or model.has_iuv_input:
        finder = make_predictor(options.iuv_backend, options.iuv_checkpoint, options.iuv_config, limits, model.device)
        model = replace(model, finder=finder)
    reports, sheet = [], PhotoSheet(options.sheet) if options.sheet is not None else None
    results = run_photos(photos, plan_outputs(photos, wanted, sheet is not None), model, boxes_xywh=options.box,
                         max_people=options.max_people, field_of_view_deg=options.field_of_view)
    progress = tqdm(results, total=len(photos), unit="photo", disable=None)
    for report in progress:
        reports.append(report)
        if report.error is None and not report.people:
            progress.write(f"{report.photo}: nobody found")
        for path in report.files:
            progress.write(str(path))
        if report.error is not None:
            progress.write(f"error: {report.error}", file=sys.stderr)
        if sheet is not None:
            sheet.add(report)
        if options.view and report.people:
            show_people(report.people, title=str(report.photo))
    if sheet is not None and sheet.save():
        print(sheet.path)
    print(summary(reports))
    if options.json is not None:
        write_json([report.figures() for report in reports], options.json)
    return EXIT_EXPLAINED if any(report.error for report in reports) else EXIT_OK


def _parser() -> OneLineParser:
    first_line, rest = __doc__.split("\n", 1)
    parser = OneLineParser(description=first_line, epilog=rest.split("\n\n")[-1])
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="photos, or folders of photos")
    parser.add_argument("--save", type=Path, metavar="MESH", help="mesh as .obj, .ply or .glb")
    parser.add_argument("--overlay", type=Path, metavar="PNG", help="the photo with the meshes drawn over it")
    parser.add_argument("--sheet", type=Path, metavar="PNG", help="all photos with their meshes in one picture")
    parser.add_argument("--iuv", type=Path, metavar="PNG", help="what the person finder saw: body parts, and U and V")
    parser.add_argument("--save-iuv", type=Path, metavar="FILE",
                        help="the same as numbers: I, U, V of every pixel as .npz, or as the channels of a .png")
    parser.add_argument("--correspondence", type=Path, metavar="PNG",
                        help="the point of the body that the mesh was made from, for each pixel")
    parser.add_argument("--save-camera", type=Path, metavar="JSON", help="camera that projects the mesh onto the photo")
    parser.add_argument("--save-params", type=Path, metavar="NPZ", help="shape, pose, joints and place of the bodies")
    parser.add_argument("--save-skeleton", type=Path, metavar="FILE",
                        help="posed skeletons: .glb with skin for everybody, or .bvh for each")
    parser.add_argument("--box", type=four_numbers, action="append", metavar="X,Y,W,H",
                        help="where a person is, in pixels; once per person (write --box=-5,... for a negative number)")
    parser.add_argument("--max-people", type=int, metavar="N", help="reconstruct the N largest people only")
    parser.add_argument("--min-score", type=float, default=0.5, metavar="S",
                        help="how certain a detection must be, 0 to 1 (default: %(default)s)")
    parser.add_argument("--iuv-checkpoint", type=Path, metavar="FILE",
                        help="find people with these weights: ours, or DensePose's of detectron2")
    parser.add_argument("--iuv-config", metavar="NAME_OR_YAML", help="configuration of a checkpoint of detectron2")
    parser.add_argument("--iuv-backend", choices=("auto", "ours", "detectron2"), default="auto",
                        help="who runs that checkpoint (default: %(default)s)")
    parser.add_argument("--field-of-view", type=float, metavar="DEGREES",
                        help="horizontal; by default from EXIF, else the focal length is the photo's diagonal")
    parser.add_argument("--method", choices=("decomr", "hmr"),
                        help="decomr: vertices from dense correspondence (default); hmr: parameters of the body")
    parser.add_argument("--fast", action="store_true",
                        help="the net's own mesh after one look, without a body fitted to what several looks saw")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="network weights instead of the shipped ones")
    parser.add_argument("--body", type=Path, metavar="FILE", help="SMPL-format body (.npz, .pkl) instead of our own")
    parser.add_argument("--view", action="store_true", help="open the meshes in a window (needs meshrec[viewer])")
    parser.add_argument("--device", help="cpu, cuda, cuda:1 or mps; by default the CPU")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write times, boxes and errors")
    return parser


if __name__ == "__main__":
    raise SystemExit(run_command(main))
