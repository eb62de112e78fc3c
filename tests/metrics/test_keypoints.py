"""Shares of right keypoints against values worked out by hand; scaling the whole picture changes none of them."""

import math

import pytest
import torch

from meshrec.metrics.keypoints import (
    LIMBS,
    PCKH_SHARE,
    correct_keypoints,
    correct_parts,
    detection_curve,
    head_box_length_px,
    head_length_px,
    limb_indices,
    torso_diameter_px,
    torso_length_px,
)
from meshrec.structures import BODY30, COCO17, LSP14

ALL = torch.ones(1, len(LSP14))


def lsp_person(**places):
    """Joints of LSP at the origin but for some."""
    joints = torch.zeros(1, len(LSP14), 2)
    for name, place in places.items():
        joints[0, LSP14.index(name)] = torch.tensor(place)
    return joints


def test_keypoints_within_a_share_of_the_reference_are_correct_and_invalid_ones_do_not_count():
    target = torch.zeros(1, 4, 2)
    predicted = torch.tensor([[[0.0, 19.9], [20.1, 0], [0, 0], [500, 0]]])
    valid = torch.tensor([[True, True, True, False]])
    hits = correct_keypoints(predicted, target, valid, torch.tensor([100.0]))
    assert hits[0, :3].tolist() == [1, 0, 1] and hits.nanmean().item() == pytest.approx(2 / 3)


@pytest.mark.parametrize("reference", [math.nan, 0.0])
def test_without_a_reference_length_nothing_counts(reference):
    hits = correct_keypoints(torch.zeros(1, 2, 2), torch.zeros(1, 2, 2), torch.ones(1, 2), torch.tensor([reference]))
    assert hits.isnan().all()


def test_the_torso_is_measured_between_the_middles_and_its_diameter_across():
    joints = lsp_person(
        left_shoulder=(30.0, 0.0), right_shoulder=(-30.0, 0.0), left_hip=(20.0, 40.0), right_hip=(-20.0, 80.0)
    )
    assert torso_length_px(joints, ALL, LSP14).item() == pytest.approx(60)
    assert torso_diameter_px(joints, ALL, LSP14).item() == pytest.approx(math.hypot(50, 80))
    hidden = ALL.clone()
    hidden[0, LSP14.index("right_hip")] = 0
    assert (
        torso_length_px(joints, hidden, LSP14).isnan().all() and torso_diameter_px(joints, hidden, LSP14).isnan().all()
    )


def test_the_head_is_a_box_where_there_is_one_and_neck_to_crown_otherwise():
    assert head_box_length_px(torch.tensor([[7.0, 9.0, 30.0, 40.0]])).item() == pytest.approx(30)  # 0.6 * 50
    joints = lsp_person(neck=(0.0, 50.0), head_top=(0.0, 20.0))
    assert head_length_px(joints, ALL, LSP14).item() == pytest.approx(30)
    coco = torch.zeros(1, len(COCO17), 2)
    assert head_length_px(coco, torch.ones(1, len(COCO17)), COCO17).isnan().all()  # has no crown: never guessed


def test_pckh_takes_half_the_head():
    target = torch.zeros(1, 2, 2)
    predicted = torch.tensor([[[14.9, 0.0], [15.1, 0.0]]])
    hits = correct_keypoints(predicted, target, torch.ones(1, 2), torch.tensor([30.0]), PCKH_SHARE)
    assert hits[0].tolist() == [1, 0]


def test_strict_pcp_wants_both_ends_within_half_the_limb():
    target = torch.tensor([[[0.0, 0], [100, 0], [0, 100]]])
    predicted = target + torch.tensor([[[0.0, 49], [0, 50], [51, 0]]])
    limbs = [(0, 1), (0, 2), (1, 1)]
    valid = torch.ones(1, 3)
    parts = correct_parts(predicted, target, valid, limbs)[0]
    # The loose definition would accept the second limb: (49 + 51) / 2 = 50.
    assert parts[:2].tolist() == [1, 0] and parts[2].isnan()  # the third has no length
    valid[0, 2] = 0
    assert correct_parts(predicted, target, valid, limbs)[0, 1].isnan()


def test_every_limb_is_a_limb_of_the_sets_that_have_both_ends():
    assert len(limb_indices(LSP14)) == len(limb_indices(BODY30)) == len(LIMBS)
    assert len(limb_indices(COCO17)) == len(LIMBS) - 1  # no neck, no crown
    assert [(COCO17.names[a], COCO17.names[b]) for a, b in limb_indices(COCO17)][0] == ("left_shoulder", "left_elbow")


def test_the_pdj_curve_rises_with_the_share_of_the_torso():
    target = torch.zeros(1, 3, 2)
    predicted = torch.tensor([[[4.0, 0], [19.0, 0], [60.0, 0]]])
    curve = detection_curve(predicted, target, torch.ones(1, 3), torch.tensor([100.0]), (0.05, 0.2, 0.5))
    assert curve.nanmean((1, 2)).tolist() == pytest.approx([1 / 3, 2 / 3, 2 / 3])


def test_no_share_changes_when_the_picture_is_scaled():
    generator = torch.Generator().manual_seed(3)
    target = 200 * torch.rand(4, len(LSP14), 2, generator=generator)
    predicted = target + 30 * torch.randn(4, len(LSP14), 2, generator=generator)
    valid = torch.rand(4, len(LSP14), generator=generator) > 0.1

    def shares(scale):
        found, truth = scale * predicted, scale * target
        diameter = torso_diameter_px(truth, valid, LSP14)
        return torch.cat(
            [
                correct_keypoints(found, truth, valid, torso_length_px(truth, valid, LSP14)),
                correct_keypoints(found, truth, valid, head_length_px(truth, valid, LSP14), 0.5),
                correct_parts(found, truth, valid, limb_indices(LSP14)),
                *detection_curve(found, truth, valid, diameter),
            ],
            dim=1,
        )

    assert torch.equal(shares(1.0).nan_to_num(-1), shares(4.0).nan_to_num(-1))
    assert 0.1 < shares(1.0).nanmean() < 0.9
