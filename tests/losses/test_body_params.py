import math

import pytest
import torch

from meshrec import losses
from meshrec.geometry.rotations import random_rotation_matrix, rotation_about_x, rotation_about_z
from meshrec.structures import BodyParams, WeakPerspectiveCamera


def bodies(count=2, joints=24):
    return BodyParams.rest(count, joints=joints)


def turned(params, *, root=None, joint=None):
    """The bodies with their root, or their first joint, turned."""
    body_pose = params.body_pose.clone()
    if joint is not None:
        body_pose[:, 0] = joint
    return BodyParams(params.betas, params.global_orient if root is None else root, body_pose)


@pytest.mark.parametrize("part", ["root", "joint"])
def test_rotation_loss_of_one_turned_joint_is_its_angle_spread_over_all_entries(part):
    params = bodies(joints=4)
    target = turned(params, **{part: rotation_about_x(torch.tensor([0.3, 0.5]))})
    value = losses.rotation_loss(params, target, torch.ones(2))
    by_hand = (4 * (1 - math.cos(0.3)) + 4 * (1 - math.cos(0.5))) / (2 * 4 * 9)
    assert value.item() == pytest.approx(by_hand, rel=1e-5)


def test_rotation_loss_equals_the_mean_over_stacked_matrices():
    generator = torch.Generator().manual_seed(1)
    stacks = [random_rotation_matrix((3, 24), generator=generator) for _ in range(2)]
    params, target = (BodyParams(torch.zeros(3, 10), stack[:, 0], stack[:, 1:]) for stack in stacks)
    torch.testing.assert_close(
        losses.rotation_loss(params, target, torch.tensor([True, False, True])),
        (stacks[0] - stacks[1])[[0, 2]].square().mean(),
    )


def test_betas_loss_is_the_mean_square_over_known_bodies():
    params, target = (
        bodies(),
        BodyParams(torch.tensor([[3.0] * 10, [7.0] * 10]), bodies().global_orient, bodies().body_pose),
    )
    assert losses.betas_loss(params, target, torch.tensor([1.0, 0.0])).item() == pytest.approx(9.0)
    assert losses.betas_loss(params, target, torch.ones(2)).item() == pytest.approx((9 + 49) / 2)


def test_losses_of_parameters_refuse_bodies_of_another_kind():
    with pytest.raises(ValueError, match="J = 22"):
        losses.rotation_loss(bodies(joints=23), bodies(), torch.ones(2))
    short = BodyParams.rest(2, betas=4)
    with pytest.raises(ValueError, match="S = 4"):
        losses.betas_loss(short, bodies(), torch.ones(2))


def test_rotation_loss_does_not_see_a_turn_of_everything():
    params, target = bodies(), turned(bodies(), joint=rotation_about_z(torch.tensor([0.4, 0.1])))
    world = rotation_about_x(torch.tensor(0.7))
    values = [
        losses.rotation_loss(*(turned(p, root=r @ p.global_orient) for p in (params, target)), torch.ones(2))
        for r in (torch.eye(3), world)
    ]
    torch.testing.assert_close(values[0], values[1])


def test_camera_prior_punishes_scales_that_are_not_positive():
    def prior(scale):
        return losses.camera_prior(WeakPerspectiveCamera(torch.tensor([scale]), torch.zeros(1, 2))).item()

    assert prior(0.0) == 1.0
    assert prior(0.1) == pytest.approx(math.exp(-2), rel=1e-5)
    assert prior(-0.2) == pytest.approx(math.exp(4), rel=1e-5)
    assert prior(0.9) < 1e-7
