"""Accelerations worked out by hand."""

import pytest
import torch

from meshrec.metrics.temporal import acceleration_error_mm, acceleration_mm


def track(frames, acceleration):
    """Two joints: one stays, one is at (a t^2 / 2, 5 t, 1) metres."""
    time = torch.arange(frames, dtype=torch.float64)
    moving = torch.stack([acceleration * time**2 / 2, 5 * time, torch.ones(frames, dtype=torch.float64)], dim=1)
    return torch.stack([torch.zeros_like(moving), moving], dim=1)


def test_steady_motion_has_no_acceleration_and_a_parabola_a_constant_one():
    assert acceleration_mm(track(6, 0.0)).abs().max() < 1e-9
    assert acceleration_mm(track(6, 0.004)).tolist() == pytest.approx([2.0] * 4)  # 4 mm / frame^2 and 0: mean 2


def test_the_frame_rate_gives_millimetres_per_second_squared():
    assert acceleration_mm(track(3, 0.004), frame_rate_hz=25.0).item() == pytest.approx(2 * 25**2)


def test_the_error_is_the_mean_length_of_the_difference():
    assert acceleration_error_mm(track(5, 0.003), track(5, 0.007)).tolist() == pytest.approx([2.0] * 3)
    shifted = track(5, 0.007) + torch.tensor([3.0, 0, 1])
    assert acceleration_error_mm(shifted, track(5, 0.007)).abs().max() < 1e-9


def test_a_missing_frame_costs_the_three_values_that_need_it():
    valid = torch.tensor([True, True, True, False, True, True, True])
    found = acceleration_mm(track(7, 0.002), valid)
    assert found.isnan().tolist() == [False, True, True, True, False]


def test_two_frames_have_no_acceleration():
    assert acceleration_mm(track(2, 1.0)).shape == (0,)


def test_batches_equal_single_tracks():
    both = torch.stack([track(5, 0.001), track(5, 0.009)])
    assert torch.equal(acceleration_mm(both)[1], acceleration_mm(track(5, 0.009)))
