import math

import torch

from meshrec.iuv.rcnn.box_head import BoxHead, best_people
from tests.reference import detection_loops

WEIGHTS = (10.0, 10.0, 5.0, 5.0)
SIZE = torch.tensor([100, 120])


def test_people_agree_with_one_box_at_a_time():
    random = torch.Generator().manual_seed(0)
    corners = torch.rand((80, 2), generator=random) * 80
    proposals = torch.cat([corners, corners + 10 + torch.rand((80, 2), generator=random) * 30], 1)
    logits, deltas = torch.randn((80, 2), generator=random) * 2, torch.randn((80, 4), generator=random)
    got = best_people(proposals, logits, deltas, SIZE, WEIGHTS, 0.3, 0.5, 12)
    scores = [1 / (1 + math.exp(background - person)) for person, background in logits.tolist()]
    boxes = [detection_loops.decode(*pair, WEIGHTS) for pair in zip(proposals.tolist(), deltas.tolist())]
    boxes = [[min(max(edge, 0.0), limit) for edge, limit in zip(box, (120, 100, 120, 100))] for box in boxes]
    sure = [i for i in range(80) if scores[i] > 0.3]
    kept = detection_loops.suppressed([boxes[i] for i in sure], [scores[i] for i in sure], 0.5)
    assert 12 < len(kept) < len(sure) < 80  # each of the three choices has something to choose from
    kept = [sure[i] for i in kept[:12]]
    torch.testing.assert_close(got.boxes_xyxy_px, torch.tensor([boxes[i] for i in kept]))
    torch.testing.assert_close(got.scores, torch.tensor([scores[i] for i in kept]))


def test_the_first_class_is_the_person():
    box = torch.tensor([[10.0, 10.0, 50.0, 90.0]])
    arguments = (torch.zeros(1, 4), SIZE, WEIGHTS, 0.05, 0.5, 100)
    assert len(best_people(box, torch.tensor([[5.0, -5.0]]), *arguments)) == 1
    assert len(best_people(box, torch.tensor([[-5.0, 5.0]]), *arguments)) == 0


def test_pooled_features_are_read_channel_by_channel_and_row_by_row():
    head = BoxHead(2, 3, 4)
    pooled = torch.zeros(1, 2, 3, 3)
    pooled[0, 1, 2, 0] = 1.0
    with torch.no_grad():
        head.hidden[0].weight.zero_()[0, 1 * 9 + 2 * 3 + 0] = 1.0
        head.hidden[0].bias.zero_()
        head.hidden[1].weight.copy_(torch.eye(4))
        head.hidden[1].bias.zero_()
        head.logits.weight.copy_(torch.eye(4)[:2])
        logits, deltas = head(pooled)
    assert logits.tolist() == [[1.0, 0.0]] and deltas.shape == (1, 4)
