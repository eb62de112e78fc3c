"""3D joint errors against values worked out by hand, and the invariances that their names promise."""

import math

import pytest
import torch

from meshrec.geometry.rotations import axis_angle_to_matrix
from meshrec.metrics.joints import (
    auc3d,
    mpjpe_mm,
    n_mpjpe_mm,
    pa_mpjpe_mm,
    pck3d,
    root_aligned_distances_mm,
    similarity_aligned_distances_mm,
)


def some_joints(people=2, joints=10):
    return torch.rand(people, joints, 3, generator=torch.Generator().manual_seed(1))


def turned(points):
    return 1.3 * points @ axis_angle_to_matrix(torch.tensor([0.3, 1.0, -0.2])).T + 2


def test_mpjpe_is_the_mean_distance_after_moving_the_roots_together():
    target = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [0, 2, 0]]])
    predicted = target + torch.tensor([5.0, 5, 5])
    predicted[0, 1] += torch.tensor([0.0, 0.03, 0.04])
    assert mpjpe_mm(predicted, target).item() == pytest.approx(50 / 3, abs=1e-3)


def test_the_root_can_be_the_middle_of_two_joints():
    target = torch.tensor([[[-1.0, 0, 0], [1, 0, 0], [0, 2, 0]]])
    predicted = target.clone()
    predicted[0, 0, 0] -= 0.012  # moves the middle by 6 mm: everything is 6 mm off
    assert mpjpe_mm(predicted, target, (0, 1)).item() == pytest.approx(6, abs=1e-3)


def test_pa_mpjpe_ignores_similarities_and_mpjpe_does_not():
    target = some_joints()
    assert pa_mpjpe_mm(turned(target), target).max() < 0.01 and mpjpe_mm(turned(target), target).min() > 50


def test_pa_mpjpe_does_not_turn_a_mirror_image_into_the_truth():
    target = some_joints()
    assert pa_mpjpe_mm(target * torch.tensor([-1.0, 1, 1]), target).min() > 20


def test_n_mpjpe_takes_back_the_scale_alone():
    target = some_joints()
    assert n_mpjpe_mm(0.4 * target + 3, target).max() < 0.01 < 50 < n_mpjpe_mm(turned(target), target).min()
    # Root at the origin, one joint at 1 m that should be at 1 m to the side: the best scale is 0.
    predicted = torch.tensor([[[0.0, 0, 0], [1.0, 0, 0]]])
    assert n_mpjpe_mm(predicted, predicted[..., [1, 0, 2]]).item() == pytest.approx(500, abs=1e-3)


def test_unlabelled_joints_do_not_count_whatever_they_hold():
    target, predicted = some_joints(), turned(some_joints())
    predicted[:, 3] += 0.1
    valid = torch.ones(2, 10, dtype=torch.bool)
    valid[:, 5:] = False
    spoilt = torch.where(valid[..., None], target, torch.nan)
    for error in (mpjpe_mm, pa_mpjpe_mm, n_mpjpe_mm):
        kept = error(predicted[:, :5], target[:, :5])
        assert torch.allclose(error(predicted, spoilt, valid=valid), kept, atol=0.01), error
        assert not torch.allclose(error(predicted, target), kept, atol=0.01), error


def test_a_person_whose_root_or_all_but_two_joints_are_unknown_has_no_error():
    joints = some_joints(1)
    valid = torch.ones(1, 10, dtype=torch.bool)
    valid[0, 0] = False
    assert mpjpe_mm(joints, joints, 0, valid).isnan().all()
    valid[0, :8] = False
    assert pa_mpjpe_mm(joints, joints, valid).isnan().all()
    assert similarity_aligned_distances_mm(joints, joints, valid).isnan().all()


def test_pck3d_counts_joints_within_150_mm_and_the_area_averages_31_thresholds():
    distances = torch.tensor([[0.0, 74.0, 150.0, 151.0, math.nan]])
    assert pck3d(distances).item() == pytest.approx(3 / 4)
    # 0 is within all 31 thresholds, 74 within 75, 80, ..., 150 (16 of them), 150 within one, 151 within none.
    assert auc3d(distances).item() == pytest.approx((31 + 16 + 1) / 31 / 4)
    assert pck3d(torch.full((1, 3), math.nan)).isnan().all()


def test_distances_are_per_joint():
    target = torch.zeros(1, 3, 3)
    predicted = torch.tensor([[[0.0, 0, 0], [0.03, 0.04, 0], [0, 0, 0.1]]])
    assert root_aligned_distances_mm(predicted, target)[0].tolist() == pytest.approx([0, 50, 100])


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="target"):
        mpjpe_mm(torch.zeros(1, 3, 3), torch.zeros(1, 4, 3))
    with pytest.raises(ValueError, match="valid"):
        pa_mpjpe_mm(torch.zeros(1, 3, 3), torch.zeros(1, 3, 3), torch.ones(1, 2))
