"""Losses of the chart head against twins that visit one pixel, or one point, after the other."""

import math

import pytest
import torch

from meshrec.losses.densepose import (
    DENSE_KNEE,
    coarse_segmentation_loss,
    dense_chart_loss,
    fine_segmentation_loss,
    point_chart_loss,
    point_segmentation_loss,
    read_maps,
)

R, S, Q = 3, 6, 40


def maps(channels, seed=0):
    return torch.randn(R, channels, S, S, generator=torch.Generator().manual_seed(seed))


def parts(seed=1, low=-1):
    return torch.randint(low, 25, (R, S, S), generator=torch.Generator().manual_seed(seed))


def points(seed=2):
    """Rois, positions that also lie before the first and behind the last value, and parts."""
    generator = torch.Generator().manual_seed(seed)
    position = torch.rand(Q, 2, generator=generator) * S
    position[:4] = torch.tensor([[0.0, 0], [2, 3], [S - 1.0, S - 0.01], [S - 0.01, 0.5]])
    roi = torch.randint(R, (Q,), generator=generator)
    return roi, position, torch.randint(1, 25, (Q,), generator=generator)


def cross_entropy(logits, target):
    return math.log(sum(math.exp(value) for value in logits)) - logits[target]


def slow_read(one, x, y):
    """Values of a (C, S, S) map at column x and row y."""
    left, top = int(x), int(y)
    right, bottom = min(left + 1, S - 1), min(top + 1, S - 1)
    fx, fy = x - left, y - top
    return [
        (channel[top][left] * (1 - fx) + channel[top][right] * fx) * (1 - fy)
        + (channel[bottom][left] * (1 - fx) + channel[bottom][right] * fx) * fy
        for channel in one.tolist()
    ]


@pytest.mark.parametrize("channels", [2, 15])
def test_coarse_segmentation_is_the_mean_over_known_pixels(channels):
    logits, target = maps(channels), parts().clamp(max=channels - 1)
    values = [
        cross_entropy(logits[r, :, y, x].tolist(), int(target[r, y, x]))
        for r in range(R)
        for y in range(S)
        for x in range(S)
        if target[r, y, x] >= 0
    ]
    assert 0 < len(values) < R * S * S
    assert float(coarse_segmentation_loss(logits, target)) == pytest.approx(sum(values) / len(values), rel=1e-5)


def test_dense_parts_and_charts_are_means_over_pixels_with_a_part():
    logits, part = maps(25), parts()
    target = torch.rand(R, S, S, generator=torch.Generator().manual_seed(4))
    here = [tuple(place) for place in torch.nonzero(part > 0).tolist()]
    entropy = [cross_entropy(logits[r, :, y, x].tolist(), int(part[r, y, x])) for r, y, x in here]
    assert float(fine_segmentation_loss(logits, part)) == pytest.approx(sum(entropy) / len(here), rel=1e-5)
    error = [abs(float(logits[r, part[r, y, x], y, x] - target[r, y, x])) for r, y, x in here]
    smooth = [e * e / 2 / DENSE_KNEE if e < DENSE_KNEE else e - DENSE_KNEE / 2 for e in error]
    assert float(dense_chart_loss(logits, target, part)) == pytest.approx(sum(smooth) / len(here), rel=1e-5)


def test_maps_are_read_bilinearly_and_stay_as_they_are_behind_the_last_value():
    one, (roi, position, _) = maps(5), points()
    values = read_maps(one, roi, position)
    slow = [slow_read(one[r], x, y) for r, (x, y) in zip(roi.tolist(), position.tolist())]
    assert torch.allclose(values, torch.tensor(slow), atol=1e-5)
    assert torch.equal(values[1], one[roi[1], :, 3, 2]), "column comes first"


def test_losses_at_points_agree_with_their_twins():
    logits, (roi, position, part) = maps(25), points()
    target = torch.rand(Q, generator=torch.Generator().manual_seed(5))
    read = [slow_read(logits[r], x, y) for r, (x, y) in zip(roi.tolist(), position.tolist())]
    entropy = sum(cross_entropy(row, int(label)) for row, label in zip(read, part)) / Q
    assert float(point_segmentation_loss(logits, roi, position, part)) == pytest.approx(entropy, rel=1e-5)
    error = [abs(row[label] - float(true)) for row, label, true in zip(read, part.tolist(), target)]
    smooth = sum(e * e / 2 if e < 1 else e - 0.5 for e in error)
    assert float(point_chart_loss(logits, roi, position, part, target)) == pytest.approx(smooth, rel=1e-5)


def test_only_the_channel_of_the_true_part_is_pulled():
    coordinate, part = maps(25).requires_grad_(), torch.full((R, S, S), 7)
    dense_chart_loss(coordinate, torch.full((R, S, S), 9.0), part).backward()
    pulled = coordinate.grad.abs().sum((0, 2, 3)) > 0
    assert pulled.nonzero().flatten().tolist() == [7]
    coordinate.grad = None
    nine = torch.full((Q,), 9.0)
    point_chart_loss(coordinate, *points()[:2], torch.full((Q,), 3), nine).backward()
    assert (coordinate.grad.abs().sum((0, 2, 3)) > 0).nonzero().flatten().tolist() == [3]


EMPTY = torch.zeros(0, dtype=torch.long)
NOTHING_KNOWN = {
    "coarse": (2, lambda m: coarse_segmentation_loss(m, torch.full((len(m), S, S), -1))),
    "fine": (25, lambda m: fine_segmentation_loss(m, torch.zeros(len(m), S, S).long())),
    "chart": (25, lambda m: dense_chart_loss(m, torch.zeros(len(m), S, S), torch.full((len(m), S, S), -1))),
    "fine at points": (25, lambda m: point_segmentation_loss(m, EMPTY, torch.zeros(0, 2), EMPTY)),
    "chart at points": (25, lambda m: point_chart_loss(m, EMPTY, torch.zeros(0, 2), EMPTY, torch.zeros(0))),
}


@pytest.mark.parametrize("rois", [0, R])
@pytest.mark.parametrize("name", NOTHING_KNOWN)
def test_nothing_annotated_gives_zero_loss_and_zero_gradient(name, rois):
    channels, loss = NOTHING_KNOWN[name]
    predicted = maps(channels)[:rois].requires_grad_()
    value = loss(predicted)
    value.backward()
    assert value == 0
    assert torch.equal(predicted.grad, torch.zeros_like(predicted)), "several processes need a gradient from each"


def test_gradients_are_those_of_the_values():
    roi, position, part = points()
    target = torch.rand(Q, generator=torch.Generator().manual_seed(6))
    # The losses compute in float32, which differences of 1e-2 resolve to a thousandth.
    check = {"eps": 1e-2, "atol": 2e-2, "rtol": 2e-2, "fast_mode": True}
    for loss in (
        lambda m: point_chart_loss(m, roi, position, part, target),
        lambda m: point_segmentation_loss(m, roi, position, part),
        lambda m: coarse_segmentation_loss(m, parts()),
        lambda m: fine_segmentation_loss(m, parts()),
    ):
        assert torch.autograd.gradcheck(loss, maps(25).double().requires_grad_(), **check)
