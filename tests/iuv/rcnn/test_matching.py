"""Matching of anchors and proposals with people, against a twin that goes through all pairs."""

import pytest
import torch

from meshrec.iuv.rcnn.matching import (
    BACKGROUND,
    IGNORED,
    PERSON,
    ImageTruth,
    image_truths,
    match_boxes,
    paired_iou,
    share_inside,
)
from meshrec.structures import SceneBatch


def random_boxes(count, seed, side=40.0):
    corner, size = torch.rand(2, count, 2, generator=torch.Generator().manual_seed(seed)) * side
    return torch.cat([corner, corner + size + 1], 1)


def truth(boxes, crowds=(), everyone=True):
    boxes, crowds = (torch.as_tensor(group, dtype=torch.float32).reshape(-1, 4) for group in (boxes, crowds))
    return ImageTruth(boxes, torch.arange(len(boxes)), crowds, everyone)


def common(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    return max(0.0, width) * max(0.0, height)


def area(box):
    return (box[2] - box[0]) * (box[3] - box[1])


def slow_match(boxes, known, low, high, keep_best):
    """The rule, one box after the other."""
    boxes, people, crowds = boxes.tolist(), known.boxes_xyxy_px.tolist(), known.crowds_xyxy_px.tolist()
    iou = [[common(a, b) / (area(a) + area(b) - common(a, b)) for b in people] for a in boxes]
    labels, places = [], []
    for number, box in enumerate(boxes):
        best = max(iou[number], default=0.0)
        label = IGNORED if best >= low else BACKGROUND
        if any(common(box, crowd) >= 0.5 * area(box) for crowd in crowds):
            label = IGNORED
        if not known.everyone_labelled and not any(common(box, person) >= 0.5 * area(box) for person in people):
            label = IGNORED
        best_of = [max(row[person] for row in iou) for person in range(len(people))]
        if best >= high or keep_best and any(iou[number][p] == best_of[p] > 0 for p in range(len(people))):
            label = PERSON
        labels.append(label)
        places.append(iou[number].index(best) if people else 0)
    return labels, places


@pytest.mark.parametrize("everyone", [True, False])
@pytest.mark.parametrize("keep_best", [True, False])
@pytest.mark.parametrize(("people", "crowds"), [(6, 2), (3, 0), (0, 2), (0, 0)])
def test_matching_equals_the_slow_twin(people, crowds, keep_best, everyone):
    boxes = random_boxes(150, 1)
    known = truth(random_boxes(people, 2), random_boxes(crowds, 3), everyone)
    matches = match_boxes(boxes, known, 0.3, 0.6, keep_best)
    labels, places = slow_match(boxes, known, 0.3, 0.6, keep_best)
    assert matches.label.tolist() == labels
    assert matches.place.tolist() == places
    if people and everyone:
        assert set(labels) == {PERSON, BACKGROUND, IGNORED}


def test_a_person_whom_no_anchor_fits_keeps_the_best_one():
    boxes = torch.tensor([[0, 0, 10, 10], [0, 0, 20, 20], [50, 50, 60, 60.0]])
    known = truth([[0, 0, 40, 40]])
    assert match_boxes(boxes, known, 0.3, 0.7).label.tolist() == [BACKGROUND] * 3
    assert match_boxes(boxes, known, 0.3, 0.7, keep_best=True).label.tolist() == [BACKGROUND, PERSON, BACKGROUND]


def test_a_person_whom_no_anchor_touches_makes_no_anchor_a_person():
    """Where the best overlap is none, detectron2's rule would call all anchors people."""
    matches = match_boxes(random_boxes(9, 4), truth([[500, 500, 510, 510]]), 0.3, 0.7, keep_best=True)
    assert matches.label.tolist() == [BACKGROUND] * 9


def test_crowds_are_ignored_and_so_is_what_lies_beside_the_labelled_people():
    boxes = torch.tensor([[0, 0, 10, 10], [32, 32, 42, 42], [80, 80, 90, 90], [30, 30, 50, 50.0]])
    person, crowd = [[30, 30, 50, 50]], [[0, 0, 12, 12]]
    assert match_boxes(boxes, truth(person, crowd), 0.3, 0.7).label.tolist() == [
        IGNORED,
        BACKGROUND,
        BACKGROUND,
        PERSON,
    ]
    unlabelled = match_boxes(boxes, truth(person, crowd, everyone=False), 0.3, 0.7)
    assert unlabelled.label.tolist() == [IGNORED, BACKGROUND, IGNORED, PERSON]


def test_paired_overlap_and_share_agree_with_hand_computed_numbers():
    boxes = torch.tensor([[0, 0, 4, 2], [0, 0, 4, 2.0]])
    others = torch.tensor([[2, 0, 6, 2], [9, 9, 10, 10.0]])
    assert paired_iou(boxes, others).tolist() == pytest.approx([4 / 12, 0.0])
    assert share_inside(boxes[:1], others).tolist() == [0.5]
    assert share_inside(boxes, others[:0]).tolist() == [0.0, 0.0]


def test_truth_is_told_apart_by_picture():
    batch = SceneBatch.without_people(torch.zeros(3, 3, 8, 8), torch.full((3, 2), 8))
    flags = torch.tensor([False, True, False, False])
    batch = batch.replace(
        everyone_labelled=torch.tensor([True, True, False]),
        image_index=torch.tensor([0, 0, 2, 2]),
        boxes_xyxy_px=torch.arange(16.0).reshape(4, 4),
        is_crowd=flags,
        has_mask=~flags,
        has_iuv=~flags,
        keypoints_px=None,
        keypoint_confidence=None,
    )
    first, second, third = image_truths(batch)
    assert (first.people.tolist(), first.crowds_xyxy_px.tolist()) == ([0], [[4, 5, 6, 7]])
    assert (len(second.people), second.everyone_labelled) == (0, True)
    assert (third.people.tolist(), third.everyone_labelled) == ([2, 3], False)
    assert torch.equal(third.boxes_xyxy_px, batch.boxes_xyxy_px[2:])
