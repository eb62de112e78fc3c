"""Our matching of anchors and our box losses against detectron2's, where both have the same rule.

Skipped where detectron2 cannot be imported. Crowds and pictures with unlabelled people, which detectron2 does not tell
apart, are left out here.
"""

import pytest
import torch

from meshrec.iuv.rcnn.boxes import encode_boxes
from meshrec.iuv.rcnn.matching import PERSON, ImageTruth, match_boxes
from meshrec.losses.detection import box_loss

pytest.importorskip("detectron2", reason="detectron2 is needed to compare with it")

ANCHORS, PEOPLE = 400, 7


@pytest.fixture(scope="module")
def boxes():
    """Anchors around people and elsewhere, and the people."""
    generator = torch.Generator().manual_seed(0)
    corner, size = torch.rand(2, ANCHORS, 2, generator=generator) * 100
    anchors = torch.cat([corner, corner + size + 4], 1)
    people = anchors[:PEOPLE] + 6 * torch.randn(PEOPLE, 4, generator=generator).clamp(-0.3, 0.3)
    return anchors, people


def matched(anchors, people, keep_best):
    truth = ImageTruth(people, torch.arange(PEOPLE), torch.zeros(0, 4), everyone_labelled=True)
    return match_boxes(anchors, truth, 0.3, 0.7, keep_best)


@pytest.mark.parametrize("keep_best", [True, False])
def test_matching_equals_that_of_detectron2(boxes, keep_best):
    from detectron2.modeling.matcher import Matcher
    from detectron2.structures import Boxes, pairwise_iou

    anchors, people = boxes
    theirs = Matcher([0.3, 0.7], [0, -1, 1], allow_low_quality_matches=keep_best)
    place, label = theirs(pairwise_iou(Boxes(people), Boxes(anchors)))
    ours = matched(anchors, people, keep_best)
    assert torch.equal(ours.label, label.long()) and torch.equal(ours.place, place)
    assert len(label.unique()) == 3


@pytest.mark.parametrize("knee", [0.0, 0.5])
def test_box_losses_equal_those_of_detectron2(boxes, knee):
    from detectron2.modeling.box_regression import Box2BoxTransform, _dense_box_regression_loss

    anchors, people = boxes
    ours, weights = matched(anchors, people, keep_best=True), (10.0, 10.0, 5.0, 5.0)
    deltas = torch.randn(ANCHORS, 4, generator=torch.Generator().manual_seed(1))
    is_person, true = ours.label == PERSON, people[ours.place]
    total = _dense_box_regression_loss(
        [anchors], Box2BoxTransform(weights), [deltas[None]], [true], is_person[None], smooth_l1_beta=knee
    )
    loss = box_loss(deltas, encode_boxes(anchors, true, weights), is_person, knee)
    assert float(loss) == pytest.approx(float(total) / ANCHORS, rel=1e-5) and int(is_person.sum()) > PEOPLE
