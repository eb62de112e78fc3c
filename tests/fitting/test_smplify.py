"""Bodies fitted to joints in images."""

import math
from dataclasses import replace

import pytest
import torch

from meshrec.body import BodyModel
from meshrec.body.pose_prior import PosePrior
from meshrec.errors import InvalidInput
from meshrec.fitting.evidence import Evidence
from meshrec.fitting.fits import Fits
from meshrec.fitting.smplify import FitOptions, JointFitter, fit_to_joints
from meshrec.geometry.rotations import rotation_angle_rad
from meshrec.metrics.joints import pa_mpjpe_mm
from meshrec.structures import COCO17, JointSet, PinholeCamera
from tests.support.seen_bodies import see_bodies


@pytest.fixture(scope="module")
def body():
    return BodyModel.from_file()


@pytest.fixture(scope="module")
def prior():
    return PosePrior.from_file()


@pytest.fixture(scope="module")
def fitter(body, prior):
    return JointFitter(body, prior, COCO17)


@pytest.fixture(scope="module")
def seen(body, prior):
    return see_bodies(body, prior, 16)


@pytest.fixture(scope="module")
def fits(fitter, seen):
    return fitter(seen.evidence)


def rows(fits: Fits) -> torch.Tensor:
    """All numbers of fits, one row each."""
    params = fits.params
    values = (params.betas, params.global_orient, params.body_pose, fits.translation)
    return torch.cat([value.flatten(1) for value in values], 1)


def test_exact_joints_give_back_the_bodies(body, seen, fits):
    """The bars of the fitter: 2 px in a crop of 224, 60 mm after alignment, on average."""
    assert fits.quality.reprojection_px.mean() < 2 and fits.quality.reprojection_px.max() < 6
    assert pa_mpjpe_mm(body(fits.params).joints, seen.joints).mean() < 60
    turned = rotation_angle_rad(fits.params.global_orient, seen.state.params.global_orient)
    assert (turned < math.pi / 4).float().mean() > 0.9


def test_the_reported_quality_is_that_of_the_fitted_bodies(body, prior, seen, fits):
    seen_px = fits.joints_px(body, COCO17)
    distance_px = (seen_px - seen.evidence.joints_px).norm(dim=-1).mean(1)
    assert torch.allclose(fits.quality.reprojection_px, distance_px, atol=1e-2)
    assert torch.allclose(fits.quality.reprojection_share, distance_px / seen.evidence.person_px, atol=1e-4)
    assert torch.allclose(fits.quality.prior_energy, prior.energy(fits.params.body_pose))
    assert fits.quality.joints_used.tolist() == [17] * 16


def test_fits_cost_less_energy_than_the_truth(fitter, seen, fits):
    truth = fitter.assess(seen.evidence, seen.state.params, seen.state.translation)
    assert truth.reprojection_px.max() < 1e-2
    assert (fits.quality.energy < truth.energy).float().mean() > 0.8


def test_a_batch_gives_what_single_people_give(fitter, seen, fits):
    alone = Fits.together([fitter(seen.evidence[person]) for person in range(3)])
    assert torch.allclose(rows(alone), rows(fits[:3]), atol=2e-2)


def test_somebody_upside_down_is_found(body, prior, fitter):
    seen = see_bodies(body, prior, 8, seed=1, roll_rad=math.pi)
    fits = fitter(seen.evidence)
    turned = rotation_angle_rad(fits.params.global_orient, seen.state.params.global_orient)
    assert turned.median() < math.pi / 6
    assert fits.quality.reprojection_px.mean() < 2


def test_a_joint_without_confidence_may_lie_anywhere(fitter, seen):
    wrist = COCO17.index("left_wrist")
    confidence = seen.evidence.confidence[:2].clone()
    confidence[:, wrist] = 0
    fits = []
    for nonsense in (0.0, 1e4, math.nan):
        joints_px = seen.evidence.joints_px[:2].clone()
        joints_px[:, wrist] = nonsense
        fits.append(fitter(replace(seen.evidence[:2], joints_px=joints_px, confidence=confidence)))
    assert fits[0].quality.joints_used.tolist() == [16, 16]
    assert torch.equal(rows(fits[0]), rows(fits[1])) and torch.equal(rows(fits[0]), rows(fits[2]))


def test_an_outlier_pulls_less_when_errors_are_robust_and_less_when_it_is_unsure(body, prior, seen):
    ankle = COCO17.index("right_ankle")
    joints_px, confidence = seen.evidence.joints_px[:4].clone(), seen.evidence.confidence[:4].clone()
    joints_px[:, ankle, 0] += 150
    pulled_px = []
    for sureness, outlier_px in ((1.0, 1e4), (1.0, 15.0), (0.1, 1e4)):
        confidence[:, ankle] = sureness
        evidence = replace(seen.evidence[:4], joints_px=joints_px, confidence=confidence)
        fits = fit_to_joints(evidence, body, prior, FitOptions(outlier_px=outlier_px))
        away = fits.joints_px(body, COCO17) - seen.evidence.joints_px[:4]
        pulled_px.append(away.norm(dim=-1).mean().item())
    assert pulled_px[1] < 0.5 * pulled_px[0] and pulled_px[2] < 0.5 * pulled_px[0]


