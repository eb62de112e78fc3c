"""The rule of good fits, and the figures of what it keeps."""

import numpy as np
import pytest

from meshrec.data.annotations import Annotations
from meshrec.errors import InvalidInput
from meshrec.fit_job.rule import FitRule
from meshrec.fit_job.summary import fit_figures, fit_table

RULE = FitRule(error=0.02, energy=50.0, joints=8)


def people_with(errors, energies, joints):
    confidence = np.zeros((len(errors), 30))
    for row, count in enumerate(joints):
        confidence[row, :count] = 0.5
    return Annotations.of(["a.png"] * len(errors), [[0, 0, 9, 9]] * len(errors), joint_confidence=confidence,
                          fit_error=errors, fit_energy=energies, fitted_by="somebody; kept: some")  # fmt: skip


def test_a_fit_is_kept_if_it_is_close_and_likely_and_explains_enough_joints():
    people = people_with([0.02, 0.021, 0.01, 0.01, -1, 0], [50, 0, 51, 0, 0, -9], [8, 20, 20, 7, 20, 9])
    assert RULE.keeps(people).tolist() == [True, False, False, False, False, True]


def test_a_fit_that_swapped_labels_would_improve_is_not_kept():
    people = people_with([0.01] * 3, [0] * 3, [9] * 3).replace(fit_swap_gain=[-20, 5, 5.1])
    assert RULE.keeps(people).tolist() == [True, True, False]


def test_the_words_state_the_rule():
    assert RULE.words == (
        "error at most 0.02 of the person's crop, prior energy at most 50, at least 8 labelled joints, "
        "gain of swapped limbs at most 5"
    )


def test_rules_that_cannot_be_are_refused():
    with pytest.raises(InvalidInput, match="must be positive, got 0"):
        FitRule(error=0)
    with pytest.raises(InvalidInput, match="at least 6 labelled joints, got 3"):
        FitRule(joints=3)


def test_figures_count_people_fits_and_kept_ones():
    people = people_with([0.01, 0.03, 0.02, -1, -1], [10, 20, 30, 0, 0], [9, 9, 9, 9, 2])
    people = people.replace(fit_kept=[True, False, True, False, False])
    figures = fit_figures(people)
    assert [figures[name] for name in ("people", "with_joints", "fitted", "kept")] == [5, 4, 3, 2]
    assert figures["error_median"] == pytest.approx(0.02) and figures["error_kept_px"] == pytest.approx(224 * 0.015)
    assert figures["energy_kept"] == 20 and "kept_share" not in fit_figures(people_with([-1], [0], [9]))
    assert fit_figures(people, [0.5, 0.7])["mask_iou_kept"] == pytest.approx(0.6)
    text = fit_table("pack", people, figures)
    assert "(kept: some)" in text and "kept                     2" in text
