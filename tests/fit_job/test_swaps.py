"""Limbs that were labelled on the wrong side: noticed by what a body gains if they change places."""

import numpy as np
import pytest
import torch

from meshrec.fit_job.fitter import Fitter
from meshrec.fit_job.rule import FitRule
from meshrec.fit_job.swaps import LIMBS, swap_gain, with_swapped
from meshrec.fitting.evidence import Evidence
from meshrec.structures import COCO17, JointSet, PinholeCamera
from tests.support.fit_people import FAR, standing_keypoints


@pytest.fixture(scope="module")
def fitter():
    return Fitter.load()


@pytest.fixture(scope="module")
def standing(fitter):
    joints = torch.from_numpy(standing_keypoints(fitter.body))[None, :, :2].float()
    camera = PinholeCamera(torch.full((1, 2), FAR), torch.tensor([[60.0, 80.0]]), (160, 120))
    return Evidence(joints, torch.ones(1, 17), COCO17, camera)


def test_a_person_gains_nothing_by_swapped_limbs_and_much_by_swapping_them_back(fitter, standing):
    gain = swap_gain(standing, fitter(standing), fitter)
    for limb in LIMBS:
        wrong = with_swapped(standing, limb)
        regained = swap_gain(wrong, fitter(wrong), fitter)
        assert gain < 0 and regained > FitRule.swap_gain, (gain, regained)


def test_the_joints_of_a_limb_change_places_and_swapping_twice_changes_nothing(standing):
    swapped = with_swapped(standing, ("knee", "foot"))
    moved = [name for name, before, after in zip(COCO17.names, standing.joints_px[0], swapped.joints_px[0])
             if not torch.equal(before, after)]  # fmt: skip
    assert moved == ["left_knee", "right_knee"]
    assert torch.equal(with_swapped(swapped, ("knee",)).joints_px, standing.joints_px)


def test_confidence_moves_with_its_joint():
    camera = PinholeCamera(torch.ones(1, 2), torch.zeros(1, 2), (4, 4))
    pair = JointSet("knees", ("left_knee", "right_knee"))
    evidence = Evidence(torch.tensor([[[1.0, 2.0], [np.nan, 0.0]]]), torch.tensor([[0.5, 0.0]]), pair, camera)
    swapped = with_swapped(evidence, ("knee",))
    assert swapped.confidence.tolist() == [[0, 0.5]] and swapped.joints_px[0, 1].tolist() == [1, 2]
