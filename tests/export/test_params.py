"""Body parameters as files."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from meshrec.body import BodyModel
from meshrec.body.smplx_adapter import to_smplx
from meshrec.errors import AssetNotFound, CheckpointMismatch, InvalidInput
from meshrec.export import load_params, save_params
from meshrec.structures import SMPL24
from tests.support.people import egg_prediction
from tests.support.posed_people import posed_people, random_params


@pytest.fixture(scope="module")
def body():
    return BodyModel.from_file()


@pytest.fixture(scope="module")
def people(body):
    return posed_people(body, random_params(3, seed=2))


@pytest.fixture(scope="module")
def file(body, people, tmp_path_factory):
    path = tmp_path_factory.mktemp("params") / "people.npz"
    save_params(people, body, path)
    return path


def test_smplx_makes_the_same_meshes_of_a_files_arrays(body, people, file):
    pytest.importorskip("smplx", reason="the peer is optional")
    names = ("betas", "global_orient", "body_pose", "transl")
    with np.load(file) as arrays:
        given = {name: torch.from_numpy(arrays[name]) for name in names}
    output = to_smplx(body, batch=len(people))(**given)
    expected = torch.stack([person.vertices_cam for person in people])
    assert (output.vertices - expected).abs().max() < 5e-6
    assert (output.joints[:, :24] - torch.stack([person.joints_cam for person in people])).abs().max() < 5e-6


def test_a_file_holds_plain_arrays_of_the_documented_shapes(body, file):
    with np.load(file, allow_pickle=False) as arrays:
        shapes = {name: arrays[name].shape for name in arrays}
        assert tuple(arrays["joint_names"]) == SMPL24.names
        assert str(arrays["body_hash"]) == body.hash
        assert arrays["image_size"].tolist() == [[240, 320]] * 3
        assert np.abs(arrays["mesh_distance_m"]).max() < 1e-6
    assert shapes == {
        "version": (), "body_hash": (), "betas": (3, 10), "global_orient": (3, 3), "body_pose": (3, 69),
        "transl": (3, 3), "joints_cam": (3, 24, 3), "joint_names": (24,), "mesh_distance_m": (3,), "focal_px": (3, 2),
        "centre_px": (3, 2), "image_size": (3, 2), "box_px": (3, 4), "score": (3,),
    }  # fmt: skip


def test_the_joints_of_a_file_project_with_its_camera_as_the_predictions_do(people, file):
    with np.load(file) as arrays:
        joints, focal, centre = arrays["joints_cam"], arrays["focal_px"], arrays["centre_px"]
    pixels = joints[..., :2] / joints[..., 2:] * focal[:, None] + centre[:, None]
    cam = np.stack([person.joints_cam.numpy() for person in people])
    assert np.allclose(pixels, cam[..., :2] / cam[..., 2:] * 500 + [160, 120], atol=1e-3)


def test_what_is_read_back_is_what_was_written(body, people, file):
    bodies = load_params(file, body)
    vertices = body(bodies.params).vertices + bodies.translation[:, None]
    assert (vertices - torch.stack([person.vertices_cam for person in people])).abs().max() < 5e-6


def test_a_mesh_that_is_not_quite_the_parameters_body_says_by_how_much(body, people, tmp_path):
    away = people[0].vertices_cam + torch.tensor([0.0, 0.0, 1.0]) * (torch.arange(6890) % 2)[:, None] * 0.02
    save_params([replace(people[0], vertices_cam=away)], body, tmp_path / "params.npz")
    with np.load(tmp_path / "params.npz") as arrays:
        assert abs(float(arrays["mesh_distance_m"][0]) - 0.01) < 1e-5
        assert abs(float(arrays["transl"][0, 2]) - 4.01) < 1e-5


def test_parameters_of_another_body_are_refused(file):
    other = BodyModel.from_file()
    other.hash = "0" * 16
    with pytest.raises(CheckpointMismatch, match="belong to body"):
        load_params(file, other)


@pytest.mark.parametrize(
    "content", [b"", b"PK\3\4 not an archive", "wrong keys", "wrong shapes", "fewer joints", "nan", "short"]
)
def test_damaged_files_are_explained(body, file, tmp_path, content):
    path = tmp_path / "params.npz"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "short":
        path.write_bytes(file.read_bytes()[:-400])
    else:
        arrays = dict(np.load(file))
        arrays["body_pose" if content == "wrong shapes" else "nothing"] = np.zeros((3, 68))
        if content == "fewer joints":
            arrays["body_pose"] = arrays["body_pose"][:, :-3]
        if content == "nan":
            arrays["transl"] = arrays["transl"] * np.nan
        if content == "wrong keys":
            del arrays["betas"]
        np.savez(path, **arrays)
    with pytest.raises(InvalidInput, match="holds no body parameters"):
        load_params(path, body)


def test_bad_requests_are_explained_and_leave_nothing(body, people, tmp_path):
    with pytest.raises(InvalidInput, match=r"must be \.npz"):
        save_params(people, body, tmp_path / "params.pkl")
    with pytest.raises(InvalidInput, match="no person"):
        save_params([], body, tmp_path / "params.npz")
    with pytest.raises(InvalidInput, match="with_body_params"):
        save_params([replace(people[0], body_params=None)], body, tmp_path / "params.npz")
    with pytest.raises(InvalidInput, match="6890"):
        egg = replace(egg_prediction(), body_params=random_params(1))
        save_params([egg], body, tmp_path / "params.npz")
    with pytest.raises(AssetNotFound, match="no parameter file"):
        load_params(tmp_path / "params.npz", body)
    assert list(tmp_path.iterdir()) == []
