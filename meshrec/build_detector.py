"""From configurations to what a detector is trained with, as `meshrec.build` does for reconstruction."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from meshrec.build import Surface, build_people
from meshrec.data.detection.sources import RealPicturesConfig, real_pictures
from meshrec.data.detection.synthetic_scenes import SyntheticScenes, SyntheticScenesConfig
from meshrec.data.mixture import BatchSource, Mixture
from meshrec.data.synthetic import SyntheticPeopleConfig
from meshrec.engine.stages import DetectionStage
from meshrec.engine.trainer import LoopConfig
from meshrec.iuv.rcnn.config import RcnnConfig
from meshrec.iuv.rcnn.learning import LearningConfig


@dataclass(frozen=True)
class SceneDataConfig:
    """Where training scenes come from."""

    synthetic: SyntheticPeopleConfig = field(default_factory=SyntheticPeopleConfig)
    """the people of made-up scenes."""
    scenes: SyntheticScenesConfig = field(default_factory=SyntheticScenesConfig)
    """how they fill the scenes."""
    photos: RealPicturesConfig = field(default_factory=RealPicturesConfig)
    """real pictures, of which stages take their ``photo_share``."""


@dataclass(frozen=True)
class DetectorTrainConfig:
    """A whole training of a DensePose-RCNN."""

    task: str = "detection"
    """tells this kind of training from that of a reconstruction."""
    model: RcnnConfig = field(default_factory=RcnnConfig)
    learning: LearningConfig = field(default_factory=LearningConfig)
    data: SceneDataConfig = field(default_factory=SceneDataConfig)
    stages: tuple[DetectionStage, ...] = ()
    loop: LoopConfig = field(default_factory=LoopConfig)
    seed: int = 1


def build_scene_source(
    config: SceneDataConfig, stage: DetectionStage, surface: Surface, device: torch.device | str = "cpu"
) -> BatchSource:
    """What a stage draws its scenes from: made-up ones, and real pictures where the stage wants and finds them."""
    photos = real_pictures(config.photos) if stage.photo_share else []
    sources = [(source, stage.photo_share * share) for source, share in photos]
    if not photos or stage.photo_share < 1:
        people = build_people(config.synthetic, surface, device)
        sources.insert(0, (SyntheticScenes(people, config.scenes), 1 - stage.photo_share if photos else 1.0))
    return Mixture(sources, device)
