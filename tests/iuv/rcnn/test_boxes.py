import math

import torch

from meshrec.iuv.rcnn.boxes import clip_boxes, decode_boxes, encode_boxes, not_empty
from tests.reference import detection_loops

WEIGHTS = (10.0, 10.0, 5.0, 5.0)


def some_boxes(count: int, seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    corners = torch.rand((count, 2), generator=random, dtype=torch.float64) * 100
    return torch.cat([corners, corners + 1 + torch.rand((count, 2), generator=random, dtype=torch.float64) * 50], 1)


def test_a_box_moves_by_shares_of_its_size_and_grows_by_exponents():
    box = torch.tensor([[10.0, 20.0, 30.0, 60.0]])  # 20 wide, 40 high, around (20, 40)
    deltas = torch.tensor([[5.0, -2.5, 5 * math.log(2), 0.0]])
    # Centre to (20 + 10, 40 - 10); width 40.
    torch.testing.assert_close(decode_boxes(box, deltas, WEIGHTS), torch.tensor([[10.0, 10.0, 50.0, 50.0]]))


def test_decoding_agrees_with_one_box_at_a_time():
    boxes = some_boxes(50)
    deltas = torch.randn((50, 4), generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 20
    slow = [detection_loops.decode(box, delta, WEIGHTS) for box, delta in zip(boxes.tolist(), deltas.tolist())]
    assert (deltas[:, 2:] / 5 > math.log(1000 / 16)).any()  # some meet the limit of growth
    torch.testing.assert_close(decode_boxes(boxes, deltas, WEIGHTS), torch.tensor(slow, dtype=torch.float64))


def test_encoding_is_undone_by_decoding():
    boxes, targets = some_boxes(20), some_boxes(20, seed=2)
    deltas = encode_boxes(boxes, targets, WEIGHTS)
    assert deltas.abs().min() > 1e-3
    torch.testing.assert_close(decode_boxes(boxes, deltas, WEIGHTS), targets)


def test_half_precision_deltas_give_boxes_in_single_precision():
    boxes = torch.tensor([[1000.0, 1000.0, 1001.0, 1003.0]])
    decoded = decode_boxes(boxes, torch.zeros(1, 4, dtype=torch.bfloat16))
    assert decoded.dtype == torch.float32 and torch.equal(decoded, boxes)


def test_clipping_keeps_to_width_and_height_of_the_image():
    boxes = torch.tensor([[-5.0, -6.0, 700.0, 500.0], [10.0, 20.0, 30.0, 40.0], [650.0, 0.0, 660.0, 9.0]])
    clipped = clip_boxes(boxes, torch.tensor([480, 640]))
    assert clipped.tolist() == [[0.0, 0.0, 640.0, 480.0], [10.0, 20.0, 30.0, 40.0], [640.0, 0.0, 640.0, 9.0]]
    assert not_empty(clipped).tolist() == [True, True, False]
