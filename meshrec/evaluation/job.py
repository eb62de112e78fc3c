"""A whole evaluation: every requested test set measured by all processes, then reported by the first one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tqdm import tqdm

from meshrec.build import Surface, TrainConfig, load_model
from meshrec.config import load_config
from meshrec.engine.distributed import World, join_world
from meshrec.errors import InvalidInput, MeshrecError
from meshrec.evaluation.joint_reader import JointReader
from meshrec.evaluation.people import PhotoSet
from meshrec.evaluation.people_file import PeopleFile
from meshrec.evaluation.photo_pack import PhotoPack
from meshrec.evaluation.photographs import PhotoMeter, measure_photographs, photo_report
from meshrec.evaluation.pictures import Draw, draw_photo_people, draw_synthetic_people, ranked_sheet
from meshrec.evaluation.protocol import model_words
from meshrec.evaluation.report import Report, table, write_reports, write_rows
from meshrec.evaluation.rows import Row
from meshrec.evaluation.surface_points import SurfaceRuler
from meshrec.evaluation.synthetic import measure_synthetic, synthetic_protocol, synthetic_test_set
from meshrec.pipeline import MeshModel
from meshrec.vis.contact_sheet import save_png

SYNTHETIC = "synthetic"


@dataclass(frozen=True)
class EvaluationOptions:
    """What to measure and what to write.

    Attributes:
        weights: a file of weights; None for the shipped ones.
        data: words ``NAME=PATH`` or ``NAME=PATH::IMAGES``, each a photo pack's folder or a file of labelled people.
        bodies: words ``NAME=FILE``, bodies that files of labelled people name.
        regressor: npy of the joint regressor that 3D joints are read by; None for the body's own joints.
        people: synthetic test people; 0 leaves that set out.
        json, csv: files to write figures, and every person's own, to.
        pictures: folder for contact sheets.
        device: for example ``cuda``.
    """

    weights: str | None = None
    data: tuple[str, ...] = ()
    bodies: tuple[str, ...] = ()
    regressor: str | None = None
    people: int = 1000
    json: str | None = None
    csv: str | None = None
    pictures: str | None = None
    device: str | None = None


def run_evaluation(config_path: str | Path, overrides: Sequence[str], options: EvaluationOptions) -> str:
    """Measure a model, write what was asked for and return the tables; under torchrun only the first process does.

    Raises:
        InvalidInput: words that name no set, or a set on which nothing can be measured.
        MeshrecError: files that are missing, damaged or do not belong together.
    """
    places = {name: path for name, path in (_name_and_path(word) for word in options.data)}
    bodies = dict(_name_and_path(word, "smpl_male=SMPL_MALE.pkl") for word in options.bodies)
    if len(places) < len(options.data) or SYNTHETIC in places:
        raise InvalidInput(f"Every data set needs a name of its own, other than {SYNTHETIC!r}.")
    with join_world() as world, _one_thread():
        with _common_errors(world):
            job = _Job(config_path, overrides, options, world)
            sets = [open_photo_set(name, path, job.surface, bodies) for name, path in places.items()]
        return job.run(sets)


class _Job:
    """The model and what has been measured of it so far."""

    def __init__(self, config_path: str | Path, overrides: Sequence[str], options: EvaluationOptions, world: World):
        self.options, self.world = options, world
        _check_folders(options)
        self.config = load_config(TrainConfig, config_path, overrides)
        self.surface = Surface.load()
        device = None if options.device is None else world.pick_device(options.device)
        self.model: MeshModel = load_model(options.weights, device=device)
        self.reader = JointReader(self.surface.body, options.regressor)
        self.words = model_words(options.weights, self.model, self.surface)
        self.reports: dict[str, Report] = {}
        self.rows: dict[str, list[Row]] = {}

    def run(self, sets: Sequence[PhotoSet]) -> str:
        if self.options.pictures is not None:
            Path(self.options.pictures).mkdir(parents=True, exist_ok=True)
        if self.options.people:
            self._synthetic()
        for photographs in sets:
            self._photographs(photographs)
        return self._finish() if self.world.is_first else ""

    def _synthetic(self) -> None:
        count, test_set = self.options.people, synthetic_test_set(self.config.data, self.surface)
        rows = measure_synthetic(self.model, self.surface, test_set, count, self._bar(SYNTHETIC), self.world)
        protocol = synthetic_protocol(test_set, count, self.model.input_size)
        report = Report.of(rows, protocol | self.words)
        self._keep(SYNTHETIC, rows, report, draw_synthetic_people(self.model, test_set, count))

    def _photographs(self, photographs: PhotoSet) -> None:
        skeleton, ruler = JointReader(self.surface.body), SurfaceRuler(self.surface)
        meter = PhotoMeter(self.model, self.reader, skeleton, ruler)
        rows, left_out = measure_photographs(meter, photographs, self._bar(photographs.name), self.world)
        with _common_errors(self.world):
            report = photo_report(photographs, rows, left_out, self.reader)
        report.protocol.update(self.words)
        self._keep(photographs.name, rows, report, draw_photo_people(meter, photographs))

    def _keep(self, name: str, rows: list[Row], report: Report, draw: Draw) -> None:
        self.rows[name], self.reports[name] = rows, report
        if self.options.pictures is not None and self.world.is_first:
            sheet = ranked_sheet(rows, draw)
            if sheet is not None:
                save_png(sheet, Path(self.options.pictures) / f"{name}.png")

    def _finish(self) -> str:
        if self.options.json is not None:
            write_reports(self.reports, self.options.json)
        if self.options.csv is not None:
            write_rows(self.rows, self.options.csv)
        return "\n\n".join(table(name, report) for name, report in self.reports.items())

    def _bar(self, name: str) -> Callable:
        return lambda items: tqdm(items, desc=name, mininterval=1, disable=not self.world.is_first)


def _check_folders(options: EvaluationOptions) -> None:
    """Before an hour of measuring, rather than after it."""
    for path in (options.json, options.csv, options.pictures):
        if path is not None and not Path(path).parent.is_dir():
            raise InvalidInput(f"Cannot write {path}: there is no folder {Path(path).parent}.")


@contextlib.contextmanager
def _common_errors(world: World) -> Iterator[None]:
    """Errors that every process finds by itself: the first one says them."""
    try:
        yield
    except MeshrecError as error:
        raise world.common_end(error) from error


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Sums inside the net come out differently, in the last bits, with each number of threads.

    With one thread the figures do not depend on the number of processes, and processes are the way to use more cores.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def open_photo_set(name: str, place: str, surface: Surface, bodies: dict[str, str]) -> PhotoSet:
    """The set at ``PATH`` or ``PATH::IMAGES``: a file of labelled people, else a photo pack's folder."""
    path, _, images = place.partition("::")
    if Path(path).suffix == ".npz":
        return PeopleFile(name, path, images or None, surface.body, bodies)
    if images:
        raise InvalidInput(f"{path} is no npz of labelled people; only those take an image folder behind '::'.")
    return PhotoPack(name, path)


def _name_and_path(word: str, example: str = "photos_dev=../shared/data/photos_dev") -> tuple[str, str]:
    name, equals, path = word.partition("=")
    if not equals or not name or not path:
        raise InvalidInput(f"{word!r} names no file: write NAME=PATH, for example {example}.")
    return name, path
