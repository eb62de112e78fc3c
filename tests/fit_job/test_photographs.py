"""Bodies fitted to the keypoints of photos: meshes over the people, and one clear sentence where something is wrong."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from meshrec.body import BodyModel
from meshrec.data.keypoint_files import KeypointSource
from meshrec.data.keypoint_layouts import PersonKeypoints
from meshrec.data.photo import Photo
from meshrec.demo_job import Outputs
from meshrec.errors import InvalidInput
from meshrec.fit_job.fitter import Fitter
from meshrec.fit_job.photographs import enough_joints, fit_photos, photo_evidence
from meshrec.geometry.projection import project_pinhole
from meshrec.structures import COCO17, LSP14, JointSet
from tests.support.fit_people import HEIGHT, WIDTH, standing_keypoints
from tests.support.standing_fits import standing_fits


@pytest.fixture(scope="module")
def fitter():
    return Fitter(BodyModel.from_file(), torch.nn.Module(), fit=standing_fits)


def write_coco(folder, fitter, shifts, few=0):
    """A photo's keypoints of people, indexed as COCO does, and as many more with three joints."""
    people = [standing_keypoints(fitter.body, (shift, 0.0)) for shift in shifts]
    people += [np.where(np.arange(17)[:, None] < 3, people[0], 0)] * few
    entries = [{"image_id": 1, "keypoints": (person - [0.5, 0.5, 0]).clip(0).ravel().tolist()} for person in people]
    content = {"images": [{"id": 1, "file_name": "photo.png"}], "annotations": entries}
    (folder / "coco.json").write_text(json.dumps(content))
    Image.fromarray(np.full((HEIGHT, WIDTH, 3), 90, np.uint8)).save(folder / "photo.png")
    return KeypointSource(folder / "coco.json")


def test_everybody_with_enough_joints_becomes_a_mesh_where_the_joints_are(fitter, tmp_path):
    keypoints = write_coco(tmp_path, fitter, (-0.3, 0.3), few=1)
    wanted = Outputs(mesh=tmp_path / "m.obj", overlay=tmp_path / "o.png", camera=tmp_path / "c.json",
                     params=tmp_path / "p.npz", skeleton=tmp_path / "s.bvh")  # fmt: skip
    (report,) = fit_photos([tmp_path / "photo.png"], [wanted], keypoints, fitter, 2.0)
    assert report.photo.error is None and report.left_out == 1 and set(report.photo.files) > set(wanted.files)
    assert tmp_path / "s_2.bvh" in report.photo.files and np.load(tmp_path / "p.npz")["betas"].shape == (2, 10)
    assert all(path.is_file() for path in report.photo.files) and "1 left out" in report.lines()[-1]
    figures = report.figures()
    assert len(figures["people"]) == 2 and figures["people_left_out"] == 1 and figures["people"][0]["joints"] == 17
    for person, shift in zip(report.photo.people, (-0.3, 0.3)):
        nose = person.vertices_cam[None, 332]
        found = project_pinhole(nose, person.camera.focal_px[0], person.camera.centre_px[0])[0]
        expected = standing_keypoints(fitter.body, (shift, 0.0))[0, :2]
        assert np.abs(found.numpy() - expected).max() < 0.5
        assert person.body_params is not None and len(person.body_params) == 1


def test_a_photo_that_fails_is_named_and_the_next_one_follows(fitter, tmp_path):
    keypoints = write_coco(tmp_path, fitter, (0.0,))
    (tmp_path / "bad.png").write_bytes(b"no picture")
    photos = [tmp_path / name for name in ("bad.png", "absent.png", "photo.png")]
    reports = list(fit_photos(photos, [Outputs()] * 3, keypoints, fitter))
    assert ["bad.png" in (reports[0].photo.error or ""), reports[2].photo.error] == [True, None]
    assert len(reports[2].photo.people) == 1 and reports[0].figures()["people"] == []


def test_people_with_different_joints_are_fitted_together():
    nose = PersonKeypoints.of([[10, 10]] * 16 + [[10, 30]], np.ones(17), COCO17)
    crown = PersonKeypoints.of([[20, 40]] + [[20, 20]] * 13, np.ones(14), LSP14)
    evidence = photo_evidence([nose, crown], Photo(np.zeros((50, 60, 3), np.uint8), scale=0.5))
    names = evidence.joint_set.names
    assert len(names) == len(set(COCO17.names) | set(LSP14.names))
    known = {name: evidence.confidence[:, names.index(name)].tolist() for name in ("nose", "left_hip", "head_top")}
    assert known == {"nose": [1, 0], "left_hip": [1, 1], "head_top": [0, 1]}
    assert evidence.joints_px[:, names.index("left_hip")].tolist() == [[5, 5], [10, 10]]
    assert evidence.camera.image_size == (50, 60) and len(evidence.camera) == 2


def test_keypoints_of_another_photo_are_explained():
    person = PersonKeypoints.of([[500, 10]] * 17, np.ones(17), COCO17)
    with pytest.raises(InvalidInput, match="All joints lie outside the photo of 60 x 50 pixels"):
        photo_evidence([person], Photo(np.zeros((50, 60, 3), np.uint8)))


def test_a_person_needs_six_joints():
    people = [PersonKeypoints.of([[1, 1]] * 17, np.arange(17) < count, COCO17) for count in (5, 6, 0)]
    chosen, left_out = enough_joints(people)
    assert chosen == [people[1]] and left_out == 2


@pytest.mark.parametrize("joints, sentence", [
    ([[500, 10]] * 17, "All joints of person 2 lie outside the photo of 60 x 50 pixels; leave"),
    ([[20, 10]] * 16 + [[1e25, 10]], "Person 2 has a joint far outside the photo of 60 x 50"),
    ([[20, 10]] * 17, "All joints of person 2 lie at one point")])  # fmt: skip
def test_somebody_who_cannot_be_in_the_photo_is_named(joints, sentence):
    fine = PersonKeypoints.of([[10, 10]] * 16 + [[70, 30]], np.ones(17), COCO17)
    nobody = PersonKeypoints.of(joints, np.ones(17), COCO17)
    with pytest.raises(InvalidInput, match=sentence):
        photo_evidence([fine, nobody], Photo(np.zeros((50, 60, 3), np.uint8)))


def test_joints_that_the_body_lacks_do_not_count():
    strange = JointSet("strange", tuple(f"hand_{number}" for number in range(12)) + COCO17.names[:5])
    person = PersonKeypoints.of(np.arange(34).reshape(17, 2), np.ones(17), strange)
    assert enough_joints([person]) == ([], 1)
