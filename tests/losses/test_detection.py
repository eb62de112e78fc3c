"""Losses of the detector's two stages against hand-computed numbers."""

import math

import pytest
import torch

from meshrec.losses.detection import box_loss, objectness_loss, person_loss


def test_objectness_is_the_mean_cross_entropy():
    logits, is_person = torch.tensor([0.0, 2.0, -1.0]), torch.tensor([True, False, False])
    expected = (math.log(2) + math.log(1 + math.exp(2)) + math.log(1 + math.exp(-1))) / 3
    assert float(objectness_loss(logits, is_person)) == pytest.approx(expected, rel=1e-6)


def test_the_person_is_the_first_class():
    logits = torch.tensor([[3.0, 0.0], [0.0, 1.0]])
    right = person_loss(logits, torch.tensor([True, False]))
    assert float(right) == pytest.approx((math.log(1 + math.exp(-3)) + math.log(1 + math.exp(-1))) / 2, rel=1e-6)
    assert float(person_loss(logits, torch.tensor([False, True]))) > float(right) + 1


def test_boxes_count_people_only_but_are_divided_by_all():
    deltas = torch.tensor([[1.0, 0, 0, 0], [5.0, 5, 5, 5], [0, 0, 0, 0.1]])
    target = torch.tensor([[0.0, 0, 0, 2], [math.nan] * 4, [0, 0, 0, 0]])
    is_person = torch.tensor([True, False, True])
    assert float(box_loss(deltas, target, is_person)) == pytest.approx((1 + 2 + 0.1) / 3)
    smooth = (1 - 0.1) + (2 - 0.1) + 0.5 * 0.1**2 / 0.2
    assert float(box_loss(deltas, target, is_person, knee=0.2)) == pytest.approx(smooth / 3)


@pytest.mark.parametrize("count", [0, 4])
def test_without_people_the_box_loss_is_zero_with_zero_gradient(count):
    deltas = torch.randn(count, 4, requires_grad=True)
    loss = box_loss(deltas, torch.full((count, 4), math.inf), torch.zeros(count, dtype=torch.bool))
    loss.backward()
    assert loss == 0 and torch.equal(deltas.grad, torch.zeros(count, 4))


def test_without_samples_the_classes_cost_nothing_but_stay_connected():
    logits, classes = torch.zeros(0, requires_grad=True), torch.zeros(0, 2, requires_grad=True)
    nobody = torch.zeros(0, dtype=torch.bool)
    total = objectness_loss(logits, nobody) + person_loss(classes, nobody)
    total.backward()
    assert total == 0 and logits.grad is not None and classes.grad is not None


def test_gradients_are_those_of_the_values():
    generator = torch.Generator().manual_seed(0)
    is_person = torch.tensor([True, False, True, True])
    deltas, target = torch.randn(2, 4, 4, generator=generator).double().unbind()
    # The losses compute in float32, which differences of 1e-3 resolve to a thousandth.
    check = {"eps": 1e-3, "atol": 1e-2, "nondet_tol": 0.0}
    assert torch.autograd.gradcheck(lambda x: box_loss(x, target, is_person, 0.3), deltas.requires_grad_(), **check)
    logits = torch.randn(4, 2, generator=generator).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: person_loss(x, is_person), logits, **check)
