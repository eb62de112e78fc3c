"""Vertex errors against values worked out by hand."""

import math

import pytest
import torch

from meshrec.geometry.rotations import axis_angle_to_matrix
from meshrec.metrics.vertices import pa_pve_mm, pve_mm


def test_pve_moves_the_given_roots_together():
    target = torch.zeros(1, 4, 3)
    predicted = torch.full((1, 4, 3), 0.01)
    assert pve_mm(predicted, target, torch.full((1, 3), 0.01), torch.zeros(1, 3)).item() == pytest.approx(0, abs=1e-4)
    assert pve_mm(predicted, target, torch.zeros(1, 3), torch.zeros(1, 3)).item() == pytest.approx(
        10 * math.sqrt(3), abs=1e-3
    )


def test_pa_pve_ignores_similarities():
    target = torch.rand(2, 30, 3, generator=torch.Generator().manual_seed(1))
    turned = 1.3 * target @ axis_angle_to_matrix(torch.tensor([0.3, 1.0, -0.2])).T + 2
    assert pa_pve_mm(turned, target).max() < 0.01
    turned[:, 0] += 0.5
    assert pa_pve_mm(turned, target).min() > 5
