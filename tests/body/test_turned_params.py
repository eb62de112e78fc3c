"""Turned and mirrored parameters pose the turned and mirrored bodies."""

import pytest
import torch

from meshrec.body import BodyModel
from meshrec.body.turned_params import turn_params
from meshrec.geometry.rotations import axis_angle_to_matrix, rotation_about_z
from meshrec.structures import SMPL24, BodyParams


@pytest.fixture
def params():
    generator = torch.Generator().manual_seed(1)
    rotations = axis_angle_to_matrix(0.5 * torch.randn(3, 24, 3, generator=generator))
    return BodyParams(torch.randn(3, 10, generator=generator), rotations[:, 0], rotations[:, 1:])


@pytest.fixture
def turns():
    """A turn, a mirroring, and both."""
    turn, mirror = rotation_about_z(torch.tensor(0.4)), torch.diag(torch.tensor([-1.0, 1.0, 1.0]))
    return torch.stack([turn, mirror, mirror @ turn])


def test_they_pose_the_turned_and_mirrored_body(params, turns):
    body = BodyModel.from_file()
    # Joints say left and right; they lie symmetrically in the rest pose up to the mesh's own asymmetry.
    expected, found = body(params).joints @ turns.mT, body(turn_params(params, turns)).joints
    mirrored = list(SMPL24.mirror)
    for row, order in enumerate([list(range(24)), mirrored, mirrored]):
        error_m = (found[row, order] - expected[row] - (found[row, :1] - expected[row, :1])).norm(dim=-1)
        assert error_m.max() < 2e-3, f"row {row}: {1000 * error_m.max():.1f} mm"


def test_the_transposed_turns_undo_it(params, turns):
    again = turn_params(turn_params(params, turns), turns.mT)
    for name in ("betas", "global_orient", "body_pose"):
        torch.testing.assert_close(getattr(again, name), getattr(params, name), atol=1e-6, rtol=0)


def test_results_are_rotations_and_bodies_of_other_joints_are_only_turned(params, turns):
    turned = turn_params(params, turns)
    assert (torch.linalg.det(turned.global_orient) > 0.99).all() and (torch.linalg.det(turned.body_pose) > 0.99).all()
    few = BodyParams(params.betas, params.global_orient, params.body_pose[:, :5])
    assert turn_params(few[:1], turns[:1]).body_pose.shape == (1, 5, 3, 3)
    with pytest.raises(ValueError, match="24 joints of SMPL can be mirrored, got 6"):
        turn_params(few, turns)
