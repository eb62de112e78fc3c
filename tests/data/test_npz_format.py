"""The schema of labelled people: what is written comes back, and what does not fit is refused in a sentence."""

import numpy as np
import pytest

from meshrec.data.annotations import RAGGED, Annotations
from meshrec.data.npz_format import read_annotations, write_annotations
from meshrec.data.ragged import Ragged
from meshrec.errors import AssetNotFound, InvalidInput


def three_people() -> Annotations:
    """People with 2, 0 and 1 DensePose points; the second has parameters."""
    points = [
        {"part": [3, 7], "uv": [[0.1, 0.2], [0.3, 0.4]], "px": [[5, 6], [7, 8]]},
        None,
        {"part": [24], "uv": [[0.5, 0.6]], "px": [[9, 10]]},
    ]
    return Annotations.of(
        ["a.jpg", "b/c.jpg", "a.jpg"],
        [[0, 0, 10, 20], [1, 2, 3, 4], [5, 5, 5, 5]],
        joint_confidence=np.eye(3, 30),
        joints_px=np.arange(180).reshape(3, 30, 2),
        pose=np.arange(216).reshape(3, 24, 3) / 100,
        betas=np.ones((3, 10)),
        body=["", "smpl_male", ""],
        densepose=Ragged.from_samples(points, RAGGED["densepose"]),
        frame=[4, -1, 5],
        source="made up",
    )


def test_what_is_written_comes_back(tmp_path):
    people = three_people()
    write_annotations(people, tmp_path / "people.npz")
    again = read_annotations(tmp_path / "people.npz")
    assert again.image.tolist() == ["a.jpg", "b/c.jpg", "a.jpg"] and again.source == "made up"
    for name in ("box_xywh_px", "joints_px", "joint_confidence", "pose", "betas", "body", "frame", "focal_px"):
        np.testing.assert_array_equal(getattr(again, name), getattr(people, name), err_msg=name)
    assert again.has_params.tolist() == [False, True, False] and not again.has_camera.any()
    np.testing.assert_array_equal(again.densepose.rows(2)["px"], [[9, 10]])
    assert len(again.densepose.rows(1)["part"]) == 0


def test_fields_that_nobody_has_cost_neither_disk_nor_memory(tmp_path):
    write_annotations(Annotations.of(["a.jpg"], [[0, 0, 1, 1]]), tmp_path / "people.npz")
    with np.load(tmp_path / "people.npz") as file:
        words = {"source", "licence", "joint_set", "fitted_by"}
        assert set(file.files) == {"format", "version", "image", "box_xywh_px"} | words
    assert read_annotations(tmp_path / "people.npz").joints_cam.strides == (0, 0, 0)


def test_parameters_that_were_fitted_are_known_only_where_the_fit_was_kept(tmp_path):
    fitted = {"fit_error": [0.02, 0.01, -1], "fit_kept": [False, True, False], "fit_energy": [-3, 40, 0]}
    people = three_people().replace(body=["smpl_male", "smpl_male", "smpl_male"], fitted_by="a rule", **fitted)
    write_annotations(people, tmp_path / "people.npz")
    again = read_annotations(tmp_path / "people.npz")
    assert again.is_fitted.tolist() == [True, True, False] and again.has_params.tolist() == [False, True, True]
    assert again.fit_energy.tolist() == [-3, 40, 0] and again.fitted_by == "a rule"
    assert not three_people().is_fitted.any()


def test_selecting_and_concatenating_keep_people_whole():
    people = three_people()
    again = Annotations.concatenate([people.select([2]), people.select(np.array([True, True, False]))])
    assert again.image.tolist() == ["a.jpg", "a.jpg", "b/c.jpg"] and again.frame.tolist() == [5, 4, -1]
    assert [again.densepose.rows(i)["part"].tolist() for i in range(3)] == [[24], [3, 7], []]


