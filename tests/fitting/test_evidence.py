"""What is known of people, and fits of them."""

import math
from dataclasses import replace

import pytest
import torch

from meshrec.body import BodyModel
from meshrec.body.pose_prior import PosePrior
from meshrec.errors import InvalidInput
from meshrec.fitting.evidence import Evidence
from meshrec.fitting.fits import FitQuality, Fits
from meshrec.structures import COCO17, LSP14, IuvMap, PinholeCamera
from tests.support.seen_bodies import see_bodies


@pytest.fixture(scope="module")
def body():
    return BodyModel.from_file()


@pytest.fixture(scope="module")
def evidence(body):
    return see_bodies(body, PosePrior.from_file(), 3).evidence


def test_a_joint_that_is_no_number_but_sure_is_refused_by_name(evidence):
    joints_px = evidence.joints_px.clone()
    joints_px[1, COCO17.index("left_knee"), 0] = math.nan
    with pytest.raises(InvalidInput, match="left_knee of person 1 has confidence 1.00 but no finite position"):
        replace(evidence, joints_px=joints_px)


@pytest.mark.parametrize("confidence", [-0.1, math.nan])
def test_confidences_must_be_numbers_of_at_least_zero(evidence, confidence):
    with pytest.raises(InvalidInput, match="at least 0"):
        replace(evidence, confidence=torch.full((3, 17), confidence))


def test_joints_of_another_set_are_refused(evidence):
    with pytest.raises(ValueError, match="joints_px must have shape"):
        replace(evidence, joint_set=LSP14)


def test_masks_must_be_as_large_as_the_cameras_image(evidence):
    with pytest.raises(ValueError, match="masks must have shape"):
        replace(evidence, masks=torch.zeros(3, 100, 100))


def test_the_size_of_a_person_is_that_of_a_crop_around_the_known_joints():
    joints_px = torch.tensor([[[10.0, 20.0], [30.0, 70.0], [500.0, math.nan]]]).repeat(2, 1, 1)
    confidence = torch.tensor([[1.0, 0.5, 0.0], [1.0, 0.0, 0.0]])
    camera = PinholeCamera(torch.ones(2, 2), torch.zeros(2, 2), (300, 400))
    three = replace(LSP14, names=LSP14.names[:3], bones=())
    assert Evidence(joints_px, confidence, three, camera).person_px.tolist() == pytest.approx([60.0, 400.0])


def test_indexing_keeps_the_batch_axis_and_moving_keeps_chart_numbers_whole(evidence):
    extended = replace(
        evidence,
        masks=torch.zeros(3, 224, 224),
        iuv=IuvMap(torch.zeros(3, 224, 224), torch.zeros(3, 2, 224, 224)),
        parts=torch.zeros(3, 224, 224, dtype=torch.long),
    )
    one = extended[1].to(torch.float64)
    assert len(one) == 1 and one.masks.shape == one.iuv.mask.shape == (1, 224, 224)
    assert one.joints_px.dtype == one.camera.focal_px.dtype == torch.float64 and one.parts.dtype == torch.long


def fits_of(body: BodyModel) -> Fits:
    seen = see_bodies(body, PosePrior.from_file(), 3)
    values = torch.arange(3.0)
    quality = FitQuality(values, values, torch.tensor([17, 16, 15]), values, values)
    return Fits(seen.state.params, seen.state.translation, seen.evidence.camera, quality)


def test_fits_place_bodies_before_the_camera(body, evidence):
    fits = fits_of(body)
    assert torch.allclose(fits.joints_px(body, COCO17), evidence.joints_px, atol=1e-3)
    assert torch.allclose(fits.vertices_cam(body) - fits.translation[:, None], body(fits.params).vertices, atol=1e-5)


def test_fits_are_split_and_joined(body):
    fits = fits_of(body)
    joined = Fits.together([fits[0], fits[1:]])
    assert torch.equal(joined.params.body_pose, fits.params.body_pose)
    assert joined.quality.joints_used.tolist() == [17, 16, 15] and len(joined.camera) == 3
    assert fits.to(torch.float64).quality.joints_used.dtype == torch.long
    other = replace(fits, camera=PinholeCamera(fits.camera.focal_px, fits.camera.centre_px, (10, 10)))
    with pytest.raises(ValueError, match="one size"):
        Fits.together([fits, other])
