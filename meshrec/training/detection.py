"""The training of a DensePose-RCNN."""

from __future__ import annotations

from pathlib import Path

import torch

from meshrec.build import Surface
from meshrec.build_detector import DetectorTrainConfig, build_scene_source
from meshrec.checkpoint import fill_model, load_weights, read_weights, without_prefix
from meshrec.engine.detection_pictures import DetectionPictures
from meshrec.engine.detection_task import DetectionTask
from meshrec.engine.distributed import World
from meshrec.engine.stages import DETECTOR_NETS, DetectionStage
from meshrec.iuv.rcnn.detectron2_weights import read_detectron2_weights
from meshrec.iuv.rcnn.model import DensePoseRcnn
from meshrec.iuv.rcnn_files import save_rcnn
from meshrec.iuv.results import DENSEPOSE_CHARTS
from meshrec.models.decomr import BACKBONE_PREFIX
from meshrec.training.course import StageWork, read_start

_OF_DETECTRON2 = (".pkl", ".pth")


class Detection:
    """A `meshrec.training.course.Course` for detectors of people with IUV."""

    def __init__(self, config: DetectorTrainConfig) -> None:
        self.config = config
        self.surface = Surface.load()
        self.net = DensePoseRcnn(config.model)

    def start_from(self, word: str) -> None:
        """From our weights or detectron2's; the backbone also from that of a correspondence net of the same form."""
        name, path = read_start(word, (*DETECTOR_NETS, "all"))
        state = read_detectron2_weights(path) if path.suffix in _OF_DETECTRON2 else read_weights(path)[1]
        if name == "backbone" and any(key.startswith(BACKBONE_PREFIX) for key in state):
            encoder = {key: value for key, value in state.items() if key.startswith(BACKBONE_PREFIX)}
            fill_model(self.net.backbone, without_prefix(encoder, BACKBONE_PREFIX), str(path))
        else:
            fill_model(self.net, state, str(path), None if name == "all" else [f"{name}."])

    def load(self, path: Path) -> None:
        load_weights(path, self.net)

    def save(self, path: Path, *, half: bool = False) -> None:
        # Points of DensePose's annotators refer to its own charts, which made-up scenes do not know.
        charts = DENSEPOSE_CHARTS if self.config.data.photos.densepose else self.surface.charts.hash
        save_rcnn(path, self.net, charts, half=half)

    def prepare(self, stage: DetectionStage, device: torch.device, folder: Path, world: World) -> StageWork:
        source = build_scene_source(self.config.data, stage, self.surface, device)
        return StageWork(source, DetectionTask(self.config.learning).losses, DetectionPictures())
