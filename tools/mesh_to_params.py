#!/usr/bin/env python3
"""Body parameters of meshes: tools/mesh_to_params.py person.obj --out params.npz --skeleton person.glb"""

from __future__ import annotations

from pathlib import Path

from meshrec.command_line import OneLineParser, run_command


def main(arguments=None) -> None:
    parser = OneLineParser(
        description="Find shape and pose of meshes of a body, write them and skeletons; or measure how well that goes."
    )
    parser.add_argument("mesh", nargs="?", help="mesh with the body's vertices in their order: .obj, .ply, .glb, .npy")
    parser.add_argument("--out", metavar="NPZ", help="write shape, pose, place and joints here, see docs/parameters.md")
    parser.add_argument("--skeleton", metavar="FILE", help="write posed skeletons: .glb with skin, or .bvh")
    parser.add_argument(
        "--axes",
        choices=("file", "camera"),
        default="file",
        help="axes of the mesh: y up as in exported files (default), or y down and z forward",
    )
    parser.add_argument("--no-prior", action="store_true", help="take the mesh at its word, however unlikely the pose")
    parser.add_argument("--body", type=Path, help="body file in SMPL's format; the default body if not given")
    parser.add_argument(
        "--measure", type=int, metavar="N", help="measure on N people of the synthetic test set instead"
    )
    parser.add_argument("--net", action="store_true", help="with --measure: on the shipped net's meshes of them, too")
    parser.add_argument(
        "--config", default="configs/decomr_light.yaml", help="whose data are measured on (%(default)s)"
    )
    parser.add_argument("--json", help="write the figures to this file")
    options = parser.parse_args(arguments)
    if (options.mesh is None) == (options.measure is None):
        parser.error("give a mesh file or --measure N")
    of_files = {"--out": options.out, "--skeleton": options.skeleton, "--body": options.body,
                "--no-prior": options.no_prior, "--axes": options.axes != "file"}  # fmt: skip
    foreign = {"--net": options.net} if options.measure is None else of_files
    if chosen := [name for name, value in foreign.items() if value]:
        parser.error(f"{chosen[0]} belongs to {'--measure' if options.measure is None else 'a mesh file'}")

    from meshrec import mesh_job  # only now, because it imports torch and --help should be quick

    if options.measure is not None:
        from tqdm import tqdm

        print(mesh_job.measure(options.measure, options.config, options.net, options.json, tqdm))
    else:
        print(mesh_job.convert(options.mesh, options.out, options.skeleton, options.body, options.axes == "camera",
                               likely=not options.no_prior, json=options.json))  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(run_command(main))
