"""What may be written on the command line of tools/fit.py; imports no torch, so that --help is quick."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from meshrec.command_line import OneLineParser

_DESCRIPTION = """\
Fit the body to 2D joints: of photos (IMAGE ... --keypoints FILE), of everybody who is labelled in a data set (--data
... --out ...), or of synthetic people whose joints are known, to measure the fitter (--synthetic N)."""
MOTION_PACK = Path("../shared/data/mocap/mocap_val.npz")
_OF_PHOTOS = ("keypoints", "save", "overlay", "save_camera", "save_params", "save_skeleton", "field_of_view")
_OF_DATA = ("out", "batch", "sheet", "max_error", "max_energy", "min_joints", "max_swap_gain")
_OF_SYNTHETIC = ("noise_px", "missing", "unknown_camera", "motion_pack")


def read_options(arguments: Sequence[str] | None = None) -> Namespace:
    """The options, with ``mode``: photos, data or synthetic. A contradiction ends the process with a sentence."""
    parser = _parser()
    options = parser.parse_args(arguments)
    modes = {"photos": options.images, "data": options.data, "synthetic": options.synthetic is not None}
    chosen = [mode for mode, wanted in modes.items() if wanted]
    if len(chosen) != 1:
        parser.error("give photos with --keypoints, or --data with --out, or --synthetic: one of the three")
    options.mode = chosen[0]
    for mode, names in (("photos", _OF_PHOTOS), ("data", _OF_DATA), ("synthetic", _OF_SYNTHETIC)):
        foreign = [name for name in names if mode != options.mode and getattr(options, name) not in (None, False)]
        if foreign:
            parser.error(f"--{foreign[0].replace('_', '-')} belongs to fits of {mode}")
    if options.mode == "photos" and options.keypoints is None:
        parser.error("photos need --keypoints")
    if options.mode == "data" and options.out is None:
        parser.error("--data needs --out")
    return options


def _parser() -> OneLineParser:
    parser = OneLineParser(description=_DESCRIPTION, epilog="docs/fitting.md says more.")
    photos = parser.add_argument_group("photos")
    photos.add_argument("images", nargs="*", type=Path, metavar="IMAGE", help="photos, or folders of photos")
    photos.add_argument(
        "--keypoints",
        type=Path,
        metavar="FILE",
        help="joints of the people: COCO's or OpenPose's .json, a table as .npz or .csv, or a folder with "
        "one such file per photo",
    )
    photos.add_argument("--save", type=Path, metavar="MESH", help="meshes as .obj, .ply or .glb")
    photos.add_argument("--overlay", type=Path, metavar="PNG", help="the photo with the meshes drawn over it")
    photos.add_argument(
        "--save-camera", type=Path, metavar="JSON", help="camera that projects the meshes onto the photo"
    )
    photos.add_argument("--save-params", type=Path, metavar="NPZ", help="shape, pose, joints and place of the bodies")
    photos.add_argument(
        "--save-skeleton",
        type=Path,
        metavar="FILE",
        help="posed skeletons: .glb with skin for everybody, or .bvh for each",
    )
    photos.add_argument(
        "--field-of-view",
        type=float,
        metavar="DEGREES",
        help="horizontal; by default from EXIF, else the focal length is the photo's diagonal",
    )
    data = parser.add_argument_group("data sets")
    data.add_argument(
        "--data",
        metavar="PACK_OR_NPZ",
        help="a photo pack's folder, or NPZ or NPZ::IMAGES of labelled people as tools/convert_dataset.py writes them",
    )
    data.add_argument(
        "--out",
        type=Path,
        metavar="NPZ",
        help="where the people with their fits go; if the file is there from an earlier run, the work goes on",
    )
    data.add_argument("--batch", type=int, metavar="N", help="people at a time (default: 128)")
    data.add_argument("--sheet", type=Path, metavar="PNG", help="picture of the best, the median and the worst fits")
    data.add_argument(
        "--max-error",
        type=float,
        metavar="SHARE",
        help="keep fits up to this mean distance of joints, over the side of a crop around the person",
    )
    data.add_argument("--max-energy", type=float, metavar="E", help="keep fits whose pose is at least this likely")
    data.add_argument("--min-joints", type=int, metavar="N", help="keep fits of people with so many labelled joints")
    data.add_argument(
        "--max-swap-gain",
        type=float,
        metavar="E",
        help="keep fits that do not become likelier than that if both legs, or both arms, change sides",
    )
    synthetic = parser.add_argument_group("measuring the fitter")
    synthetic.add_argument("--synthetic", type=int, metavar="N", help="fit so many synthetic people")
    synthetic.add_argument("--noise-px", type=float, metavar="PX", help="normal noise on their joints, pixels of 224")
    synthetic.add_argument("--missing", type=float, metavar="SHARE", help="share of their joints to leave out")
    synthetic.add_argument("--unknown-camera", action="store_true", help="do not tell the fitter their camera")
    synthetic.add_argument(
        "--motion-pack",
        type=Path,
        metavar="NPZ",
        help=f"their poses (default: {MOTION_PACK} where it is there, else made up)",
    )
    parser.add_argument("--body", type=Path, metavar="FILE", help="SMPL-format body (.npz, .pkl) instead of our own")
    parser.add_argument("--device", help="cpu, cuda, cuda:1 or mps; by default the CPU")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write figures, and errors")
    return parser
