"""Fits of a data set: everybody once, nothing lost by an interruption, and training finds them where they belong."""

import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from meshrec.body import BodyModel
from meshrec.data.image_dataset import ImageDataset
from meshrec.data.mesh_truth import MeshTruth
from meshrec.data.npz_format import read_annotations, write_annotations
from meshrec.errors import AssetNotFound, InvalidInput, Stopped
from meshrec.fit_job.data_set import DataSet, fit_people
from meshrec.fit_job.fitted_bodies import fitted_body
from meshrec.fit_job.fitter import Fitter
from meshrec.fit_job.rule import FitRule
from meshrec.fit_job.swaps import FITS_PER_PERSON
from meshrec.geometry.projection import project_pinhole, project_weak_perspective
from meshrec.structures import BODY30
from tests.support.fit_people import write_standing_pack
from tests.support.standing_fits import standing_fits

RULE = FitRule(error=0.02, energy=100.0, joints=10)


@pytest.fixture(scope="module")
def body():
    return BodyModel.from_file()


@pytest.fixture(scope="module")
def data(body, tmp_path_factory):
    return DataSet.open(str(write_standing_pack(tmp_path_factory.mktemp("data") / "pack", body)))


class Counting:
    """Counts the people that it is asked to fit; what comes in a batch happens there."""

    def __init__(self, **events):
        self.people, self.calls, self.events = 0, 0, events

    def __call__(self, evidence, body, prior, options):
        batch, again = divmod(self.calls, FITS_PER_PERSON)  # the same people follow with swapped limbs
        if not again:
            self.events.get(f"batch_{batch}", lambda: None)()
            self.people += len(evidence)
        self.calls += 1
        return standing_fits(evidence, body)


def asked_to_stop():
    os.kill(os.getpid(), signal.SIGTERM)


def broken_down():
    raise MemoryError


@pytest.fixture
def fitter(body):
    return lambda fit=standing_fits: Fitter(body, torch.nn.Module(), fit=fit)


def test_everybody_with_enough_joints_is_fitted_and_the_others_are_kept_as_they_are(data, fitter, tmp_path):
    people = fit_people(data.people, fitter(), RULE, tmp_path / "fits.npz", batch=2)
    assert people.is_fitted.tolist() == people.has_params.tolist() == [True] * 4 + [False]
    assert people.fit_error[:4].max() < 1e-3 and people.fit_energy.tolist() == [17] * 4 + [0]
    again = read_annotations(tmp_path / "fits.npz")
    for name in ("image", "joints_px", "pose", "betas", "body", "translation_cam", "focal_px", "fit_error", "fit_kept"):
        np.testing.assert_array_equal(getattr(again, name), getattr(people, name), err_msg=name)
    assert again.image[0] == "images/0.png" and RULE.words in again.fitted_by


def test_fitted_bodies_stand_where_the_joints_are_in_the_photograph(data, fitter, body, tmp_path):
    people = fit_people(data.people, fitter(), RULE, tmp_path / "fits.npz")
    joints = MeshTruth(body).pose(people).joints + torch.from_numpy(people.translation_cam)[:, None]
    found = project_pinhole(joints, torch.from_numpy(people.focal_px), torch.from_numpy(people.centre_px))
    known = torch.from_numpy(people.joint_confidence[:4] > 0)
    # The supposed camera is nearer than the true one, which moves points of other depth by a tenth of a pixel.
    assert (found[:4] - torch.from_numpy(people.joints_px[:4])).norm(dim=-1)[known].max() < 0.2


def test_training_gets_meshes_that_project_onto_the_joints_of_its_crops(data, fitter, body, tmp_path):
    people = fit_people(data.people, fitter(), RULE, tmp_path / "fits.npz")
    batch = ImageDataset(people, data.images, MeshTruth(body), None).batch(12, 64, seed=2)
    known = batch.has_mesh
    assert known.any() and not known.all() and torch.equal(known, batch.has_params)
    nose = BODY30.index("nose")
    found = project_weak_perspective(batch.joints, batch.camera[:, 0], batch.camera[:, 1:])
    seen = known & (batch.joint_confidence[:, nose] > 0)
    assert (found - batch.joints_ndc)[seen][:, nose].norm(dim=-1).max() < 0.01


@pytest.mark.parametrize(
    "ending, event", [(Stopped, {"batch_0": asked_to_stop}), (MemoryError, {"batch_1": broken_down})]
)
def test_a_run_that_ends_early_goes_on_where_it_was(data, fitter, tmp_path, ending, event):
    path, stopped, resumed = tmp_path / "fits.npz", Counting(**event), Counting()
    with pytest.raises(ending):
        fit_people(data.people, fitter(stopped), RULE, path, batch=3)
    assert read_annotations(path).is_fitted.sum() == stopped.people == 3
    people = fit_people(data.people, fitter(resumed), RULE, path, batch=3)
    assert resumed.people == 1
    whole = fit_people(data.people, fitter(), RULE, tmp_path / "whole.npz", batch=3)
    for name in ("pose", "translation_cam", "fit_error", "fit_kept", "body"):
        np.testing.assert_array_equal(getattr(people, name), getattr(whole, name), err_msg=name)


