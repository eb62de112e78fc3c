"""The evaluation of a detector of people with dense IUV."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import torch

import meshrec
from meshrec.assets import asset_path, sha256_of_file
from meshrec.body.official_geodesics import OfficialGeodesics
from meshrec.build import Surface, build_people
from meshrec.build_detector import DetectorTrainConfig
from meshrec.checkpoint import read_metadata
from meshrec.data.detection.synthetic_scenes import SyntheticScenes
from meshrec.engine.distributed import World
from meshrec.errors import InvalidInput
from meshrec.evaluation.detection.densepose_coco import DensePoseCoco
from meshrec.evaluation.detection.empty_pictures import EmptyPictures
from meshrec.evaluation.detection.meter import DetectionMeter, measure_scenes
from meshrec.evaluation.detection.photographs import PhotographedScenes
from meshrec.evaluation.detection.pictures import draw_scenes
from meshrec.evaluation.detection.scenes import SceneSet
from meshrec.evaluation.detection.synthetic import SYNTHETIC, SyntheticSceneSet
from meshrec.evaluation.findings import Findings
from meshrec.evaluation.options import EvaluationOptions
from meshrec.evaluation.report import Report
from meshrec.evaluation.surface_points import SurfaceRuler
from meshrec.evaluation.synthetic import held_back_people
from meshrec.iuv.predictor import DEFAULT_WEIGHTS, IuvPredictor, make_predictor
from meshrec.iuv.results import DENSEPOSE_CHARTS
from meshrec.iuv.selection import PeopleLimits
from meshrec.metrics.gps import SurfaceDistance

SCENES = 200
LOWEST_SCORE = 0.05  # as detectron2 evaluates; what is less certain changes average precision in the third digit
MOST_PEOPLE = 100


class DetectorEvaluation:
    """The detector and what has been measured of it so far.

    Raises:
        InvalidInput: words that name no set, options that are for reconstruction, or a detector of which no weights are
            shipped or given.
        MeshrecError: files that are missing, damaged or do not belong together.
    """

    def __init__(
        self,
        config: DetectorTrainConfig,
        options: EvaluationOptions,
        world: World,
        predictor: IuvPredictor | None = None,
    ) -> None:
        """`predictor` takes the place of the one that the options' weights make."""
        if options.bodies or options.regressor is not None:
            raise InvalidInput("Bodies and regressors are for reconstruction; this configuration is of a detector.")
        if predictor is None and options.weights is None:
            _check_shipped(config)
        self.config, self.options, self.world = config, options, world
        self.surface = Surface.load()
        device = "cpu" if options.device is None else world.pick_device(options.device)
        limits = PeopleLimits(LOWEST_SCORE, MOST_PEOPLE)
        self.predictor = predictor or make_predictor(checkpoint=options.weights, limits=limits, device=device)
        self.rulers = self._rulers()
        places = options.places(SYNTHETIC)
        self.sets = [self._open(name, place) for name, place in places.items()]
        self.findings = Findings(options, world)

    def run(self) -> str:
        """Measure all sets; returns the tables, nothing in processes other than the first."""
        count = SCENES if self.options.people is None else self.options.people
        for scenes in ([self._synthetic(count)] if count else []) + self.sets:
            self._measure(scenes)
        return self.findings.finish()

    def _measure(self, scenes: SceneSet) -> None:
        same_charts = scenes.charts == self.predictor.charts
        distance = self.rulers.get(scenes.charts) if same_charts else None
        meter = DetectionMeter(self.predictor, PeopleLimits().min_score, distance)
        rows, left_out = measure_scenes(meter, scenes, self.findings.bar(scenes.name), self.world)
        report = Report.of(rows, scenes.describe() | self._words(scenes), left_out)
        self.findings.keep(scenes.name, rows, report, draw_scenes(meter, scenes))

    def _synthetic(self, count: int) -> SyntheticSceneSet:
        held_back, words = held_back_people(self.config.data.synthetic)
        source = SyntheticScenes(build_people(held_back, self.surface))  # the default variety, likewise
        return SyntheticSceneSet(source, count, self.surface.charts.hash, words)

    def _open(self, name: str, place: str) -> SceneSet:
        """The set at a place: a pack of labelled photographs, one of pictures of nobody, or a file of DensePose's."""
        path, _, images = place.partition("::")
        if Path(path).suffix == ".json":
            return DensePoseCoco(name, path, images or Path(path).parent)
        folder = Path(place).resolve()
        if EmptyPictures.is_pack(folder):
            return EmptyPictures(name, folder, self._seen_share(folder))
        trained_on = {Path(pack.folder).resolve() for pack in self.config.data.photos.packs}
        return PhotographedScenes(name, folder, held_out=folder in trained_on)

    def _seen_share(self, folder: Path) -> float:
        """How much of pictures without people training has seen, as backgrounds or as they are."""
        data = self.config.data
        seen = [entry.part[1] for entry in data.photos.empty if Path(entry.folder).resolve() == folder]
        if data.synthetic.backgrounds is not None and Path(data.synthetic.backgrounds).resolve() == folder:
            seen.append(data.synthetic.background_share[1])
        return max(seen, default=0.0)

    def _rulers(self) -> dict[str | None, SurfaceDistance]:
        """How distances are measured, by the charts that points refer to."""
        rulers: dict[str | None, SurfaceDistance] = {}
        ruler = SurfaceRuler(self.surface)
        if ruler.distances is not None:
            rulers[self.surface.charts.hash] = ruler.between_charts
        if self.options.densepose_tables is not None:
            rulers[DENSEPOSE_CHARTS] = OfficialGeodesics.from_folder(self.options.densepose_tables)
        return rulers

    def _words(self, scenes: SceneSet) -> dict[str, str]:
        """The detector, what decides, and what similarities are measured by."""
        path = asset_path(DEFAULT_WEIGHTS) if self.options.weights is None else Path(self.options.weights)
        return {
            "min_score": f"sure detections have a score of at least {PeopleLimits().min_score}, all {LOWEST_SCORE}",
            "weights": path.name,
            "weights_sha256": sha256_of_file(path),
            "charts": f"of the detector {self.predictor.charts}, of the labels {scenes.charts or 'none'}",
            "body_hash": self.surface.body.hash,
            "box_precision_by": _box_precision_words(),
            "computed_by": f"meshrec {meshrec.__version__}, torch {torch.__version__}, {self.options.device or 'cpu'}",
        }


def _check_shipped(config: DetectorTrainConfig) -> None:
    shipped = read_metadata(asset_path(DEFAULT_WEIGHTS))["rcnn"]["backbone"]
    if config.model.backbone != shipped:
        raise InvalidInput(
            f"The shipped weights have a backbone {shipped}, the configuration says {config.model.backbone}; "
            "name weights of yours with --weights."
        )


def _box_precision_words() -> str:
    try:
        return f"average precision of boxes by pycocotools {metadata.version('pycocotools')}"
    except metadata.PackageNotFoundError:
        return 'average precision of boxes left out; it needs pycocotools: pip install "meshrec[eval]"'
