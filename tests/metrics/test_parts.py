"""Confusion matrices from counted pixels, their figures by hand, and the part groups by their names."""

import pytest
import torch

from meshrec.metrics.parts import (
    DENSEPOSE14_OF_PART,
    LSP6_OF_PART,
    confusion_matrix,
    segmentation_scores,
)
from meshrec.uv.parts import PART_NAMES


def labels():
    target = torch.tensor([[[0, 0, 1, 1], [2, 2, 2, 0]]])
    predicted = torch.tensor([[[0, 1, 1, 1], [2, 2, 0, 0]]])
    return predicted, target


def test_rows_are_true_classes_and_columns_predicted_ones():
    assert confusion_matrix(*labels(), 3)[0].tolist() == [[2, 1, 0], [0, 2, 0], [1, 0, 2]]


def test_unknown_pixels_do_not_count_whatever_their_class():
    predicted, target = labels()
    target[0, 0, 1] = 255
    known = target != 255
    assert confusion_matrix(predicted, target, 3, known)[0].tolist() == [[2, 0, 0], [0, 2, 0], [1, 0, 2]]
    with pytest.raises(ValueError, match="target has classes outside 0 to 2"):
        confusion_matrix(predicted, target, 3)


def test_each_person_has_an_own_matrix_and_sums_of_them_pool_the_pixels():
    predicted, target = (torch.cat([value, 2 - value]) for value in labels())
    both = confusion_matrix(predicted, target, 3)
    assert torch.equal(both[:1], confusion_matrix(*labels(), 3)) and both.sum() == 16 and not torch.equal(*both)


def test_scores_are_shares_of_the_matrix():
    scores = segmentation_scores(confusion_matrix(*labels(), 3)[0])
    assert scores.accuracy == pytest.approx(6 / 8)
    assert scores.f1.tolist() == pytest.approx([2 * 2 / (3 + 3), 2 * 2 / (3 + 2), 2 * 2 / (2 + 3)])
    assert scores.iou.tolist() == pytest.approx([2 / 4, 2 / 3, 2 / 3])
    assert scores.mean_f1 == pytest.approx((2 / 3 + 4 / 5 + 4 / 5) / 3)
    assert scores.mean_iou == pytest.approx((1 / 2 + 2 / 3 + 2 / 3) / 3)


def test_a_class_that_neither_side_has_does_not_enter_the_mean():
    matrix = torch.zeros(4, 4, dtype=torch.long)
    matrix[:3, :3] = confusion_matrix(*labels(), 3)[0]
    assert segmentation_scores(matrix).f1[3].isnan()
    assert segmentation_scores(matrix).mean_f1 == segmentation_scores(matrix[:3, :3]).mean_f1
    assert str(segmentation_scores(torch.zeros(2, 2)).accuracy) == "nan"


def test_two_classes_are_the_foreground_protocol():
    predicted, target = (value > 0 for value in labels())
    # Foreground: 4 right of 5 predicted and 5 true; background: 2 right of 3 and 3.
    scores = segmentation_scores(confusion_matrix(predicted, target, 2)[0])
    assert scores.accuracy == pytest.approx(6 / 8) and scores.mean_f1 == pytest.approx((8 / 10 + 4 / 6) / 2)


LSP6_NAMES = ("background", "head", "torso", "left arm", "right arm", "left leg", "right leg")


@pytest.mark.parametrize("part", range(25))
def test_groups_follow_the_names_of_the_parts(part):
    name = PART_NAMES[part]
    group = LSP6_NAMES[LSP6_OF_PART[part]]
    limb = {"arm": ("arm", "hand"), "leg": ("leg", "foot")}.get(group.split()[-1], (group,))
    assert any(word in name for word in limb)
    if group.split()[-1] in ("arm", "leg"):
        assert name.startswith(group.split()[0])
    same = {
        PART_NAMES[other].removesuffix(" back").removesuffix(" front")
        for other in range(25)
        if DENSEPOSE14_OF_PART[other] == DENSEPOSE14_OF_PART[part]
    }
    assert len(same) == 1 or same == {"head left", "head right"}
