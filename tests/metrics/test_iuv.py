"""Correspondence errors by hand, and DensePose's similarity from given distances."""

import math

import pytest
import torch

from meshrec.metrics.iuv import (
    geodesic_point_similarity,
    masked_similarity,
    part_normalisers_m,
    uv_error,
)


def test_uv_error_looks_at_visible_pixels_only():
    target = torch.zeros(1, 2, 2, 2)
    predicted = target.clone()
    predicted[0, :, 0, 0], predicted[0, 0, 1, 1] = torch.tensor([0.3, 0.4]), 9.0
    visible = torch.tensor([[[True, True], [False, False]]])
    assert uv_error(predicted, target, visible).item() == pytest.approx(0.25)
    assert uv_error(predicted, target, torch.zeros(1, 2, 2)).isnan().all()


def test_the_similarity_is_a_bell_of_the_distance_and_nothing_predicted_is_zero():
    distance = torch.tensor([[0.0, 0.255, math.inf, 0.1]])
    annotated = torch.tensor([[True, True, True, False]])
    expected = (1 + math.exp(-0.5) + 0) / 3
    assert geodesic_point_similarity(distance, annotated).item() == pytest.approx(expected, abs=1e-6)
    # The paper chose the normaliser such that 0.3 m is half right.
    assert geodesic_point_similarity(torch.tensor([[0.3]]), torch.ones(1, 1)).item() == pytest.approx(0.5, abs=1e-3)
    assert geodesic_point_similarity(distance, torch.zeros(1, 4)).isnan().all()


def test_parts_have_their_own_normaliser():
    part = torch.tensor([[2, 3, 24]])
    assert part_normalisers_m(part)[0].tolist() == pytest.approx([0.351, 0.107, 0.150])
    found = geodesic_point_similarity(torch.full((1, 3), 0.1), torch.ones(1, 3), part_normalisers_m(part))
    assert found.item() == pytest.approx(sum(math.exp(-0.005 / k**2) for k in (0.351, 0.107, 0.150)) / 3, abs=1e-6)
    assert part_normalisers_m(torch.tensor(0)).isnan() and not part_normalisers_m(torch.arange(1, 25)).isnan().any()


def test_masks_enter_by_the_geometric_mean():
    assert masked_similarity(torch.tensor([0.9]), torch.tensor([0.4])).item() == pytest.approx(0.6)
