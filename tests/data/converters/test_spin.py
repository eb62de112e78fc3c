import numpy as np
import pytest
import torch

from meshrec.data.converters import spin
from meshrec.errors import InvalidInput
from meshrec.geometry.crops import WIDE_CROP_ENLARGEMENT, square_crop_from_box
from meshrec.structures import BODY30
from tests.support.foreign_data import spin_arrays


def convert(tmp_path, arrays):
    np.savez(tmp_path / "h36m_train.npz", **arrays)
    return spin.convert(tmp_path / "h36m_train.npz", tmp_path)


def test_the_wide_crop_of_the_box_is_the_crop_that_spin_describes(tmp_path):
    people = convert(tmp_path, spin_arrays())
    centre, side = square_crop_from_box(torch.from_numpy(people.box_xywh_px), WIDE_CROP_ENLARGEMENT)
    np.testing.assert_allclose(centre, [[100, 120]] * 3, atol=1e-4)
    np.testing.assert_allclose(side, [180] * 3, atol=1e-3)


def test_annotated_joints_count_and_openpose_fills_up(tmp_path):
    arrays = spin_arrays()
    people = convert(tmp_path, arrays)
    ankle, wrist, toe = (BODY30.index(name) for name in ("right_ankle", "left_wrist", "left_foot"))
    np.testing.assert_array_equal(people.joints_px[:, ankle], [[50, 60]] * 3)
    assert (people.joint_confidence[:, ankle] == 1).all() and not people.joint_confidence[:, toe].any()
    np.testing.assert_allclose(people.joints_px[:, wrist], arrays["openpose"][:, 7, :2], rtol=1e-6)
    np.testing.assert_allclose(people.joint_confidence[:, wrist], arrays["openpose"][:, 7, 2], rtol=1e-6)


def test_joints_in_space_keep_their_names(tmp_path):
    arrays = spin_arrays()
    people = convert(tmp_path, arrays)
    for name, place in (("right_ankle", 0), ("left_hip", 3), ("neck", 12), ("head_top", 13), ("right_ear", 23)):
        np.testing.assert_allclose(people.joints_cam[:, BODY30.index(name)], arrays["S"][:, place, :3], rtol=1e-6)
    assert not people.joint_cam_confidence[:, BODY30.index("pelvis")].any()
    assert not people.joints_absolute.any()


def test_parameters_belong_to_the_body_of_the_gender(tmp_path):
    arrays = spin_arrays()
    people = convert(tmp_path, arrays)
    assert people.body.tolist() == ["smpl_male", "", "smpl_female"]
    np.testing.assert_allclose(people.pose[2].ravel(), arrays["pose"][2], rtol=1e-6)
    assert not people.pose[1].any() and not people.betas[1].any()
    numbered = convert(tmp_path, arrays | {"gender": np.array([-1, 0, 1]), "has_smpl": np.ones(3)})
    assert numbered.body.tolist() == ["smpl_neutral", "smpl_male", "smpl_female"]


def test_files_with_boxes_only_are_read(tmp_path):
    arrays = {key: value for key, value in spin_arrays().items() if key in ("imgname", "center", "scale")}
    people = convert(tmp_path, arrays)
    assert len(people) == 3 and not people.has_params.any() and not people.joint_confidence.any()


def test_lists_of_names_that_were_saved_as_objects_are_read(tmp_path):
    arrays = spin_arrays()
    people = convert(tmp_path, arrays | {"imgname": arrays["imgname"].astype(object)})
    assert people.image[0] == "images/person_0.jpg"


def test_other_files_are_explained(tmp_path):
    with pytest.raises(InvalidInput, match="lacks scale"):
        convert(tmp_path, {key: value for key, value in spin_arrays().items() if key != "scale"})
    with pytest.raises(InvalidInput, match="is not an npz of SPIN's layout"):
        convert(tmp_path, spin_arrays() | {"pose": np.zeros((3, 71))})
    (tmp_path / "bad.npz").write_bytes(b"not an archive")
    with pytest.raises(InvalidInput, match="damaged or no npz"):
        spin.convert(tmp_path / "bad.npz", tmp_path)
