import pytest
import torch

from meshrec import losses


def test_adversarial_loss_sums_over_judgements_and_averages_over_samples():
    judged = torch.tensor([[1.0, 0.0, 3.0], [1.0, 1.0, -1.0]])
    assert losses.adversarial_loss(judged).item() == pytest.approx(((0 + 1 + 4) + (0 + 0 + 4)) / 2)


def test_discriminator_loss_wants_one_for_recorded_and_zero_for_predicted():
    recorded = torch.tensor([[1.0, 0.5]])
    predicted = torch.tensor([[0.0, 2.0], [1.0, 0.0], [0.0, 0.0]])
    assert losses.discriminator_loss(recorded, predicted).item() == pytest.approx(0.25 + (4 + 1 + 0) / 3)
    assert losses.discriminator_loss(torch.ones(2, 25), torch.zeros(6, 25)).item() == 0


def test_the_two_losses_pull_judgements_of_predictions_apart():
    judged = torch.full((2, 25), 0.5, requires_grad=True)
    (towards_one,) = torch.autograd.grad(losses.adversarial_loss(judged), judged)
    (towards_zero,) = torch.autograd.grad(losses.discriminator_loss(torch.ones(1, 25), judged), judged)
    assert (towards_one < 0).all() and (towards_zero > 0).all()


def test_judgements_of_different_things_are_refused():
    with pytest.raises(ValueError, match="on_predicted"):
        losses.discriminator_loss(torch.ones(2, 25), torch.ones(2, 24))
