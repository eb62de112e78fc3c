"""Sampling of anchors and proposals: counts, balance, chance, and which person a proposal stands for."""

import pytest
import torch

from meshrec.iuv.rcnn.matching import BACKGROUND, IGNORED, PERSON, ImageTruth
from meshrec.iuv.rcnn.sampling import Balance, sample_labels, sample_rois


def labels(people, background, ignored):
    kinds = torch.tensor([PERSON] * people + [BACKGROUND] * background + [IGNORED] * ignored)
    return kinds[torch.randperm(len(kinds), generator=torch.Generator().manual_seed(people))]


@pytest.mark.parametrize(
    ("people", "background", "expected"), [(50, 50, (8, 8)), (3, 50, (3, 13)), (50, 2, (8, 2)), (0, 0, (0, 0))]
)
def test_people_take_their_share_at_most_and_background_fills_the_rest(people, background, expected):
    label = labels(people, background, 30)
    chosen = sample_labels(label, Balance(16, 0.5))
    assert len(set(chosen.tolist())) == len(chosen), "nothing is drawn twice"
    assert label[chosen].tolist() == [PERSON] * expected[0] + [BACKGROUND] * expected[1]


def test_every_candidate_is_drawn_equally_often_and_the_same_seed_draws_the_same():
    label, generator = labels(20, 20, 20), torch.Generator().manual_seed(0)
    drawn = torch.zeros(60)
    for _ in range(2000):
        drawn[sample_labels(label, Balance(10, 0.5), generator)] += 1
    candidates = drawn[label != IGNORED]
    assert drawn[label == IGNORED].sum() == 0
    assert candidates.min() > 400 and candidates.max() < 600  # 500 expected, deviation 19
    one, other = (sample_labels(label, Balance(10, 0.5), torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(one, other)


def picture(boxes, people):
    return ImageTruth(torch.tensor(boxes).reshape(-1, 4), torch.tensor(people).long(), torch.zeros(0, 4), True)


def test_proposals_stand_for_people_of_their_own_picture_and_true_boxes_join_them():
    truths = [picture([[0.0, 0, 10, 10], [40, 40, 60, 60]], [3, 4]), picture([], []), picture([[0.0, 0, 20, 20]], [7])]
    proposals = [
        torch.tensor([[41.0, 40, 60, 60], [80, 80, 90, 90]]),
        torch.tensor([[0.0, 0, 10, 10]]),
        torch.zeros(0, 4),
    ]
    rois = sample_rois(proposals, truths, Balance(8, 1.0))
    assert len(rois) == 6
    assert [len(boxes) for boxes in rois.boxes_of_images(3)] == [4, 1, 1]
    assert torch.equal(torch.cat(rois.boxes_of_images(3)), rois.boxes_xyxy_px)
    found = {tuple(box): person for box, person in zip(rois.boxes_xyxy_px.tolist(), rois.person.tolist())}
    assert found[41, 40, 60, 60] == found[40, 40, 60, 60] == 4 and found[0, 0, 20, 20] == 7
    assert rois.is_person.tolist() == [True, True, True, False, False, True]
    assert rois[rois.is_person].person.sort().values.tolist() == [3, 4, 4, 7]


def test_impossible_balances_are_refused():
    with pytest.raises(ValueError, match="count must be positive"):
        Balance(0, 0.5)
    with pytest.raises(ValueError, match="person_share"):
        Balance(4, 0.0)
