import numpy as np
import pytest

from meshrec.data.converters import mpi_inf_3dhp
from meshrec.errors import InvalidInput
from meshrec.structures import BODY30
from tests.support.foreign_clips import CALIBRATION, mpi_inf_cells

scipy_io = pytest.importorskip("scipy.io", reason="scipy writes and reads MATLAB files (extra convert)")


@pytest.fixture
def sequence(tmp_path):
    folder = tmp_path / "S3/Seq1"
    folder.mkdir(parents=True)
    cells = mpi_inf_cells()
    scipy_io.savemat(folder / "annot.mat", cells)
    blocks = [CALIBRATION.format(number=number) for number in range(14)]
    head, _, _ = blocks[0].partition("name")
    (folder / "camera.calibration").write_text(head + "".join(block[len(head) :] for block in blocks))
    return folder, cells


def test_training_joints_of_the_usual_cameras_are_read(sequence, tmp_path):
    folder, cells = sequence
    people = mpi_inf_3dhp.convert(folder / "annot.mat", tmp_path)
    assert people.frame.tolist() == [0, 10] * 8
    assert list(dict.fromkeys(people.sequence)) == [f"S3/Seq1/video_{n}" for n in (0, 1, 2, 4, 5, 6, 7, 8)]
    assert people.image[6] == "S3/Seq1/imageSequence/video_4.avi" and people.subject[0] == "S3"
    for name, place in (("left_shoulder", 9), ("right_wrist", 16), ("left_knee", 19), ("neck", 5), ("head_top", 7)):
        index = BODY30.index(name)
        expected = cells["annot3"][4, 0][[0, 10]].reshape(2, 28, 3)[:, place] / 1000
        np.testing.assert_allclose(people.joints_cam[6:8, index], expected, rtol=1e-5)
        expected = cells["annot2"][4, 0][[0, 10]].reshape(2, 28, 2)[:, place]
        np.testing.assert_allclose(people.joints_px[6:8, index], expected, rtol=1e-5)
    np.testing.assert_allclose(people.focal_px[0], [1497.693, 1497.103])
    np.testing.assert_allclose(people.centre_px[0], [1024.704, 1051.394])
    assert people.image_size[0].tolist() == [2048, 2048] and people.joints_absolute.all()


def test_extracted_frames_are_preferred_to_videos(sequence, tmp_path):
    (sequence[0] / "imageFrames/video_0").mkdir(parents=True)
    people = mpi_inf_3dhp.convert(sequence[0] / "annot.mat", tmp_path)
    assert people.image[1] == "S3/Seq1/imageFrames/video_0/frame_000011.jpg"


def test_missing_and_damaged_calibrations_are_explained(sequence, tmp_path):
    path = sequence[0] / "camera.calibration"
    path.write_text("Skeletool Camera Calibration File V1.0\nname 0\nsize 2048\n")
    with pytest.raises(InvalidInput, match="not a camera calibration"):
        mpi_inf_3dhp.convert(sequence[0] / "annot.mat", tmp_path)
    path.unlink()
    with pytest.raises(InvalidInput, match="camera.calibration, which belongs to the sequence"):
        mpi_inf_3dhp.convert(sequence[0] / "annot.mat", tmp_path)


def test_valid_test_frames_are_read(tmp_path):
    h5py = pytest.importorskip("h5py", reason="h5py writes and reads MATLAB files of version 7.3 (extra convert)")
    generator = np.random.default_rng(0)
    pixels, millimetres = 1000 * generator.random((4, 1, 17, 2)), 1000 * generator.standard_normal((4, 1, 17, 3))
    path = tmp_path / "mpi_inf_3dhp_test_set/TS2/annot_data.mat"
    path.parent.mkdir(parents=True)
    with h5py.File(path, "w", userblock_size=512) as file:  # arrays have MATLAB's shape backwards
        file["annot2"], file["annot3"], file["univ_annot3"] = pixels, millimetres + 5, millimetres
        file["valid_frame"] = np.array([[1], [0], [1], [1]])
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(128))
    people = mpi_inf_3dhp.convert(path, tmp_path)
    assert people.image.tolist() == [
        f"mpi_inf_3dhp_test_set/TS2/imageSequence/img_{number:06d}.jpg" for number in (1, 3, 4)
    ]
    index = BODY30.index("left_knee")
    np.testing.assert_allclose(people.joints_cam[:, index], millimetres[[0, 2, 3], 0, 12] / 1000, rtol=1e-5)
    np.testing.assert_allclose(people.joints_px[:, index], pixels[[0, 2, 3], 0, 12], rtol=1e-5)
    assert not people.joints_absolute.any() and people.sequence[0] == "TS2"