def test_the_resolution_of_the_image_does_not_matter(fitter, seen, fits):
    camera = seen.evidence.camera
    large = PinholeCamera(4 * camera.focal_px, 4 * camera.centre_px, (896, 896))
    enlarged = fitter(replace(seen.evidence, joints_px=4 * seen.evidence.joints_px, camera=large)[:4])
    assert torch.allclose(enlarged.quality.reprojection_px, 4 * fits[:4].quality.reprojection_px, rtol=0.05, atol=0.1)
    assert torch.allclose(rows(enlarged), rows(fits[:4]), atol=2e-2)


def test_missing_and_noisy_joints_degrade_fits_gracefully(body, prior, fitter, seen, fits):
    generator = torch.Generator().manual_seed(0)
    noise = 5 * torch.randn(seen.evidence.joints_px.shape, generator=generator)
    confidence = (torch.rand(16, 17, generator=generator) > 0.2).float()
    noisy = fitter(replace(seen.evidence, joints_px=seen.evidence.joints_px + noise, confidence=confidence))
    exact_mm = pa_mpjpe_mm(body(fits.params).joints, seen.joints).mean()
    assert exact_mm < pa_mpjpe_mm(body(noisy.params).joints, seen.joints).mean() < 150
    assert noisy.quality.reprojection_px.max() < 10


def test_a_warm_start_at_the_end_stays_there(body, prior, seen, fits):
    again = fit_to_joints(seen.evidence, body, prior, FitOptions(iterations=2), fits)
    assert (again.quality.energy <= fits.quality.energy * 1.001).all()
    assert torch.allclose(again.params.global_orient, fits.params.global_orient, atol=0.1)


def test_a_warm_start_improves_what_it_is_given_and_zero_iterations_keep_it(body, prior, fitter, seen):
    rough = fit_to_joints(seen.evidence, body, prior, FitOptions(search_iterations=1, iterations=1))
    better = fit_to_joints(seen.evidence, body, prior, FitOptions(iterations=4), rough)
    assert (better.quality.energy < rough.quality.energy).all()
    kept = fit_to_joints(seen.evidence, body, prior, FitOptions(iterations=0), rough)
    assert torch.equal(rows(kept), rows(rough))


def test_a_warm_start_of_other_people_is_refused(fitter, seen, fits):
    with pytest.raises(ValueError, match="fit for each of the 3 people, got 2"):
        fitter(seen.evidence[:3], fits[:2])


def test_nobody_and_somebody_of_whom_nothing_is_known_are_flagged(fitter, seen):
    confidence = seen.evidence.confidence[:3].clone()
    confidence[1] = 0
    confidence[2, 1:] = 0
    fits = fitter(replace(seen.evidence[:3], confidence=confidence))
    assert fits.quality.joints_used.tolist() == [17, 0, 1]
    assert fits.quality.reprojection_px.isinf().tolist() == [False, True, False]
    assert rows(fits).isfinite().all()
    assert len(fitter(seen.evidence[:0])) == 0


def test_joints_that_the_body_lacks_are_left_out(body, prior, seen):
    joint_set = JointSet("with a tail", (*COCO17.names, "tail"))
    extended = replace(
        seen.evidence[:2],
        joints_px=torch.cat([seen.evidence.joints_px[:2], torch.zeros(2, 1, 2)], 1),
        confidence=torch.ones(2, 18),
        joint_set=joint_set,
    )
    assert fit_to_joints(extended, body, prior).quality.joints_used.tolist() == [17, 17]
    tails = replace(
        extended, joints_px=torch.zeros(2, 1, 2), confidence=torch.ones(2, 1), joint_set=JointSet("t", ("tail",))
    )
    with pytest.raises(InvalidInput, match="has none of the joints of t"):
        fit_to_joints(tails, body, prior)


def test_more_noise_follows_the_prior_more_closely(body, prior, seen, fits):
    trusting = fit_to_joints(seen.evidence, body, prior, FitOptions(noise_px=20.0))
    assert (trusting.quality.prior_energy <= fits.quality.prior_energy + 0.1).all()
    assert trusting.quality.reprojection_px.mean() > 2 * fits.quality.reprojection_px.mean()


def test_fits_are_the_same_in_the_middle_of_a_training_step(fitter, seen, fits):
    some = seen.evidence[:2]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = fitter(some)
    with torch.inference_mode():
        inference = fitter(Evidence(some.joints_px + 0, some.confidence + 0, COCO17, some.camera))
    expected = fitter(some)
    assert torch.equal(rows(mixed), rows(expected)) and torch.equal(rows(inference), rows(expected))
    assert not mixed.translation.requires_grad


def test_people_who_are_fitted_in_turns_come_out_in_order(body, prior, seen):
    together = fit_to_joints(seen.evidence[:5], body, prior, FitOptions(people_at_once=5))
    in_turns = fit_to_joints(seen.evidence[:5], body, prior, FitOptions(people_at_once=2))
    assert torch.allclose(rows(together), rows(in_turns), atol=2e-2)


def test_options_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="noise_px must be above 0, got 0"):
        FitOptions(noise_px=0.0)
    with pytest.raises(ValueError, match="kept must be of at least 1, got 0"):
        FitOptions(kept=0)
