import numpy as np
import pytest

from meshrec.body import BodyModel
from meshrec.data.converters import surreal
from meshrec.data.mesh_truth import MeshTruth
from meshrec.errors import InvalidInput
from meshrec.structures import BODY30, SMPL24
from tests.support.foreign_clips import project_surreal, surreal_info

scipy_io = pytest.importorskip("scipy.io", reason="scipy writes and reads MATLAB files (extra convert)")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    body, root = BodyModel.from_file(), tmp_path_factory.mktemp("surreal")
    info, vertices = surreal_info(body)
    folder = root / "cmu/train/run0/01_01"
    folder.mkdir(parents=True)
    scipy_io.savemat(folder / "01_01_c0001_info.mat", info)
    return body, info, vertices, surreal.convert(folder / "01_01_c0001_info.mat", root), root


def test_every_frame_names_its_video(clip):
    people = clip[3]
    assert set(people.image) == {"cmu/train/run0/01_01/01_01_c0001.mp4"}
    assert people.frame.tolist() == [0, 1, 2, 3] and set(people.body) == {"smpl_male"}


def test_the_mirrored_body_covers_what_the_picture_shows(clip):
    """The whole way, by two roads: the generator's body before its mirroring camera, and ours before a plain one."""
    body, info, vertices, people, _ = clip
    posed = MeshTruth(body).pose(people.replace(body=np.full(4, body.hash)))
    root = BODY30.index("pelvis")
    placed = (posed.vertices - posed.joints[:, root, None]).numpy() + people.joints_cam[:, root, None]
    ours = placed[..., :2] / placed[..., 2:] * people.focal_px[:, None] + people.centre_px[:, None]
    shown = project_surreal(vertices, info["camLoc"][:, 0])
    # The left side of one is the right side of the other, so points are compared with the nearest.
    distance = np.linalg.norm(ours[0][::40, None] - shown[0][None], axis=-1).min(1)
    assert np.percentile(distance, 99) < 1.0
    unmirrored = np.linalg.norm(ours[0][::40] - shown[0][::40], axis=-1)
    assert np.median(unmirrored) > 3


def test_joints_are_those_of_the_person_seen(clip):
    _, info, _, people, _ = clip
    right_in_file, left = 21, BODY30.index("left_wrist")
    np.testing.assert_allclose(people.joints_px[:, left], info["joints2D"][:, right_in_file].T, atol=0.51)
    drawn = info["joints2D"].transpose(2, 1, 0)[:, list(SMPL24.mirror)]
    inside = (drawn >= 0).all(-1) & (drawn < [320, 240]).all(-1)
    np.testing.assert_array_equal(people.joint_confidence[:, :24], inside)
    assert 0.5 < inside.mean() < 1 and people.joints_absolute.all()


def test_clips_of_one_frame_and_people_out_of_view_are_handled(clip, tmp_path):
    info = clip[1]
    single = {key: info[key][..., 0] for key in ("joints2D", "joints3D", "pose", "shape")}
    single |= {"gender": info["gender"][:1], "zrot": info["zrot"][:1]}
    scipy_io.savemat(tmp_path / "a_info.mat", info | single)
    assert len(surreal.convert(tmp_path / "a_info.mat", tmp_path)) == 1
    away = info["joints3D"].copy()
    away[2, :, 1:] += 50
    scipy_io.savemat(tmp_path / "a_info.mat", info | {"joints3D": away})
    assert surreal.convert(tmp_path / "a_info.mat", tmp_path).frame.tolist() == [0]


def test_other_files_are_explained(clip, tmp_path):
    scipy_io.savemat(tmp_path / "a_info.mat", {"pose": np.zeros(3)})
    with pytest.raises(InvalidInput, match="is not a MATLAB file with joints3D"):
        surreal.convert(tmp_path / "a_info.mat", tmp_path)
    (tmp_path / "a_info.mat").write_bytes(b"nothing")
    with pytest.raises(InvalidInput, match="is not a MATLAB file"):
        surreal.convert(tmp_path / "a_info.mat", tmp_path)
    with pytest.raises(InvalidInput, match="does not lie in the image folder"):
        surreal.convert(clip[4] / "cmu/train/run0/01_01/01_01_c0001_info.mat", tmp_path)
