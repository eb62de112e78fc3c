"""Mask figures from counted pixels."""

import pytest
import torch

from meshrec.metrics.masks import mask_accuracy, mask_f1, mask_iou, mask_precision, mask_recall


def masks():
    """Of 16 pixels: 8 predicted, 4 of them right, 6 true; the second person is empty on both sides."""
    predicted, target = torch.zeros(2, 4, 4, dtype=torch.bool), torch.zeros(2, 4, 4, dtype=torch.bool)
    predicted[0, :2], target[0, 1], target[0, 3, :2] = True, True, True
    return predicted, target


@pytest.mark.parametrize(("figure", "expected"), [
    (mask_iou, 4 / 10), (mask_precision, 4 / 8), (mask_recall, 4 / 6), (mask_f1, 8 / 14), (mask_accuracy, 10 / 16),
])  # fmt: skip
def test_figures_are_shares_of_counted_pixels(figure, expected):
    assert figure(*masks())[0].item() == pytest.approx(expected)


def test_empty_masks_have_no_figure_but_agree():
    for figure in (mask_iou, mask_precision, mask_recall, mask_f1):
        assert figure(*masks())[1].isnan()
    assert mask_accuracy(*masks())[1] == 1


def test_f1_is_the_harmonic_mean_of_precision_and_recall():
    precision, recall = mask_precision(*masks())[0], mask_recall(*masks())[0]
    assert mask_f1(*masks())[0].item() == pytest.approx(float(2 * precision * recall / (precision + recall)))
