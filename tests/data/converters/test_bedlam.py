import numpy as np
import pytest

from meshrec.body import BodyModel
from meshrec.data.converters import bedlam
from meshrec.data.mesh_truth import MeshTruth
from meshrec.errors import InvalidInput
from meshrec.structures import BODY30
from tests.support.foreign_clips import bedlam_arrays


@pytest.fixture(scope="module")
def body():
    return BodyModel.from_file()


def convert(folder, arrays):
    np.savez(folder / "20221010_scene.npz", **arrays)
    return bedlam.convert(folder / "20221010_scene.npz", folder)


def test_the_posed_body_stands_where_the_joints_are(tmp_path, body):
    arrays, joints = bedlam_arrays(body)
    people = convert(tmp_path, arrays)
    posed = MeshTruth(body).pose(people.replace(body=np.full(3, body.hash)))
    placed = posed.joints[:, :24].numpy() + people.translation_cam[:, None]
    np.testing.assert_allclose(placed, joints, atol=1e-5)
    projected = placed[..., :2] / placed[..., 2:] * people.focal_px[:, None] + people.centre_px[:, None]
    np.testing.assert_allclose(projected, people.joints_px[:, :24], atol=0.01)


def test_who_and_which_body_are_kept(tmp_path, body):
    people = convert(tmp_path, bedlam_arrays(body)[0])
    assert people.body.tolist() == ["smpl_neutral"] * 3
    assert people.subject[1] == "rp_person_1" and people.image[1] == "seq_000000/seq_000000_0005.png"
    assert people.sequence[1] == "20221010_scene/seq_000000" and people.frame.tolist() == [0, 5, 10]
    assert people.person.tolist() == [0, 1, 2]
    assert people.image_size[0].tolist() == [720, 1280] and not people.quarter_turns.any()


def test_pictures_of_closeups_are_turned(tmp_path, body):
    arrays = bedlam_arrays(body)[0]
    arrays["cam_int"] = np.tile([[900.0, 0, 360], [0, 900.0, 640], [0, 0, 1]], (3, 1, 1))
    people = convert(tmp_path, arrays)
    assert people.image_size[0].tolist() == [1280, 720] and people.quarter_turns.tolist() == [1, 1, 1]


def test_joints_outside_the_picture_are_unknown(tmp_path, body):
    arrays = bedlam_arrays(body)[0]
    arrays["gtkps"][0, 20, :2] = [1300, 100]
    people = convert(tmp_path, arrays)
    assert people.joint_confidence[0, 20] == 0 and people.joint_confidence[1, 20] == 1
    assert not people.joint_confidence[:, BODY30.index("nose")].any()


def test_smplx_parameters_keep_their_body_and_face(tmp_path, body):
    arrays = bedlam_arrays(body)[0]
    joints = np.random.default_rng(0).random((3, 127, 3)) * [1280, 720, 1]
    arrays |= {"pose_cam": np.ones((3, 165)), "shape": np.ones((3, 11)), "gtkps": joints}
    people = convert(tmp_path, arrays)
    assert people.pose.shape == (3, 55, 3) and set(people.body) == {"smplx_neutral"}
    for name, place in (("left_wrist", 20), ("nose", 55), ("right_eye", 56), ("left_ear", 59)):
        np.testing.assert_allclose(people.joints_px[:, BODY30.index(name)], joints[:, place, :2], rtol=1e-6)
    assert not people.joint_confidence[:, BODY30.index("left_hand")].any()


def test_other_files_are_explained(tmp_path, body):
    arrays = bedlam_arrays(body)[0]
    with pytest.raises(InvalidInput, match="lacks cam_int"):
        convert(tmp_path, {key: value for key, value in arrays.items() if key != "cam_int"})
    with pytest.raises(InvalidInput, match="file of BEDLAM2"):
        convert(tmp_path, arrays | {"lh_c": np.zeros((3, 2))})
    with pytest.raises(InvalidInput, match="not an npz of BEDLAM's layout"):
        convert(tmp_path, arrays | {"cam_int": np.zeros((3, 3))})
