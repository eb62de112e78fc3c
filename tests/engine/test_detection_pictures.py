"""Pictures of detections: labels beside what was found."""

import numpy as np
import pytest
import torch
from PIL import Image

from meshrec.engine.detection_pictures import DetectionPictures, draw_labels, true_people
from meshrec.engine.stages import DetectionStage
from meshrec.iuv.results import ChartOutput
from tests.engine.test_detection_task import SIDE, scene


class Oracle(torch.nn.Module):
    """Finds the first person of the test scene in every picture, and a second one without confidence."""

    def forward(self, images, sizes_px):
        count, maps = 2, torch.zeros(2, 25, 28, 28)
        fine, coarse = maps.clone(), torch.zeros(count, 2, 28, 28)
        fine[:, 3], coarse[:, 1] = 5.0, 5.0
        boxes = torch.tensor([[8.0, 10, 28, 50], [0, 0, 64, 64]])
        return [ChartOutput(coarse, fine, maps, maps, boxes, torch.tensor([0.9, 0.2])) for _ in images]


@pytest.fixture
def sheet(tmp_path):
    model = Oracle().train()
    DetectionPictures(2)(model, scene(), DetectionStage("any", 1, losses={"box": 1.0}), tmp_path / "sheet.png")
    assert model.training, "training goes on as before"
    return np.asarray(Image.open(tmp_path / "sheet.png")).astype(int)


def test_labels_truth_and_findings_stand_side_by_side(sheet):
    """Of three pictures the first and the last are shown, in a row of twice three cells."""
    columns = round(sheet.shape[1] / (SIDE + 4))
    assert columns == 6 and round(sheet.shape[0] / (SIDE + 4)) == 1
    cells = [sheet[4 : 4 + SIDE, 4 + place * (SIDE + 4) :][:, :SIDE] for place in range(columns)]
    inside, outside = (slice(28, 32), slice(12, 24)), (slice(56, 62), slice(30, 60))
    coloured = [[np.ptp(cell[window], axis=-1).max() > 20 for window in (inside, outside)] for cell in cells]
    assert coloured[:3] == [[True, False]] * 3
    assert coloured[3:] == [[False, False], [False, False], [True, False]], "nobody is labelled in the last picture"


def test_every_person_has_a_colour_and_crowds_are_grey():
    batch = scene()
    batch = batch.replace(is_crowd=torch.tensor([False, True, False]))
    photo = np.zeros((SIDE, SIDE, 3), np.uint8)
    drawn = draw_labels(photo, batch, 0).astype(int)
    assert np.ptp(drawn[30, 18]) > 20 and drawn[30, 46].tolist() == [63] * 3 and not drawn[60, 32].any()
    assert not photo.any(), "the photo stays as it is"


def test_true_people_carry_the_labels_of_their_own_pixels():
    first, second = true_people(scene(), 0)
    assert (first.chart.labels.shape, first.chart.origin_xy_px) == ((40, 20), (8, 10))
    assert first.chart.labels.unique().tolist() == [3] and second.chart.labels.unique().tolist() == [4]
    assert first.chart.uv.unique().tolist() == [0.25]
    assert true_people(scene(), 2) == []
