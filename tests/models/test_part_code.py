import pytest
import torch

from meshrec.models.part_code import PartCode, part_boxes_uv
from tests.support.small_atlas import part_boxes


def one_hot_logits(part):
    return 10.0 * torch.nn.functional.one_hot(part, 25).permute(0, 3, 1, 2).float()


def spread_over_parts(residual):
    """The residual in every part's channels."""
    return residual.repeat(1, 24, 1, 1)


def test_decoding_what_was_encoded_gives_the_coordinates():
    code = PartCode(*part_boxes())
    uv, part = torch.rand(2, 2, 8, 8), torch.randint(1, 25, (2, 8, 8))
    residual = code.encode(uv, part)
    torch.testing.assert_close(code.decode(one_hot_logits(part), spread_over_parts(residual)), uv)


def test_only_the_winning_part_gets_a_gradient():
    code = PartCode(*part_boxes())
    part = torch.full((1, 2, 2), 7)
    residual = torch.zeros(1, 48, 2, 2, requires_grad=True)
    code.decode(one_hot_logits(part), residual).sum().backward()
    per_part = residual.grad.unflatten(1, (24, 2)).abs().sum(dim=(0, 2, 3, 4))
    assert per_part[6] > 0
    assert per_part.sum() == per_part[6]


def test_background_is_never_decoded():
    code = PartCode(*part_boxes())
    logits = torch.zeros(1, 25, 1, 1)
    logits[:, 0], logits[:, 3] = 9.0, 1.0
    torch.testing.assert_close(code.decode(logits, torch.zeros(1, 48, 1, 1))[0, :, 0, 0], part_boxes()[0][2])


def test_decoded_coordinates_stay_on_the_atlas():
    code = PartCode(*part_boxes())
    uv = code.decode(torch.randn(1, 25, 4, 4), 50 * torch.randn(1, 48, 4, 4))
    assert uv.min() >= 0
    assert uv.max() <= 1


def test_part_boxes_contain_their_faces():
    corners, part = torch.rand(100, 3, 2), torch.arange(100) % 24 + 1
    centres, extents = part_boxes_uv(corners, part)
    inside = (corners - centres[part - 1][:, None]).abs() / extents[part - 1][:, None]
    assert inside.max() <= 1 + 1e-5
    assert inside.max() > 1 - 1e-5


def test_a_part_without_faces_is_reported():
    with pytest.raises(ValueError, match="Part 24"):
        part_boxes_uv(torch.rand(23, 3, 2), torch.arange(23) + 1)