def test_poses_of_different_length_are_filled_up_when_concatenated():
    long = Annotations.of(["x.png"], [[0, 0, 1, 1]], pose=np.ones((1, 55, 3)), betas=np.ones((1, 11)), body=["smplx"])
    both = Annotations.concatenate([three_people(), long])
    assert both.pose.shape == (4, 55, 3) and both.betas.shape == (4, 11)
    assert not both.pose[1, 24:].any() and both.pose[3].all()


def test_what_nobody_knows_costs_no_memory_after_concatenation_either():
    both = Annotations.concatenate([Annotations.of(["a.jpg"], [[0, 0, 1, 1]])] * 2)
    assert both.joints_cam.shape == (2, 30, 3) and both.joints_cam.strides == (0, 0, 0)
    known = Annotations.of(["a.jpg"], [[0, 0, 1, 1]], joints_absolute=np.broadcast_to(True, 1))
    assert Annotations.concatenate([known, known]).joints_absolute.all()


@pytest.mark.parametrize(
    "wrong, sentence",
    [
        ({"joints_px": np.zeros((2, 30, 2))}, r"joints_px must have shape \(1, 30, 2\), got \(2, 30, 2\)"),
        ({"joints_px": np.full((1, 30, 2), np.nan)}, "joints_px holds values that are not finite"),
        ({"box_xywh_px": [[0, 0, 0, 5]]}, "boxes without width or height"),
        ({"joint": [1]}, "no field 'joint'"),
        ({"joint_confidence": np.full((1, 30), 2.0)}, "joint_confidence must lie between 0 and 1"),
        ({"joint_cam_confidence": np.full((1, 30), -0.1)}, "joint_cam_confidence must lie between 0 and 1"),
        (
            {"outlines": Ragged(np.array([0, 1]), {"px": np.zeros((1, 3), np.float32), "ring": np.zeros(1, np.int32)})},
            r"outlines.px must have shape \(1, 2\), got \(1, 3\)",
        ),
    ],
)
def test_labels_that_do_not_fit_are_refused(wrong, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        Annotations.of(**({"image": ["a.jpg"], "box_xywh_px": [[0, 0, 1, 1]]} | wrong))


def test_part_numbers_beyond_densepose_are_refused():
    points = Ragged.from_samples([{"part": [25], "uv": [[0, 0]], "px": [[0, 0]]}], RAGGED["densepose"])
    with pytest.raises(InvalidInput, match="1 to 24, got 25"):
        Annotations.of(["a.jpg"], [[0, 0, 1, 1]], densepose=points)


def test_files_of_other_kinds_are_explained(tmp_path):
    path = tmp_path / "x.npz"
    with pytest.raises(AssetNotFound, match="convert_dataset.py makes one"):
        read_annotations(path)
    path.write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(InvalidInput, match="damaged or no npz"):
        read_annotations(path)
    np.savez(path, imgname=np.array(["a"]), scale=np.ones(1))
    with pytest.raises(InvalidInput, match="npz of another kind"):
        read_annotations(path)
    np.savez(path, format="meshrec-people", version=1, image=np.array([{}], object))
    with pytest.raises(InvalidInput, match="no npz of plain arrays"):
        read_annotations(path)
    np.savez(path, format="meshrec-people", version=99, image=np.array(["a"]))
    with pytest.raises(InvalidInput, match="version of the schema is 99"):
        read_annotations(path)
    for content in ({"version": 1}, {"box_xywh_px": np.ones((1, 4))}, {"version": "one"}):
        np.savez(path, format="meshrec-people", image=np.array(["a"]), **content)
        with pytest.raises(InvalidInput, match="cannot be read as a file of labelled people"):
            read_annotations(path)


def test_offsets_that_do_not_match_the_rows_are_refused(tmp_path):
    with pytest.raises(ValueError, match="offsets must rise"):
        Ragged(np.array([0, 3]), {"part": np.zeros(2)})
