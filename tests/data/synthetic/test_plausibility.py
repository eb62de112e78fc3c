"""Limbs through the body are noticed, and nothing else is."""

import pytest
import torch

from meshrec.body import BodyModel
from meshrec.build import Surface
from meshrec.data.synthetic import SyntheticPeople, SyntheticPeopleConfig
from meshrec.data.synthetic.dice import Dice
from meshrec.data.synthetic.plausibility import _distance, pushes_through
from meshrec.data.synthetic.poses import PoseSampler, relaxed_pose
from meshrec.geometry.rotations import axis_angle_to_matrix
from meshrec.structures import SMPL24


@pytest.fixture(scope="module")
def body():
    return BodyModel.from_file()


def flagged(body, **turns) -> bool:
    """The relaxed pose with some joints turned instead, axis-angle."""
    pose = relaxed_pose()
    for name, turn in turns.items():
        pose[SMPL24.index(name) - 1] = axis_angle_to_matrix(torch.tensor(turn))
    joints = body.joint_regressor @ body.template_vertices
    return bool(pushes_through(pose[None], joints, tuple(body.parents.tolist())))


def test_an_arm_through_the_side_and_merged_legs_are_noticed(body):
    assert not flagged(body)
    assert flagged(body, left_shoulder=(0.0, 0.0, -2.0))
    assert flagged(body, left_hip=(0.0, 0.0, -0.3), right_hip=(0.0, 0.0, 0.1))
    assert not flagged(body, left_hip=(-1.5, 0.0, 0.2), left_knee=(1.5, 0.0, 0.0))  # a raised knee
    assert not flagged(body, left_shoulder=(0.0, 0.0, 1.2), right_shoulder=(0.0, 0.0, -1.2))  # arms up


def test_distances_are_those_to_the_nearest_point_of_a_segment():
    points = torch.tensor([[[0.0, 1, 0], [3, 0, 4], [-1, 0, 0]]])
    found = _distance(points, torch.zeros(1, 1, 3), torch.tensor([[[2.0, 0, 0]]]))[0, :, 0]
    assert found.tolist() == pytest.approx([1.0, 17**0.5, 1.0])


def test_batches_hold_far_fewer_such_poses_than_the_sampler_draws(body):
    surface = Surface.load()
    people = SyntheticPeople.from_config(SyntheticPeopleConfig(suits=1), surface.body, surface.atlas, surface.charts)
    joints, parents = people.figures.pieces.rest_joints, people.figures.pieces.parents
    drawn = pushes_through(PoseSampler().sample(3000, Dice(1))[1], joints, parents).sum()
    kept = pushes_through(people.figures.draw_poses(3000, Dice(1))[1], joints, parents).sum()
    assert drawn > 30 and kept < drawn / 5
