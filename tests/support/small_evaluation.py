"""An evaluation of few synthetic people and photographs that a test can run in several processes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from unittest import mock

import torch
from torch import nn

from meshrec.assets import write_json
from meshrec.build import DataConfig, Surface
from meshrec.engine.distributed import join_world
from meshrec.evaluation import synthetic
from meshrec.evaluation.joint_reader import JointReader
from meshrec.evaluation.people_file import PeopleFile
from meshrec.evaluation.photographs import PhotoMeter, measure_photographs, photo_report
from meshrec.evaluation.surface_points import SurfaceRuler
from meshrec.models import DecoMROutput
from tests.support.standing import standing_model


class Swaying(nn.Module):
    """The standing person, moved and scaled by what the crop looks like, so that all people differ."""

    def __init__(self, standing: nn.Module) -> None:
        super().__init__()
        self.standing = standing

    def forward(self, images: torch.Tensor) -> DecoMROutput:
        output = self.standing(images)
        look = images.mean((1, 2, 3))[:, None, None]
        return dataclasses.replace(output, vertices=output.vertices * (1 + look) + look)


def evaluate(folder: str, name: str, people: int = 10, batch: int = 4) -> None:
    """Measure in a world and write the reports as JSON from the first process."""
    surface = Surface.load()
    model = standing_model(surface)
    model = dataclasses.replace(model, net=Swaying(model.net))
    reader = JointReader(surface.body)
    meter = PhotoMeter(model, reader, reader, SurfaceRuler(surface))
    photographs = PeopleFile("set", Path(folder) / "people.npz", None, surface.body)
    with mock.patch.object(synthetic, "BATCH", batch), join_world() as world:
        test_set = synthetic.synthetic_test_set(DataConfig(), surface)
        rows = synthetic.measure_synthetic(model, surface, test_set, people, world=world)
        report = synthetic.Report.of(rows, {})
        photos = photo_report(photographs, *measure_photographs(meter, photographs, world=world), reader)
        if world.is_first:
            both = {"synthetic": dataclasses.asdict(report), "photos": dataclasses.asdict(photos)}
            write_json(both, Path(folder) / f"{name}.json")