def test_another_rule_is_applied_without_fitting_again(data, fitter, tmp_path):
    fit_people(data.people, fitter(), RULE, tmp_path / "fits.npz")
    counting = Counting()
    people = fit_people(data.people, fitter(counting), FitRule(energy=16.0), tmp_path / "fits.npz")
    assert counting.people == 0 and people.is_fitted.sum() == 4 and not people.fit_kept.any()


def test_files_of_other_people_or_fitters_are_refused(data, fitter, body, tmp_path):
    path = tmp_path / "fits.npz"
    fit_people(data.people, fitter(), RULE, path)
    with pytest.raises(InvalidInput, match="holds other people"):
        fit_people(data.people.select(np.arange(3)), fitter(), RULE, path)
    moved = data.people.replace(joints_px=data.people.joints_px + 1)
    with pytest.raises(InvalidInput, match="holds other people"):
        fit_people(moved, fitter(), RULE, path)
    other = Fitter(body, torch.nn.Module(), options="slow", fit=standing_fits)
    with pytest.raises(InvalidInput, match="was made by .* now it is .*slow"):
        fit_people(data.people, other, RULE, path)
    fitted = read_annotations(path)
    with pytest.raises(InvalidInput, match="The data set was made by .*give the labels that it was made from"):
        fit_people(fitted, other, RULE, tmp_path / "other.npz")
    assert not (tmp_path / "other.npz").exists()
    write_annotations(data.people, path)
    with pytest.raises(InvalidInput, match="is not of fits"):
        fit_people(data.people, fitter(), RULE, path)


def test_a_place_that_cannot_be_written_is_known_before_the_work(data, fitter, tmp_path):
    counting = Counting()
    with pytest.raises(InvalidInput, match="Cannot write"):
        fit_people(data.people, fitter(counting), RULE, tmp_path / "absent" / "fits.npz")
    assert counting.people == 0


def test_measured_parameters_stay_and_fits_that_are_not_finite_are_left_out(data, fitter, body, tmp_path):
    def broken(evidence, body, prior, options):
        fits = standing_fits(evidence, body)
        fits.translation[0] = torch.nan
        return fits

    measured = data.people.replace(body=[body.hash, "", "", "", ""], betas=np.full((5, 10), 0.5))
    people = fit_people(measured, fitter(broken), RULE, tmp_path / "fits.npz")
    assert people.is_fitted.tolist() == [False, False, True, True, False]
    assert people.has_params[0] and (people.betas[0] == 0.5).all() and not people.has_params[1]


def test_fits_stand_beside_measured_bodies_of_more_joints(data, fitter, body, tmp_path):
    hands = np.full((5, 55, 3), 0.1) * (np.arange(5) == 0)[:, None, None]
    shapes = np.full((5, 16), 0.5) * (np.arange(5) == 0)[:, None]
    measured = data.people.replace(body=["smplx_neutral", "", "", "", ""], pose=hands, betas=shapes)
    people = fit_people(measured, fitter(), RULE, tmp_path / "fits.npz")
    alone = fit_people(data.people, fitter(), RULE, tmp_path / "alone.npz")
    assert np.allclose(people.pose[0], 0.1) and np.allclose(people.betas[0], 0.5)
    assert (people.pose[1, :24] == alone.pose[1]).all() and not people.pose[1, 24:].any()
    rows = [fitted_body(fits.select([1]), body).vertices_cam for fits in (people, alone)]
    assert torch.equal(*rows)


def test_a_labelled_camera_is_kept(data, fitter, tmp_path):
    known = data.people.replace(focal_px=np.full((5, 2), 300.0), centre_px=np.full((5, 2), 70.0))
    people = fit_people(known, fitter(), RULE, tmp_path / "fits.npz")
    np.testing.assert_allclose(people.focal_px, 300, rtol=1e-5)
    np.testing.assert_allclose(people.centre_px, 70, atol=1e-3)


def test_data_sets_are_packs_or_files_of_people(data, tmp_path):
    write_annotations(data.people, tmp_path / "people.npz")
    assert DataSet.open(str(tmp_path / "people.npz")).images == tmp_path
    assert DataSet.open(f"{tmp_path / 'people.npz'}::{data.images}").images == data.images
    with pytest.raises(AssetNotFound, match="no file of labelled people"):
        DataSet.open(str(tmp_path / "absent.npz"))
    with pytest.raises(AssetNotFound, match="holds no file index.json"):
        DataSet.open(str(tmp_path))
    with pytest.raises(AssetNotFound, match="no folder .*nowhere"):
        DataSet.open(f"{tmp_path / 'people.npz'}::{tmp_path / 'nowhere'}")


def test_the_fitter_itself_finds_standing_people_and_is_told_apart_by_its_words(data, tmp_path):
    fitter = Fitter.load()
    people = fit_people(data.people, fitter, FitRule(), tmp_path / "fits.npz")
    assert people.fit_kept.tolist() == [True] * 4 + [False] and people.fit_error[:4].max() < 0.012
    assert fitter.body.hash in people.fitted_by and "mask_weight" in people.fitted_by
    other = Fitter(fitter.body, fitter.prior, replace(fitter.options, pose_weight=2.0))
    assert other.words != fitter.words and Fitter.load().words == fitter.words
