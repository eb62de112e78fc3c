"""Means, errors and paired differences against hand-computed ones."""

import math

import pytest

from meshrec.ablation.comparison import Estimate, compare


def test_an_estimate_is_the_mean_with_its_standard_error():
    estimate = Estimate.of({1: 10.0, 2: 14.0, 3: 12.0})
    assert estimate.mean == 12 and estimate.error == pytest.approx(2 / math.sqrt(3))  # deviation 2 of three values
    assert str(estimate) == "12.0 ± 1.2"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, "—"),
        ({1: 3.14159}, "3.142"),
        ({1: math.nan, 2: 5.0}, "5"),
        ({1: 200.0, 2: 300.0}, "250 ± 50"),
        ({1: 0.5, 2: 0.502}, "0.5010 ± 0.0010"),
        ({1: 1.0, 2: 1.0}, "1.000 ± 0.000"),
    ],
)
def test_figures_are_rounded_by_their_error(values, text):
    assert str(Estimate.of(values)) == text


def test_differences_are_paired_by_seed():
    """Seeds differ by 100, variants by 2: unpaired that would drown."""
    figures = {
        "baseline": {1: {"pve": 100.0}, 2: {"pve": 200.0}, 3: {"pve": 300.0}},
        "better": {3: {"pve": 297.0}, 1: {"pve": 99.0}, 2: {"pve": 198.0}, 4: {"pve": 1000.0}},
    }
    baseline, better = compare(figures)
    assert baseline.differences["pve"].mean == 0 == baseline.differences["pve"].error
    difference = better.differences["pve"]
    assert difference.values == {1: -1.0, 2: -2.0, 3: -3.0}
    assert difference.mean == -2 and difference.error == pytest.approx(1 / math.sqrt(3))
    assert better.means["pve"].error > 100


def test_a_figure_or_a_run_that_is_missing_is_left_out():
    baseline, other = compare({"baseline": {1: {"pve": 1.0}}, "other": {1: {"pve": 2.0, "pck": 0.5}, 2: {"pve": 3.0}}})
    assert other.differences["pve"].values == {1: 1.0} and "pck" not in other.differences
    assert other.means["pck"].values == {1: 0.5}
    assert compare({"baseline": {}, "other": {1: {"pve": 2.0}}})[1].differences == {}
