"""Bodies fitted to crops: from near the truth to the truth, and errors that say how near."""

import numpy as np
import pytest
import torch

from meshrec.body import BodyModel
from meshrec.body.pose_prior import PosePrior
from meshrec.data.synthetic.dice import Dice
from meshrec.data.synthetic.poses import PoseSampler
from meshrec.engine.crop_fitting import CropFitter
from meshrec.fitting.options import FitOptions
from meshrec.geometry.projection import project_weak_perspective
from meshrec.geometry.rotations import axis_angle_to_matrix
from meshrec.structures import BodyParams, TrainingBatch


@pytest.fixture(scope="module")
def fitter():
    return CropFitter(BodyModel.from_file(), PosePrior.from_file(), FitOptions())


@pytest.fixture(scope="module")
def truth():
    """Standing people who face the camera roughly."""
    root, pose = PoseSampler().sample(6, Dice(3))
    return BodyParams(torch.zeros(6, 10), torch.diag(torch.tensor([1.0, -1.0, -1.0])) @ root, pose)


@pytest.fixture(scope="module")
def batch(fitter, truth):
    joints = fitter.named_joints(fitter.body(truth))
    confidence = torch.ones(6, 30)
    confidence[5, 4:] = 0
    seen = project_weak_perspective(joints, torch.full((6,), 0.9), torch.tensor([[0.1, 0.2]]).expand(6, 2))
    made = TrainingBatch.unlabelled(torch.zeros(6, 3, 64, 64), 4)
    return made.replace(joints_ndc=seen, joint_confidence=confidence)


def test_the_truth_has_no_error_and_the_error_is_the_mean_distance_over_the_side(fitter, batch, truth):
    errors = fitter.errors(batch, truth)
    assert errors[:5].max() < 1e-5 and errors[5] == torch.inf
    assert fitter.can_fit(batch).tolist() == [True] * 5 + [False]
    moved = batch.joints_ndc + 0.3 * torch.randn(batch.joints_ndc.shape, generator=torch.Generator().manual_seed(2))
    found = fitter.errors(batch.replace(joints_ndc=moved), truth)
    present = fitter.named_joints.present.numpy()
    joints = fitter.named_joints(fitter.body(truth)).numpy()[:, present, :2]
    for person in range(5):
        assert found[person].item() == pytest.approx(
            slow_error(joints[person], moved[person].numpy()[present]), rel=1e-3
        )


def slow_error(joints, seen):
    """The camera by least squares over its three numbers, then the mean distance over the side, which is 2."""
    rows = [[x, 1, 0] for x, _ in joints] + [[y, 0, 1] for _, y in joints]
    camera = np.linalg.lstsq(np.array(rows), seen.T.ravel(), rcond=None)[0]
    return np.linalg.norm(camera[0] * joints + camera[1:] - seen, axis=1).mean() / 2


def test_fits_from_nearby_come_back_to_the_truth(fitter, batch, truth):
    near = axis_angle_to_matrix(0.2 * torch.randn(6, 23, 3, generator=torch.Generator().manual_seed(1)))
    believed = BodyParams(truth.betas, truth.global_orient, truth.body_pose @ near)
    before, after = fitter.errors(batch, believed), fitter.errors(batch, fitter.fit(batch, believed))
    assert before[:5].min() > 0.01 and after[:5].max() < 0.012 and (after < 0.5 * before)[:5].all()
