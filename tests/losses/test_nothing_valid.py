"""What every loss promises: zero with zero gradient where nothing is known, and blindness to what is unknown."""

import pytest
import torch

from meshrec import losses
from meshrec.structures import BodyParams, IuvMap, LocationMap, WeakPerspectiveCamera

B, H, R, V, J = 3, 16, 12, 10, 5
EDGES = torch.tensor([[0, 1], [1, 2], [5, 9]])


def part_labels():
    return torch.arange(B * H * H).reshape(B, H, H) % 25


def iuv(bad=None):
    """True correspondence; the uv of one sample can be spoilt."""
    uv = torch.rand(B, 2, H, H)
    if bad is not None:
        uv[1] = bad
    return IuvMap((part_labels() > 5).float(), uv)


def spoilt(values, bad):
    if bad is not None:
        values = values.clone()
        values[1] = bad
    return values


def body(numbers):
    """Bodies of numbers (B, 5, 9): the root, three joints and, last, betas; rotations or not, no loss asks."""
    matrices = numbers.unflatten(2, (3, 3))
    return BodyParams(numbers[:, 4], matrices[:, 0], matrices[:, 1:4])


# Loss -> shape of the prediction, and the loss as a function of prediction, flags (B,) and what is put in sample 1.
CASES = {
    "mask": ((B, 8, 8), lambda p, v, bad: losses.mask_loss(p, spoilt(iuv().mask, bad), v)),
    "uv": ((B, 2, 8, 8), lambda p, v, bad: losses.uv_loss(p, iuv(bad), v)),
    "part": ((B, 25, 8, 8), lambda p, v, bad: losses.part_loss(p, part_labels(), v)),
    "residual": ((B, 48, 8, 8), lambda p, v, bad: losses.part_residual_loss(p, iuv(bad).uv, part_labels(), v)),
    "front": ((B, 8, 8), lambda p, v, bad: losses.front_loss(p, spoilt(iuv().mask, bad), iuv().mask, v)),
    "facing": ((B, 8), lambda p, v, bad: losses.facing_loss(p, spoilt(torch.rand(B), bad), v)),
    "heatmaps": ((B, J, 8, 8), lambda p, v, bad: losses.heatmap_loss(
        p, spoilt(torch.rand(B, J, 2), bad), v[:, None].expand(B, J))),
    "joints_2d": ((B, J, 2), lambda p, v, bad: losses.joint_loss_2d(
        p, spoilt(torch.rand(B, J, 2), bad), v[:, None].expand(B, J))),
    "joints_2d_l1": ((B, J, 2), lambda p, v, bad: losses.joint_loss_2d_l1(
        p, spoilt(torch.rand(B, J, 2), bad), v[:, None].expand(B, J))),
    "robust_2d": ((B, J, 2), lambda p, v, bad: losses.robust_joint_loss_2d(
        p, spoilt(torch.rand(B, J, 2), bad), v[:, None].expand(B, J))),
    "joints_3d": ((B, J, 3), lambda p, v, bad: losses.joint_loss_3d(
        p, spoilt(torch.rand(B, J, 3), bad), v[:, None].expand(B, J), (1, 2))),
    "squared_joints_3d": ((B, J, 3), lambda p, v, bad: losses.squared_joint_loss_3d(
        p, spoilt(torch.rand(B, J, 3), bad), v[:, None].expand(B, J), (1, 2))),
    "rotations": ((B, 5, 9), lambda p, v, bad: losses.rotation_loss(
        body(p), body(spoilt(torch.rand(B, 5, 9), bad)), v)),
    "betas": ((B, 5, 9), lambda p, v, bad: losses.betas_loss(body(p), body(spoilt(torch.rand(B, 5, 9), bad)), v)),
    "location_map": ((B, 3, R, R), lambda p, v, bad: losses.location_map_loss(
        LocationMap(p), spoilt(torch.rand(B, 3, R, R), bad), torch.ones(R, R), v)),
    "total_variation": ((B, 3, R, R), lambda p, v, bad: losses.total_variation_loss(
        LocationMap(p), torch.ones(R, R, dtype=torch.bool), v)),
    "consistency": ((B, 3, R, R), lambda p, v, bad: losses.consistency_loss(
        LocationMap(p), WeakPerspectiveCamera(torch.ones(B), torch.zeros(B, 2)), iuv(bad), v)),
    "vertices": ((B, V, 3), lambda p, v, bad: losses.vertex_loss(p, spoilt(torch.rand(B, V, 3), bad), v)),
    "edges": ((B, V, 3), lambda p, v, bad: losses.edge_loss(p, spoilt(torch.rand(B, V, 3), bad), EDGES, v)),
}


@pytest.mark.parametrize("name", CASES)
def test_nothing_valid_gives_zero_loss_and_zero_gradient(name):
    shape, loss = CASES[name]
    prediction = torch.randn(shape, requires_grad=True)
    value = loss(prediction, torch.zeros(B), None)
    value.backward()
    assert value.item() == 0
    assert prediction.grad.abs().max() == 0


@pytest.mark.parametrize("name", CASES)
def test_something_valid_gives_a_loss_and_a_gradient_there_only(name):
    shape, loss = CASES[name]
    prediction = torch.randn(shape, requires_grad=True)
    value = loss(prediction, torch.tensor([1.0, 0.0, 1.0]), None)
    value.backward()
    assert value.item() > 0
    assert prediction.grad[0].abs().max() > 0
    assert prediction.grad[1].abs().max() == 0


@pytest.mark.parametrize("name", CASES)
def test_targets_of_unknown_samples_do_not_matter(name):
    shape, loss = CASES[name]
    prediction = torch.randn(shape)
    values = []
    for bad in (None, 0.9):
        torch.manual_seed(5)
        values.append(loss(prediction, torch.tensor([1.0, 0.0, 1.0]), bad))
    torch.testing.assert_close(values[1], values[0])


@pytest.mark.parametrize("name", CASES)
def test_boolean_flags_work_like_weights(name):
    shape, loss = CASES[name]
    prediction = torch.randn(shape)
    flags = torch.tensor([True, False, True])
    torch.manual_seed(5)
    by_flag = loss(prediction, flags, None)
    torch.manual_seed(5)
    torch.testing.assert_close(by_flag, loss(prediction, flags.float(), None))
