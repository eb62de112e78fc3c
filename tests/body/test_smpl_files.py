"""The restricted reader of body files: what it must load, and what it must refuse."""

import pickle

import numpy as np
import pytest

from meshrec.assets import asset_path
from meshrec.body.smpl_files import read_smpl_file
from meshrec.errors import AssetNotFound, InvalidInput
from tests.support.smpl_pickles import chumpy_like_pickle, hostile_pickles, small_smpl_arrays, sparse_columns


def check_content(got, arrays):
    assert np.allclose(got.template_vertices, arrays["v_template"], atol=1e-6)
    assert np.allclose(got.shape_directions, arrays["shapedirs"], atol=1e-6)
    assert np.allclose(got.joint_regressor, arrays["J_regressor"], atol=1e-6)
    assert np.array_equal(got.faces, arrays["f"])
    assert got.parents == (-1, 0, 1)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_pickles_with_chumpy_and_scipy_classes_load_without_either(tmp_path, monkeypatch, protocol):
    arrays = small_smpl_arrays()
    path = tmp_path / "body.pkl"
    path.write_bytes(chumpy_like_pickle(arrays, monkeypatch, protocol))
    check_content(read_smpl_file(path), arrays)


def test_plain_pickles_and_npz_files_load(tmp_path):
    arrays = small_smpl_arrays()
    (tmp_path / "body.pkl").write_bytes(pickle.dumps(arrays, 2))
    np.savez_compressed(tmp_path / "body.npz", **arrays)
    check_content(read_smpl_file(tmp_path / "body.pkl"), arrays)
    check_content(read_smpl_file(tmp_path / "body.npz"), arrays)


def test_npz_files_may_hold_a_pickled_sparse_regressor(tmp_path, monkeypatch):
    arrays = small_smpl_arrays()
    sparse = np.empty((), object)
    sparse[()] = sparse_columns(arrays["J_regressor"], monkeypatch)
    np.savez(tmp_path / "body.npz", **{**arrays, "J_regressor": sparse})
    check_content(read_smpl_file(tmp_path / "body.npz"), arrays)


@pytest.mark.parametrize("kind", ["os_system", "eval", "nested", "through_numpy", "by_attribute"])
def test_hostile_pickles_are_refused_and_run_nothing(tmp_path, kind):
    marker = tmp_path / "pwned"
    hostile = hostile_pickles(str(marker))[kind]
    (tmp_path / "body.pkl").write_bytes(hostile)
    with pytest.raises(InvalidInput, match="which a file of arrays has no use for") as refusal:
        read_smpl_file(tmp_path / "body.pkl")
    assert "\n" not in str(refusal.value)
    assert not marker.exists()


def test_the_hostile_pickle_would_work_in_an_ordinary_reader(tmp_path):
    marker = tmp_path / "pwned"
    pickle.loads(hostile_pickles(str(marker))["os_system"])
    assert marker.exists()


def test_a_hostile_pickle_inside_an_npz_is_refused(tmp_path):
    marker = tmp_path / "pwned"
    harmful = np.empty((), object)
    np.savez(tmp_path / "body.npz", **{**small_smpl_arrays(), "J_regressor": harmful})
    replace_member(tmp_path / "body.npz", "J_regressor.npy", hostile_pickles(str(marker))["os_system"])
    with pytest.raises(InvalidInput, match="no use for"):
        read_smpl_file(tmp_path / "body.npz")
    assert not marker.exists()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
@pytest.mark.parametrize("suffix", ["npz", "pkl"])
def test_truncated_files_give_one_clear_sentence(tmp_path, suffix, share):
    if suffix == "npz":
        whole = asset_path("body/meshrec_body.npz").read_bytes()
    else:
        whole = pickle.dumps(small_smpl_arrays(), 2)
    path = tmp_path / f"body.{suffix}"
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InvalidInput, match="body file .*damaged") as refusal:
        read_smpl_file(path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": None}, "lacks weights"),
        ({"posedirs": np.zeros((12, 3, 5))}, "posedirs has shape"),
        ({"v_template": np.full((12, 3), np.nan)}, "not finite"),
        ({"v_template": np.float32(1)}, "v_template has shape"),
        ({"f": np.full((8, 3), 99)}, "point outside"),
        ({"weights": np.ones((12, 3))}, "sum to one"),
        ({"kintree_table": np.array([[0, 2, 1], [0, 1, 2]])}, "before its parent"),
        ({"kintree_table": np.zeros((3, 3))}, "kintree_table must hold"),
        ({"J_regressor": np.array(["a", "b"])}, "no array of numbers"),
    ],
)
def test_files_that_make_no_sense_say_what_is_wrong(tmp_path, change, message):
    arrays = {key: value for key, value in {**small_smpl_arrays(), **change}.items() if value is not None}
    np.savez(tmp_path / "body.npz", **arrays)
    with pytest.raises(InvalidInput, match=message):
        read_smpl_file(tmp_path / "body.npz")


def test_a_sparse_matrix_with_wrong_indices_is_refused(tmp_path, monkeypatch):
    arrays = small_smpl_arrays()
    arrays["J_regressor"] = sparse_columns(arrays["J_regressor"], monkeypatch)
    arrays["J_regressor"].indices = arrays["J_regressor"].indices + 1000
    (tmp_path / "body.pkl").write_bytes(pickle.dumps(arrays, 2))
    with pytest.raises(InvalidInput, match="J_regressor of .* is damaged"):
        read_smpl_file(tmp_path / "body.pkl")


def test_other_files_and_missing_files_are_named(tmp_path):
    (tmp_path / "photo.pkl").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    with pytest.raises(InvalidInput, match="photo.pkl"):
        read_smpl_file(tmp_path / "photo.pkl")
    (tmp_path / "list.pkl").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(InvalidInput, match="no table of arrays"):
        read_smpl_file(tmp_path / "list.pkl")
    with pytest.raises(AssetNotFound, match="free default body"):
        read_smpl_file(tmp_path / "absent.pkl")


def replace_member(path, name, pickled):
    """Put a pickle behind the header of an object array in an npz."""
    import zipfile

    with zipfile.ZipFile(path) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    header_length = 10 + int.from_bytes(members[name][8:10], "little")
    members[name] = members[name][:header_length] + pickled
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
