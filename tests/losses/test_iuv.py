import math

import torch
import torch.nn.functional as F

from meshrec import losses
from meshrec.losses.iuv import at_pixel_centres
from meshrec.structures import IuvMap

ALL = torch.ones(2)


def test_mask_loss_is_cross_entropy_at_equal_size():
    logit, target = torch.randn(2, 4, 4), (torch.rand(2, 4, 4) > 0.5).float()
    probability = logit.sigmoid()
    by_hand = -(target * probability.log() + (1 - target) * (1 - probability).log()).mean()
    torch.testing.assert_close(losses.mask_loss(logit, target, ALL), by_hand)


def test_mask_loss_enlarges_the_prediction():
    logit = torch.full((2, 4, 4), 1.5)
    target = torch.zeros(2, 16, 16)
    torch.testing.assert_close(losses.mask_loss(logit, target, ALL), F.softplus(torch.tensor(1.5)))


def test_uv_loss_counts_each_person_the_same_whatever_its_size():
    uv = torch.zeros(2, 2, 4, 4)
    mask = torch.zeros(2, 8, 8)
    mask[0, :1, :1] = 1  # one pixel, off by 0.4
    mask[1, :, :] = 1  # the whole image, off by 0.1
    target = torch.full((2, 2, 8, 8), 0.1)
    target[0] = 0.4
    torch.testing.assert_close(losses.uv_loss(uv, IuvMap(mask, target), ALL), torch.tensor(0.25))


def test_uv_loss_equals_the_released_weighting():
    """Mean over everything of indicator over area fraction times the difference, as the released trainer has it."""
    uv, target, mask = torch.rand(2, 2, 8, 8), torch.rand(2, 2, 8, 8), (torch.rand(2, 8, 8) > 0.4).float()
    weight = mask / mask.mean(dim=(1, 2), keepdim=True)
    by_hand = (weight[:, None] * (uv - target).abs()).mean()
    torch.testing.assert_close(losses.uv_loss(uv, IuvMap(mask, target), ALL), by_hand)


def test_part_loss_weighs_person_and_background_alike():
    part = torch.zeros(2, 4, 4, dtype=torch.long)
    part[:, 0, 0] = 3
    logits = torch.zeros(2, 25, 4, 4)
    logits[:, 0] = 5.0  # sure of background everywhere
    sure, wrong = math.log(1 + 24 * math.exp(-5)), 5 + math.log(1 + 24 * math.exp(-5))
    torch.testing.assert_close(losses.part_loss(logits, part, ALL), torch.tensor((sure + wrong) / 2))


def test_residual_loss_reads_the_true_part_only():
    part = torch.full((2, 4, 4), 2)
    target = torch.zeros(2, 2, 4, 4)
    residual = torch.full((2, 48, 4, 4), 9.0)
    residual[:, 2:4] = 0.55  # u and v of part 2; smooth L1 with knee 0.1 gives 0.55 - 0.05
    torch.testing.assert_close(losses.part_residual_loss(residual, target, part, ALL), torch.tensor(0.5))


def test_front_loss_ignores_the_background():
    mask = torch.zeros(2, 4, 4)
    mask[:, 1, 1] = 1
    logit = torch.full((2, 4, 4), 50.0)
    logit[:, 1, 1] = 0.0
    value = losses.front_loss(logit, torch.zeros(2, 4, 4), mask, ALL)
    torch.testing.assert_close(value, torch.tensor(math.log(2.0)))


def test_facing_loss_is_lowest_at_the_bin_of_the_heading():
    heading = torch.tensor([2 * math.pi * 3 / 8, -2 * math.pi * 1 / 8])  # bins 3 and 7
    for best in range(8):
        logits = torch.zeros(2, 8)
        logits[:, best] = 4.0
        per_sample = [losses.facing_loss(logits, heading, torch.eye(2)[i]).item() for i in range(2)]
        assert (per_sample[0] < 0.2) == (best == 3)
        assert (per_sample[1] < 0.2) == (best == 7)


def test_facing_between_two_bins_is_shared_and_wraps_round():
    heading = torch.tensor([2 * math.pi * 7.25 / 8, 0.0])
    logits = torch.zeros(2, 8)
    logits[0, 7], logits[0, 0] = 2.0, 1.0
    normaliser = math.log(math.exp(2) + math.exp(1) + 6)
    by_hand = 0.75 * (normaliser - 2) + 0.25 * (normaliser - 1)
    torch.testing.assert_close(losses.facing_loss(logits, heading, torch.tensor([1.0, 0.0])), torch.tensor(by_hand))


def test_classes_are_read_at_the_centres_of_larger_pixels():
    image = torch.arange(64).reshape(1, 1, 8, 8)
    assert at_pixel_centres(image, (2, 2)).flatten().tolist() == [2 * 8 + 2, 2 * 8 + 6, 6 * 8 + 2, 6 * 8 + 6]
    assert at_pixel_centres(image, (8, 8)) is image
