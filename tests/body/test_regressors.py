"""Joints by name from posed bodies."""

import pytest
import torch

from meshrec.body.model import BodyModel
from meshrec.body.regressors import LANDMARK_VERTICES, NamedJoints
from meshrec.body.smpl_files import check_smpl_arrays
from meshrec.geometry.rotations import random_rotation_matrix
from meshrec.structures.body import BodyParams
from meshrec.structures.joints import COCO17, LSP14, SMPL24, JointSet
from tests.support.smpl_pickles import small_smpl_arrays


@pytest.fixture(scope="module")
def body():
    return BodyModel.from_file()


@pytest.fixture(scope="module")
def posed(body):
    rotations = random_rotation_matrix((2, 24), generator=torch.Generator().manual_seed(0))
    return body(BodyParams(torch.zeros(2, 10), rotations[:, 0], rotations[:, 1:]))


def test_skeleton_joints_come_through_unchanged(body, posed):
    regressor = NamedJoints(body, SMPL24)
    assert regressor.present.all()
    assert torch.equal(regressor(posed), posed.joints)


@pytest.mark.parametrize("joint_set", [COCO17, LSP14], ids=lambda joint_set: joint_set.name)
def test_dataset_joints_mix_skeleton_and_landmarks_by_name(body, posed, joint_set):
    regressor = NamedJoints(body, joint_set)
    assert regressor.present.all()
    joints = regressor(posed)
    assert joints.shape == (2, len(joint_set), 3)
    for name in joint_set.names:
        got = joints[:, joint_set.index(name)]
        if name in SMPL24.names:
            assert torch.equal(got, posed.joints[:, SMPL24.index(name)])
        elif name in LANDMARK_VERTICES:
            assert torch.equal(got, posed.vertices[:, LANDMARK_VERTICES[name]])
        else:
            assert name == "head_top"


def test_the_crown_is_the_highest_point_of_a_standing_body(body):
    standing = body(BodyParams.rest(1))
    crown = NamedJoints(body, LSP14)(standing)[0, LSP14.index("head_top")]
    assert crown[1] == standing.vertices[0, :, 1].max()


def test_unknown_joints_are_absent_and_not_guessed(body, posed):
    joint_set = JointSet("made up", ("tail", "left_knee"))
    regressor = NamedJoints(body, joint_set)
    assert regressor.present.tolist() == [False, True]
    joints = regressor(posed)
    assert not joints[:, 0].any() and torch.equal(joints[:, 1], posed.joints[:, SMPL24.index("left_knee")])


def test_bodies_of_other_topology_have_no_landmark_vertices():
    small = BodyModel(check_smpl_arrays(small_smpl_arrays(), "test"))
    assert NamedJoints(small, COCO17).present.sum() == 0


def test_output_of_another_body_is_refused(body):
    small = BodyModel(check_smpl_arrays(small_smpl_arrays(), "test"))
    output = small(BodyParams.rest(1, betas=4, joints=3))
    with pytest.raises(ValueError, match="joints"):
        NamedJoints(body, SMPL24)(output)
