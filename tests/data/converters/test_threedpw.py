import os

import numpy as np
import pytest
import torch

from meshrec.body import BodyModel
from meshrec.data.converters import threedpw
from meshrec.data.mesh_truth import MeshTruth
from meshrec.errors import InvalidInput
from meshrec.structures import BODY30
from tests.support.foreign_data import threedpw_content, write_pickle
from tests.support.smpl_pickles import hostile_pickles


@pytest.fixture(scope="module")
def sequence(tmp_path_factory):
    body = BodyModel.from_file()
    content, vertices_cam = threedpw_content(body)
    path = write_pickle(tmp_path_factory.mktemp("3dpw") / "train/downtown_madeUp_00.pkl", content)
    return body, content, vertices_cam, threedpw.convert(path, path.parent)


def test_frames_without_a_valid_camera_are_left_out(sequence):
    people = sequence[3]
    assert people.frame.tolist() == [0, 2, 0, 2] and people.person.tolist() == [0, 0, 1, 1]
    assert people.image[1] == "imageFiles/downtown_madeUp_00/image_00002.jpg"
    assert people.body.tolist() == ["smpl_male"] * 2 + ["smpl_female"] * 2


def test_the_posed_body_stands_where_the_sequence_says(sequence):
    """The whole way, by two roads: bodies posed in the world and seen by the camera, and our parameters."""
    body, _, vertices_cam, people = sequence
    posed = MeshTruth(body).pose(people.replace(body=np.full(4, body.hash)))
    root = BODY30.index("pelvis")
    shift = torch.from_numpy(people.joints_cam[:, root]) - posed.joints[:, root]
    expected = np.concatenate([actor[[0, 2]] for actor in vertices_cam])
    np.testing.assert_allclose((posed.vertices + shift[:, None]).numpy(), expected, atol=2e-4)


def test_joints_are_projected_by_the_camera_and_the_face_is_openposes(sequence):
    _, content, _, people = sequence
    focal, centre = people.focal_px[0], people.centre_px[0]
    wrist = BODY30.index("left_wrist")
    expected = people.joints_cam[:, wrist, :2] / people.joints_cam[:, wrist, 2:] * focal + centre
    np.testing.assert_allclose(people.joints_px[:, wrist], expected, rtol=1e-5)
    nose = BODY30.index("nose")
    np.testing.assert_allclose(people.joints_px[0, nose], content["poses2d"][0][0, :2, 0], rtol=1e-6)
    np.testing.assert_allclose(people.joint_confidence[:, nose], [0.7, 0, 0.7, 0])
    assert (people.joint_confidence[:, wrist] == 1).all() and not people.joint_confidence[:, -1].any()


def test_boxes_go_around_openposes_joints_or_the_projected_ones(sequence):
    _, content, _, people = sequence
    found = content["poses2d"][0][0, :2]
    np.testing.assert_allclose(people.box_xywh_px[0], [*found.min(1), *np.ptp(found, axis=1)], rtol=1e-5)
    skeleton = people.joints_px[1, :24]
    np.testing.assert_allclose(people.box_xywh_px[1], [*skeleton.min(0), *np.ptp(skeleton, axis=0)], rtol=1e-4)


def test_other_pickles_are_explained_and_none_is_run(tmp_path):
    with pytest.raises(InvalidInput, match="is not a sequence of 3DPW"):
        threedpw.convert(write_pickle(tmp_path / "x.pkl", {"poses": [1]}), tmp_path)
    (tmp_path / "x.pkl").write_bytes(b"\x80\x02}q")
    with pytest.raises(InvalidInput, match="damaged or no pickle"):
        threedpw.convert(tmp_path / "x.pkl", tmp_path)
    marker = tmp_path / "was_here"
    for pickled in hostile_pickles(str(marker)).values():
        (tmp_path / "x.pkl").write_bytes(pickled)
        with pytest.raises(InvalidInput, match="was not loaded|damaged"):
            threedpw.convert(tmp_path / "x.pkl", tmp_path)
        assert not os.path.exists(marker)
