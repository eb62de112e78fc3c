"""Where fits begin."""

import math

import pytest
import torch

from meshrec.body import BodyModel
from meshrec.body.pose_prior import PosePrior
from meshrec.fitting.evidence import Evidence
from meshrec.fitting.options import FitOptions
from meshrec.fitting.sparse_body import SparseBody
from meshrec.fitting.starts import best_starts, seen_poses
from meshrec.fitting.state import BodyState
from meshrec.geometry.projection import project_pinhole
from meshrec.geometry.rotations import rotation_about_y, rotation_about_z, rotation_angle_rad
from meshrec.structures import COCO17, BodyParams, PinholeCamera

FAR = torch.tensor([4.0, -3.0, 60.0])  # perspective hardly matters there, as the starts assume


@pytest.fixture(scope="module")
def prior():
    return PosePrior.from_file()


@pytest.fixture(scope="module")
def points():
    return SparseBody.of_joints(BodyModel.from_file(), COCO17)


def standing(prior: PosePrior, heading_rad: float, roll_rad: float = 0.0) -> BodyState:
    """The mean pose, turned to its left, far away."""
    orient = torch.diag(torch.tensor([1.0, -1.0, -1.0])) @ rotation_about_y(torch.tensor(heading_rad))
    orient = rotation_about_z(torch.tensor(roll_rad)) @ orient
    return BodyState(BodyParams(torch.zeros(1, 10), orient[None], prior.mean_pose[None]), FAR[None])


def evidence_of(points: SparseBody, state: BodyState) -> Evidence:
    camera = PinholeCamera(torch.full((1, 2), 5000.0), torch.full((1, 2), 112.0), (224, 224))
    joints_px = project_pinhole(points(state).points_cam, camera.focal_px, camera.centre_px)
    return Evidence(joints_px, torch.ones(1, 17), COCO17, camera)


@pytest.mark.parametrize("roll_deg", [0, 40, 180])
@pytest.mark.parametrize("side, heading_deg", [(0, 0), (1, 90), (2, 180), (3, 270)])
def test_the_mean_pose_is_found_from_every_side_and_however_rolled(prior, points, side, heading_deg, roll_deg):
    state = standing(prior, math.radians(heading_deg), math.radians(roll_deg))
    options = FitOptions()
    starts = best_starts(evidence_of(points, state), seen_poses(points, prior, options), options)
    assert len(starts) == 4
    turned = rotation_angle_rad(starts.params.global_orient, state.params.global_orient)
    assert int(turned.argmin()) == side and turned[side] < 0.03
    assert torch.allclose(starts.translation[side], FAR, rtol=0.02)


def test_more_poses_find_an_unusual_one_more_closely(prior, points):
    unusual = prior.sample(1, torch.Generator().manual_seed(4))
    state = standing(prior, 0.0)
    state = BodyState(BodyParams(state.params.betas, state.params.global_orient, unusual), state.translation)
    evidence, left_px = evidence_of(points, state), []
    for poses in (1, 64):
        options = FitOptions(start_poses=poses)
        starts = best_starts(evidence, seen_poses(points, prior, options), options)
        away = project_pinhole(
            points(starts).points_cam, evidence.camera.focal_px.expand(4, 2), torch.full((4, 2), 112.0)
        )
        left_px.append((away - evidence.joints_px).norm(dim=-1).mean(1).min())
    assert left_px[1] < 0.9 * left_px[0]


def test_sides_take_equal_shares_of_the_headings(prior, points):
    seen = seen_poses(points, prior, FitOptions(start_sides=6, start_poses=2))
    assert seen.side.bincount().tolist() == [6] * 6
