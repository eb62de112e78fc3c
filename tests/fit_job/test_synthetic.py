"""Measuring the fitter: people are whole, evidence is spoilt as much as was asked for, figures say what they are."""

import pytest
import torch

from meshrec.body import BodyModel
from meshrec.data.synthetic.dice import Dice
from meshrec.data.synthetic.poses import PoseSampler
from meshrec.errors import InvalidInput
from meshrec.fit_job.fitter import Fitter
from meshrec.fit_job.synthetic import SyntheticCheck, check_fitter, draw_bodies, evidence_of
from tests.support.standing_fits import standing_fits


@pytest.fixture(scope="module")
def body():
    return BodyModel.from_file()


@pytest.fixture(scope="module")
def true(body):
    return draw_bodies(body, PoseSampler(), 12, Dice(3))


def test_whole_people_are_in_view_and_differ(true):
    assert (true.joints_px > 0).all() and (true.joints_px < 224).all()
    sizes = (true.joints_px.amax(1) - true.joints_px.amin(1)).amax(1)
    assert sizes.min() > 60 and true.joints_px.std(0).min() > 5


def test_noise_and_missing_joints_are_as_many_as_asked_for(true):
    exact = evidence_of(true, SyntheticCheck(), Dice(1))
    assert torch.equal(exact.joints_px, true.joints_px) and exact.confidence.all()
    spoilt = evidence_of(true, SyntheticCheck(noise_px=5, missing=0.2), Dice(1))
    assert (spoilt.joints_px - true.joints_px).std() == pytest.approx(5, rel=0.15)
    assert (spoilt.confidence == 0).float().mean() == pytest.approx(0.2, abs=0.08)
    unknown = evidence_of(true, SyntheticCheck(camera_known=False), Dice(1))
    assert (unknown.camera.focal_px == 5000).all() and (unknown.camera.centre_px == 112).all()
    assert torch.equal(exact.camera.focal_px, true.camera.focal_px)


def test_figures_come_with_their_protocol_and_depend_on_the_fits(body):
    fitter = Fitter(body, torch.nn.Module(), fit=standing_fits)
    report = check_fitter(fitter, SyntheticCheck(6, noise_px=3))
    figures = report.figures["model"]
    assert figures["reprojection_px"] > 5 and figures["pa_mpjpe_mm"] > 60 and figures["prior_energy"] == 17
    assert figures["pa_mpjpe_lsp_mm"] != figures["pa_mpjpe_mm"] and figures["evidence_px"] != figures["reprojection_px"]
    assert "6 synthetic bodies" in report.protocol["set"] and "people/s" in report.protocol["speed"]
    assert "normal noise of 3 px" in report.protocol["evidence"] and report.protocol["poses"] == "made up"
    again = check_fitter(fitter, SyntheticCheck(6, noise_px=3))
    assert again.figures == report.figures


def test_numbers_that_cannot_be_are_refused():
    for wrong, sentence in (({"people": 0}, "at least 1"), ({"noise_px": -1}, "at least 0"),
                            ({"missing": 1.0}, "below 1, got 1.0")):  # fmt: skip
        with pytest.raises(InvalidInput, match=sentence):
            SyntheticCheck(**wrong)
