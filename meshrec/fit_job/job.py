"""The three works of tools/fit.py, from options to files and text."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from meshrec.assets import write_json
from meshrec.data.keypoint_files import KeypointSource
from meshrec.data.photo import find_photos
from meshrec.demo_job import Outputs, plan_outputs
from meshrec.engine.devices import pick_device
from meshrec.errors import InvalidInput
from meshrec.evaluation.report import table, write_reports
from meshrec.fit_job.data_set import BATCH, DataSet, fit_people
from meshrec.fit_job.fitted_bodies import mask_overlaps
from meshrec.fit_job.fitter import Fitter
from meshrec.fit_job.options import MOTION_PACK
from meshrec.fit_job.photographs import FitReport, fit_photos
from meshrec.fit_job.rule import FitRule
from meshrec.fit_job.sheet import fit_sheet
from meshrec.fit_job.summary import fit_figures, fit_table
from meshrec.fit_job.synthetic import SyntheticCheck, check_fitter
from meshrec.vis.contact_sheet import save_png

Progress = Callable[[Iterable], Iterable]


def open_fitter(options: Namespace) -> Fitter:
    """The body and the shipped prior, on the wanted device.

    Raises:
        AssetNotFound, InvalidInput: a file is missing or damaged, or there is no such device.
    """
    return Fitter.load(options.body, pick_device(options.device or "cpu"))


def open_photos(options: Namespace, fitter: Fitter) -> tuple[Sequence[Path], Iterator[FitReport]]:
    """The photos, and a report of each once it is done.

    Raises:
        AssetNotFound, InvalidInput: no photos, no keypoints, or outputs that cannot be.
    """
    _check_folders(options.json)
    wanted = Outputs(mesh=options.save, overlay=options.overlay, camera=options.save_camera,
                     params=options.save_params, skeleton=options.save_skeleton)  # fmt: skip
    photos, keypoints = find_photos(options.images), KeypointSource(options.keypoints)
    return photos, fit_photos(photos, plan_outputs(photos, wanted), keypoints, fitter, options.field_of_view)


def fit_data(options: Namespace, fitter: Fitter, progress: Progress) -> str:
    """Fits of a data set, its sheet and its figures; gives these as text.

    Raises:
        AssetNotFound, InvalidInput: the data set is not there or damaged, or a place cannot be written.
    """
    _check_folders(options.out, options.sheet, options.json)
    given = {"error": options.max_error, "energy": options.max_energy, "joints": options.min_joints,
             "swap_gain": options.max_swap_gain}  # fmt: skip
    rule = FitRule(**{name: value for name, value in given.items() if value is not None})
    data = DataSet.open(options.data)
    if options.batch is not None and options.batch < 1:
        raise InvalidInput(f"--batch must be at least 1, got {options.batch}.")
    people = fit_people(data.people, fitter, rule, options.out, batch=options.batch or BATCH, progress=progress)
    body = fitter.body.to("cpu")
    if options.sheet is not None and (sheet := fit_sheet(people, data.images, body)) is not None:
        save_png(sheet, options.sheet)
    figures = fit_figures(people, mask_overlaps(people, data.images, body, progress))
    if options.json is not None:
        write_json({"data": options.data, "fitted_by": people.fitted_by, "figures": figures}, options.json)
    return fit_table(options.data, people, figures)


def measure_synthetic(options: Namespace, fitter: Fitter, progress: Progress) -> str:
    """Figures of the fitter on synthetic people, as text.

    Raises:
        InvalidInput: numbers that cannot be, or a damaged motion pack.
    """
    _check_folders(options.json)
    pack = options.motion_pack or MOTION_PACK
    check = SyntheticCheck(options.synthetic, options.noise_px or 0.0, options.missing or 0.0,
                           not options.unknown_camera, str(pack))  # fmt: skip
    if options.motion_pack is not None and not pack.exists():
        raise InvalidInput(f"There is no motion pack {pack}.")
    report = check_fitter(fitter, check, progress)
    if options.json is not None:
        write_reports({"synthetic": report}, options.json)
    return table("synthetic", report)


def _check_folders(*paths: Path | None) -> None:
    """Before an hour of work, rather than after it."""
    for path in paths:
        if path is not None and not path.parent.is_dir():
            raise InvalidInput(f"Cannot write {path}: there is no folder {path.parent}.")
