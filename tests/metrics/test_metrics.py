"""Metrics against values worked out by hand, and the invariances that their names promise."""

import math

import pytest
import torch

from meshrec.geometry.rotations import axis_angle_to_matrix
from meshrec.metrics.iuv import uv_error
from meshrec.metrics.joints import correct_keypoints, mpjpe_mm, pa_mpjpe_mm
from meshrec.metrics.masks import mask_iou
from meshrec.metrics.vertices import pa_pve_mm, pve_mm


def test_mpjpe_is_the_mean_distance_after_moving_the_roots_together():
    target = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [0, 2, 0]]])
    predicted = target + torch.tensor([5.0, 5, 5])
    predicted[0, 1] += torch.tensor([0.0, 0.03, 0.04])
    assert mpjpe_mm(predicted, target).item() == pytest.approx(50 / 3, abs=1e-3)


def test_pa_mpjpe_ignores_similarities_and_mpjpe_does_not():
    target = torch.rand(2, 10, 3, generator=torch.Generator().manual_seed(1))
    turned = 1.3 * target @ axis_angle_to_matrix(torch.tensor([0.3, 1.0, -0.2])).T + 2
    assert pa_mpjpe_mm(turned, target).max() < 0.01 and mpjpe_mm(turned, target).min() > 50
    assert pa_pve_mm(turned, target).max() < 0.01


def test_pve_moves_the_given_roots_together():
    target = torch.zeros(1, 4, 3)
    predicted = torch.full((1, 4, 3), 0.01)
    assert pve_mm(predicted, target, torch.full((1, 3), 0.01), torch.zeros(1, 3)).item() == pytest.approx(0, abs=1e-4)
    assert pve_mm(predicted, target, torch.zeros(1, 3), torch.zeros(1, 3)).item() == pytest.approx(
        10 * math.sqrt(3), abs=1e-3
    )


def test_keypoints_within_a_share_of_the_reference_are_correct_and_invalid_ones_do_not_count():
    target = torch.zeros(1, 4, 2)
    predicted = torch.tensor([[[0.0, 19.9], [20.1, 0], [0, 0], [500, 0]]])
    valid = torch.tensor([[True, True, True, False]])
    hits = correct_keypoints(predicted, target, valid, torch.tensor([100.0]))
    assert hits[0, :3].tolist() == [1, 0, 1] and hits.nanmean().item() == pytest.approx(2 / 3)


def test_mask_iou_counts_pixels():
    first, second = torch.zeros(2, 4, 4, dtype=torch.bool), torch.zeros(2, 4, 4, dtype=torch.bool)
    first[0, :2], second[0, 1:3] = True, True
    overlap = mask_iou(first, second)
    assert overlap[0].item() == pytest.approx(4 / 12) and overlap[1].isnan()


def test_uv_error_looks_at_visible_pixels_only():
    target = torch.zeros(1, 2, 2, 2)
    predicted = target.clone()
    predicted[0, :, 0, 0], predicted[0, 0, 1, 1] = torch.tensor([0.3, 0.4]), 9.0
    visible = torch.tensor([[[True, True], [False, False]]])
    assert uv_error(predicted, target, visible).item() == pytest.approx(0.25)
    assert uv_error(predicted, target, torch.zeros(1, 2, 2)).isnan().all()
