"""The evaluation of a net that reconstructs people in boxes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from meshrec.assets import asset_path
from meshrec.build import DEFAULT_WEIGHTS, Surface, TrainConfig
from meshrec.build_hmr import DEFAULT_HMR_WEIGHTS, HmrTrainConfig
from meshrec.engine.distributed import World
from meshrec.errors import InvalidInput
from meshrec.evaluation.findings import Findings
from meshrec.evaluation.joint_reader import JointReader
from meshrec.evaluation.options import EvaluationOptions, name_and_path
from meshrec.evaluation.people import PhotoSet
from meshrec.evaluation.people_file import PeopleFile
from meshrec.evaluation.photo_pack import PhotoPack
from meshrec.evaluation.photographs import PhotoMeter, measure_photographs, photo_report
from meshrec.evaluation.pictures import draw_photo_people, draw_synthetic_people
from meshrec.evaluation.protocol import model_words
from meshrec.evaluation.report import Report
from meshrec.evaluation.surface_points import SurfaceRuler
from meshrec.evaluation.synthetic import measure_synthetic, synthetic_protocol, synthetic_test_set
from meshrec.evaluation.together import common_errors
from meshrec.load import load_model
from meshrec.pipeline import MeshModel

SYNTHETIC = "synthetic"
PEOPLE = 1000
SHIPPED = {TrainConfig: DEFAULT_WEIGHTS, HmrTrainConfig: DEFAULT_HMR_WEIGHTS}
SHIPPED_FORM = "light"


class ReconstructionEvaluation:
    """The model, whichever method its weights are of, and what has been measured of it so far.

    Raises:
        InvalidInput: words that name no set, or a form of which no weights are shipped or given.
        MeshrecError: files that are missing, damaged or do not belong together.
    """

    def __init__(self, config: TrainConfig | HmrTrainConfig, options: EvaluationOptions, world: World) -> None:
        places = options.places(SYNTHETIC)
        bodies = dict(name_and_path(word, "smpl_male=SMPL_MALE.pkl") for word in options.bodies)
        if options.densepose_tables is not None:
            raise InvalidInput("DensePose's evaluation tables are for detectors; this configuration is none.")
        self.config, self.options, self.world = config, options, world
        device = None if options.device is None else world.pick_device(options.device)
        weights = options.weights or _shipped_weights(config)
        self.model = load_model(weights, device=device, finder=False, fast=options.fast)
        self.surface = surface_of(self.model)
        self.reader = JointReader(self.surface.body, options.regressor)
        self.words = model_words(weights, self.model, self.surface)
        self.sets = [open_photo_set(name, path, self.surface, bodies) for name, path in places.items()]
        self.findings = Findings(options, world)

    def run(self) -> str:
        """Measure all sets; returns the tables, nothing in processes other than the first."""
        count = PEOPLE if self.options.people is None else self.options.people
        if count:
            self._synthetic(count)
        for photographs in self.sets:
            self._photographs(photographs)
        return self.findings.finish()

    def _synthetic(self, count: int) -> None:
        test_set, bar = synthetic_test_set(self.config.data, self.surface), self.findings.bar(SYNTHETIC)
        rows = measure_synthetic(self.model, self.surface, test_set, count, bar, self.world)
        protocol = synthetic_protocol(test_set, count, self.model.input_size)
        report = Report.of(rows, protocol | self.words)
        self.findings.keep(SYNTHETIC, rows, report, draw_synthetic_people(self.model, test_set, count))

    def _photographs(self, photographs: PhotoSet) -> None:
        skeleton, ruler = JointReader(self.surface.body), SurfaceRuler(self.surface)
        meter = PhotoMeter(self.model, self.reader, skeleton, ruler)
        rows, left_out = measure_photographs(meter, photographs, self.findings.bar(photographs.name), self.world)
        with common_errors(self.world):
            report = photo_report(photographs, rows, left_out, self.reader)
        report.protocol.update(self.words)
        self.findings.keep(photographs.name, rows, report, draw_photo_people(meter, photographs))


def surface_of(model: MeshModel) -> Surface:
    """The shipped body with the atlas that the model speaks through."""
    shipped = Surface.load()
    return dataclasses.replace(shipped, atlas=model.net.atlas) if model.finds_correspondence else shipped


def open_photo_set(name: str, place: str, surface: Surface, bodies: dict[str, str]) -> PhotoSet:
    """The set at ``PATH`` or ``PATH::IMAGES``: a file of labelled people, else a photo pack's folder."""
    path, _, images = place.partition("::")
    if Path(path).suffix == ".npz":
        return PeopleFile(name, path, images or None, surface.body, bodies)
    if images:
        raise InvalidInput(f"{path} is no npz of labelled people; only those take an image folder behind '::'.")
    return PhotoPack(name, path)


def _shipped_weights(config: TrainConfig | HmrTrainConfig) -> Path:
    if config.model.form != SHIPPED_FORM:
        raise InvalidInput(f"No weights of form {config.model.form!r} are shipped; name yours with --weights.")
    return asset_path(SHIPPED[type(config)])
