"""Joint sets convert by name, and say what is absent."""

import pytest
import torch

from meshrec.structures import BODY30, COCO17, LSP14, SMPL24, JointSet, convert_joints


@pytest.mark.parametrize("joint_set", [SMPL24, COCO17, LSP14, BODY30], ids=lambda joint_set: joint_set.name)
def test_mirror_is_its_own_inverse_and_swaps_sides(joint_set):
    for index, other in enumerate(joint_set.mirror):
        assert joint_set.mirror[other] == index
        assert ("left" in joint_set.names[index]) == ("right" in joint_set.names[other])


def test_conversion_goes_by_name_and_masks_what_is_absent():
    joints = torch.arange(24 * 3.0).reshape(1, 24, 3)
    converted, present = convert_joints(joints, SMPL24, COCO17)
    assert torch.equal(converted[0, COCO17.index("left_knee")], joints[0, SMPL24.index("left_knee")])
    assert not present[COCO17.index("nose")] and converted[0, COCO17.index("nose")].abs().sum() == 0
    assert int(present.sum()) == 12


def test_round_trip_through_a_larger_set_keeps_everything():
    joints = torch.rand(2, 24, 3)
    there, _ = convert_joints(joints, SMPL24, BODY30)
    back, present = convert_joints(there, BODY30, SMPL24)
    assert torch.equal(back, joints) and bool(present.all())


def test_unknown_joint_is_explained():
    with pytest.raises(ValueError, match="has no joint 'tail'"):
        SMPL24.index("tail")


def test_twice_named_joint_is_refused():
    with pytest.raises(ValueError, match="names a joint twice"):
        JointSet("odd", ("nose", "nose"))
