"""Contact sheets of fits: who is shown, and the mesh where the person is."""

import numpy as np
import pytest
import torch

from meshrec.body import BodyModel
from meshrec.errors import InvalidInput
from meshrec.fit_job.crops import CROP_PX, crop_evidence
from meshrec.fit_job.data_set import DataSet, fit_people
from meshrec.fit_job.fitter import Fitter
from meshrec.fit_job.rule import FitRule
from meshrec.fit_job.sheet import draw_fit, fit_sheet, ranked_lines
from tests.fit_job.test_rule import people_with
from tests.support.fit_people import write_standing_pack
from tests.support.standing_fits import standing_fits


def test_lines_go_from_the_best_kept_fit_to_the_worst_of_the_others():
    people = people_with([0.05, 0.01, 0.03, 0.02, 0.04, -1, 0.06], [0] * 7, [9] * 7)
    people = people.replace(fit_kept=[False, True, True, True, True, False, False])
    assert {title: list(rows) for title, rows in ranked_lines(people, 2).items()} == {
        "best": [1, 3], "median": [3, 2], "worst kept": [2, 4],
        "best rejected": [0, 6], "median rejected": [0, 6], "worst": [0, 6]}  # fmt: skip
    assert list(ranked_lines(people.select(np.array([1, 2])), 3)) == ["best", "median", "worst kept"]
    assert ranked_lines(people_with([-1], [0], [9]), 2) == {}


def test_a_fit_is_drawn_over_the_person_beside_the_joints(tmp_path):
    body = BodyModel.from_file()
    data = DataSet.open(str(write_standing_pack(tmp_path / "pack", body, 2)))
    people = fit_people(data.people, Fitter(body, torch.nn.Module(), fit=standing_fits), FitRule(), tmp_path / "f.npz")
    joints, mesh = draw_fit(people.select([0]), data.images, body)
    plain = np.zeros(3, int)
    evidence = crop_evidence(people.select([0]))
    for x, y in evidence.joints_px[0, evidence.confidence[0] > 0].tolist():
        assert (joints[int(y), int(x)] != plain).any() and (mesh[int(y), int(x)] > 20).any()
    assert (joints[:, :4] == plain).all() and (mesh[:, :4] == plain).all()
    sheet = fit_sheet(people, data.images, body, 1)
    assert sheet.shape[1] > 2 * CROP_PX and sheet.shape[0] > 3 * CROP_PX and sheet.shape[0] < 4 * CROP_PX
    with pytest.raises(InvalidInput, match="Only one person with a fit"):
        draw_fit(people.select([1]), data.images, body)
