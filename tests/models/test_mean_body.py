import pytest
import torch

from meshrec.geometry.rotations import matrix_to_axis_angle, rotation_6d_to_matrix
from meshrec.models import MeanBody
from meshrec.structures import SMPL24


def axis_angles():
    return matrix_to_axis_angle(rotation_6d_to_matrix(MeanBody.of_motion().pose))


def test_mean_body_stands_upright_in_front_of_the_camera():
    mean = MeanBody.of_motion(betas=7)
    facing = rotation_6d_to_matrix(mean.pose)[0]
    torch.testing.assert_close(facing, torch.diag(torch.tensor([1.0, -1.0, -1.0])))
    assert mean.betas.tolist() == [0.0] * 7
    torch.testing.assert_close(mean.camera, torch.tensor([0.9, 0.0, 0.0]))


def test_mean_pose_is_its_own_mirror_image():
    pose_rad = axis_angles()[1:]
    mirrored = pose_rad[[index - 1 for index in SMPL24.mirror[1:]]] * torch.tensor([1.0, -1.0, -1.0])
    torch.testing.assert_close(mirrored, pose_rad, atol=1e-6, rtol=0)
    assert pose_rad.abs().max() > 0.5


def test_knees_and_elbows_of_the_mean_pose_bend_the_way_they_can():
    pose_rad = dict(zip(SMPL24.names, axis_angles().tolist(), strict=True))
    assert pose_rad["left_knee"][0] == pytest.approx(0.71, abs=1e-3)  # heels towards the back
    assert pose_rad["left_elbow"][1] == pytest.approx(-0.92, abs=1e-3)
    assert pose_rad["right_elbow"][1] == pytest.approx(0.92, abs=1e-3)
