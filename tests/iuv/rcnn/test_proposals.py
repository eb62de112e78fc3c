import torch

from meshrec.iuv.rcnn.anchors import Anchors
from meshrec.iuv.rcnn.boxes import clip_boxes, decode_boxes
from meshrec.iuv.rcnn.proposals import RegionHead, Regions, best_regions
from tests.reference import detection_loops

SIZES = torch.tensor([[60, 80], [50, 40]])


def some_regions(images: int = 2, seed: int = 0) -> Regions:
    random = torch.Generator().manual_seed(seed)
    grids = ((8, 10), (4, 5))
    anchors = Anchors((16, 32), (0.5, 1.0, 2.0), (8, 16))([torch.zeros(1, 1, *grid) for grid in grids])
    logits = [torch.randn((images, len(part)), generator=random) for part in anchors]
    deltas = [torch.randn((images, len(part), 4), generator=random) * 0.3 for part in anchors]
    return Regions(anchors, logits, deltas)


def test_proposals_agree_with_one_box_at_a_time():
    regions, per_level, kept, limit = some_regions(), 20, 16, 0.4
    got = best_regions(regions, SIZES, per_level, kept, limit)
    for image, size in enumerate(SIZES):
        found = []
        for anchors, logits, deltas in zip(regions.anchors_xyxy_px, regions.logits, regions.deltas):
            best = sorted(range(len(anchors)), key=lambda i: -float(logits[image, i]))[:per_level]
            boxes = clip_boxes(decode_boxes(anchors[best], deltas[image, best]), size)
            usable = [i for i, box in enumerate(boxes) if box[2] > box[0] and box[3] > box[1]]
            boxes, scores = boxes[usable].tolist(), logits[image, best][usable].tolist()
            found += [(scores[i], boxes[i]) for i in detection_loops.suppressed(boxes, scores, limit)]
        slow = torch.tensor([box for _, box in sorted(found, key=lambda entry: -entry[0])[:kept]])
        assert len(found) > kept  # the best are a choice
        torch.testing.assert_close(got[image], slow)


def test_levels_do_not_suppress_each_other():
    box = torch.tensor([[0.0, 0.0, 20.0, 20.0]])
    nothing = torch.zeros(1, 1, 4)
    twice = Regions([box, box], [torch.tensor([[1.0]]), torch.tensor([[2.0]])], [nothing, nothing])
    assert len(best_regions(twice, SIZES[:1], 10, 10, 0.7)[0]) == 2
    same = Regions([torch.cat([box, box])], [torch.tensor([[1.0, 2.0]])], [nothing.expand(1, 2, 4)])
    assert len(best_regions(same, SIZES[:1], 10, 10, 0.7)[0]) == 1


def test_boxes_outside_the_image_and_broken_numbers_are_left_out():
    boxes = torch.tensor([[0.0, 0.0, 20.0, 20.0], [100.0, 0.0, 120.0, 20.0], [30.0, 0.0, 50.0, 20.0]])
    deltas = torch.zeros(1, 3, 4)
    deltas[0, 2, 0] = torch.nan
    (got,) = best_regions(Regions([boxes], [torch.zeros(1, 3)], [deltas]), SIZES[:1], 10, 10, 0.7)
    assert got.tolist() == [[0.0, 0.0, 20.0, 20.0]]


def test_outputs_of_the_head_belong_to_their_anchors():
    """A head that sees a single bright cell answers at that cell's anchors, number by number."""
    head = RegionHead(1, Anchors((16,), (0.5, 1.0), (8,)))
    with torch.no_grad():
        head.conv.weight.zero_()[0, 0, 1, 1] = 1.0
        head.logits.weight.copy_(torch.tensor([1.0, 2.0])[:, None, None, None])
        head.deltas.weight.copy_(torch.arange(8.0)[:, None, None, None])
        features = torch.zeros(1, 1, 3, 4)
        features[0, 0, 1, 2] = 1.0
        regions = head([features])
    first = 2 * (1 * 4 + 2)
    assert regions.anchors_xyxy_px[0][first + 1].tolist() == [16 - 8, 8 - 8, 16 + 8, 8 + 8]
    assert regions.logits[0][0, first : first + 2].tolist() == [1.0, 2.0]
    assert regions.deltas[0][0, first : first + 2].tolist() == [[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]]
    assert float(regions.logits[0].sum()) == 3.0
