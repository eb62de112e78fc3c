"""An evaluation of a tiny detector on a few photographs that a test can run in several processes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from meshrec.assets import write_json
from meshrec.engine.distributed import join_world
from meshrec.evaluation.detection.meter import DetectionMeter, measure_scenes
from meshrec.evaluation.detection.photographs import PhotographedScenes
from meshrec.evaluation.report import Report
from meshrec.iuv.rcnn_predictor import RcnnPredictor
from meshrec.iuv.selection import PeopleLimits
from tests.support.small_rcnn import small_rcnn


def evaluate_detector(folder: str, name: str) -> None:
    """Measure in a world and write the report as JSON from the first process."""
    predictor = RcnnPredictor(small_rcnn(), "made up", PeopleLimits(0.05, 100))
    with join_world() as world:
        scenes = PhotographedScenes("photographs", Path(folder))
        rows, left_out = measure_scenes(DetectionMeter(predictor, 0.5), scenes, world=world)
        if world.is_first:
            write_json(dataclasses.asdict(Report.of(rows, {}, left_out)), Path(folder) / f"{name}.json")
