import json

import numpy as np
import pytest

from meshrec.data.converters import h36m
from meshrec.errors import InvalidInput, MissingDependency
from meshrec.structures import BODY30
from meshrec.structures.foreign_joints import H36M17, H36M17_OF_32
from tests.support.foreign_clips import write_h36m_json

SHARED = ("left_hip", "right_knee", "left_wrist", "neck")


@pytest.mark.parametrize("t_is_place", [False, True])
def test_both_meanings_of_the_cameras_shift_are_read(tmp_path, t_is_place):
    path, truth = write_h36m_json(tmp_path, t_is_place)
    people = h36m.convert(path, tmp_path)
    for name in SHARED:
        ours, theirs = BODY30.index(name), H36M17.index(name)
        np.testing.assert_allclose(people.joints_cam[:, ours], truth[:, theirs], atol=1e-5)
        projected = truth[:, theirs, :2] / truth[:, theirs, 2:] * people.focal_px + people.centre_px
        np.testing.assert_allclose(people.joints_px[:, ours], projected, rtol=1e-5)
    assert not people.joint_cam_confidence[:, BODY30.index("pelvis")].any()
    assert people.subject.tolist() == ["S1"] * 4 and people.frame.tolist() == [0, 5, 0, 5]
    assert people.sequence[2] == "s01_act02_01_ca02" and people.image_size[0].tolist() == [1002, 1000]


def test_cameras_of_another_subject_are_refused(tmp_path):
    path, _ = write_h36m_json(tmp_path, False)
    cameras = json.loads((tmp_path / "Human36M_subject1_camera.json").read_text())
    for camera in cameras.values():
        camera["t"] = [9000.0, 9000.0, 100.0]
    (tmp_path / "Human36M_subject1_camera.json").write_text(json.dumps(cameras))
    with pytest.raises(InvalidInput, match="do not fit together"):
        h36m.convert(path, tmp_path)


def test_a_missing_companion_is_named(tmp_path):
    path, _ = write_h36m_json(tmp_path, False)
    (tmp_path / "Human36M_subject1_joint_3d.json").unlink()
    with pytest.raises(InvalidInput, match="joint_3d.json is not JSON"):
        h36m.convert(path, tmp_path)


@pytest.fixture
def recording(tmp_path):
    """An original recording of twelve frames, written by cdflib."""
    cdfwrite = pytest.importorskip("cdflib.cdfwrite", reason="cdflib writes and reads these files (extra convert)")
    generator = np.random.default_rng(0)
    space, pixels = 1000 * generator.standard_normal((12, 96)), 1000 * generator.random((12, 64))
    name = "Directions 1.54138969.cdf"
    for folder, values in (("D3_Positions_mono", space), ("D2_Positions", pixels)):
        path = tmp_path / "S9/MyPoseFeatures" / folder / name
        path.parent.mkdir(parents=True)
        file = cdfwrite.CDF(path, cdf_spec={"Majority": "row_major"})
        file.write_var(
            {"Variable": "Pose", "Data_Type": 45, "Num_Elements": 1, "Rec_Vary": True, "Var_Type": "zVariable",
             "Dim_Sizes": list(values.shape)},
            var_data=values[None],
        )  # fmt: skip
        file.close()
    return tmp_path, space.reshape(12, 32, 3), pixels.reshape(12, 32, 2)


def test_original_recordings_are_read_every_fifth_frame(recording):
    root, space, pixels = recording
    people = h36m.convert(root / "S9/MyPoseFeatures/D3_Positions_mono/Directions 1.54138969.cdf", root)
    assert people.frame.tolist() == [0, 5, 10] and set(people.image) == {"S9/Videos/Directions 1.54138969.mp4"}
    wrist, place = BODY30.index("left_wrist"), H36M17_OF_32[H36M17.index("left_wrist")]
    np.testing.assert_allclose(people.joints_cam[:, wrist], space[::5, place] / 1000, rtol=1e-5)
    np.testing.assert_allclose(people.joints_px[:, wrist], pixels[::5, place], rtol=1e-5)


def test_without_cdflib_the_way_to_get_it_is_told(recording, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cdflib", None)
    with pytest.raises(MissingDependency, match=r'pip install "meshrec\[convert\]"'):
        h36m.convert(recording[0] / "S9/MyPoseFeatures/D3_Positions_mono/Directions 1.54138969.cdf", recording[0])
