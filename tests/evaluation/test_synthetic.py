"""The synthetic test set: a model that knows the truth has no error, one that errs by a known amount has that error."""

import numpy as np
import pytest
import torch

from meshrec.build import DataConfig, Surface
from meshrec.data.synthetic import SyntheticPeople, SyntheticPeopleConfig
from meshrec.evaluation import TEST_SEED, evaluate_synthetic, synthetic_test_set, table
from meshrec.evaluation.summary import exact_mean
from meshrec.evaluation.synthetic import measure_synthetic
from meshrec.pipeline import MeshModel
from meshrec.structures import IuvMap
from tests.support.standing import Oracle

SIZE, PEOPLE = 64, 4


@pytest.fixture(scope="module")
def surface():
    return Surface.load()


@pytest.fixture(scope="module")
def test_set(surface):
    return synthetic_test_set(DataConfig(), surface)


def knowing_model(surface, test_set, change=lambda vertices: vertices, people=PEOPLE):
    truth = test_set.batch(0, people, SIZE)
    net = Oracle(IuvMap(truth.mask, truth.uv), change(truth.vertices), truth.camera)
    return MeshModel(net, surface.body, SIZE, torch.device("cpu"))


def pelvis_of(surface, vertices):
    """(B, 1, 3)."""
    return (surface.body.joint_regressor.double() @ vertices)[:, :1]


def measured(surface, test_set, change=lambda vertices: vertices):
    return evaluate_synthetic(knowing_model(surface, test_set, change), surface, test_set, PEOPLE).figures


def test_the_truth_has_no_error_and_the_baselines_have_one(surface, test_set):
    figures = measured(surface, test_set)
    for name in ("pve_mm", "pa_pve_mm", "mpjpe_mm", "pa_mpjpe_mm", "uv_error"):
        assert figures["model"][name] == pytest.approx(0, abs=1e-2), name
    for name in ("iuv_mask_iou", "pck3d_150", "gps", "gps_parts", "gpsm", "iuv_part_accuracy"):
        assert figures["model"][name] == pytest.approx(1, abs=1e-6), name
    assert figures["model"]["mask_iou"] > figures["mean_pose"]["mask_iou"]
    assert figures["model"]["part24_accuracy"] > figures["model"]["part24_f1"] > 0.2
    for name in ("mean_pose", "mean_mesh"):
        assert figures[name]["pve_mm"] > figures[name]["pa_pve_mm"] > 20


def test_a_shift_is_no_error_and_a_wrong_size_is_one_that_alignment_takes_back(surface, test_set):
    shifted = measured(surface, test_set, lambda vertices: vertices + torch.tensor([0.1, -0.2, 0.3]))["model"]
    larger = measured(surface, test_set, lambda vertices: 1.1 * vertices)["model"]
    for name in ("pve_mm", "mpjpe_mm", "pa_mpjpe_mm"):
        assert shifted[name] == pytest.approx(0, abs=1e-2), name
    assert larger["pve_mm"] > 10 and larger["mpjpe_mm"] > 10 and larger["pa_pve_mm"] == pytest.approx(0, abs=1e-2)


def test_the_mean_mesh_is_the_mean_of_all_people(surface, test_set):
    truth = test_set.batch(0, PEOPLE, SIZE).vertices.double()
    rows = measure_synthetic(knowing_model(surface, test_set), surface, test_set, PEOPLE)
    aligned = truth - pelvis_of(surface, truth)
    constant = truth.mean(0) - pelvis_of(surface, truth.mean(0, keepdim=True))[0]
    expected = 1000 * (aligned - constant).norm(dim=-1).mean()
    found, count = exact_mean(row.values["pve_mm"] for row in rows if row.method == "mean_mesh")
    assert count == PEOPLE and found == pytest.approx(expected.item(), abs=0.01)


def test_tables_name_every_figure_with_its_definition(surface, test_set):
    report = evaluate_synthetic(knowing_model(surface, test_set, people=1), surface, test_set, 1)
    text = table("synthetic", report)
    assert all(name in text for values in report.figures.values() for name in values)
    assert all(words in text for words in report.definitions.values()) and str(TEST_SEED) in text
    assert set(report.definitions) == {name for values in report.figures.values() for name in values}


@pytest.fixture
def packs(tmp_path):
    """A motion pack whose name does not say what it is for, and one with its validation file."""
    poses = np.zeros((3, 24, 3), np.float32)
    for name in ("walks.npz", "mocap_train.npz", "mocap_val.npz"):
        np.savez(tmp_path / name, poses=poses)
    return tmp_path


@pytest.fixture
def settings_of(monkeypatch, surface):
    """The settings that the test people of a configuration would be drawn by, and the words for them."""
    monkeypatch.setattr(SyntheticPeople, "from_config", lambda config, *others, **options: config)

    def settings(**config):
        test_set = synthetic_test_set(DataConfig(synthetic=SyntheticPeopleConfig(**config)), surface)
        return test_set.people, test_set.words

    return settings


@pytest.mark.parametrize(("name", "used", "words"), [
    ("mocap_train.npz", "mocap_val.npz", "recorded, mocap_val.npz, sha256"),
    ("walks.npz", None, "made up, because no validation file"),
    ("absent_train.npz", None, "made up"),
])  # fmt: skip
def test_nobody_is_tested_on_training_poses_unawares(settings_of, packs, name, used, words):
    settings, said = settings_of(motion_pack=str(packs / name))
    assert settings.motion_pack == (used and str(packs / used)) and said["poses"].startswith(words)


def test_a_training_pack_without_its_validation_file_gives_made_up_poses(settings_of, packs):
    (packs / "mocap_val.npz").unlink()
    settings, said = settings_of(motion_pack=str(packs / "mocap_train.npz"))
    assert settings.motion_pack is None and "no validation file" in said["poses"]


def test_backgrounds_that_training_uses_up_and_clothes_are_called_the_same(settings_of, tmp_path):
    for share, used, words in (
        ((0.0, 1.0), (0.0, 1.0), "the same as in training"),
        ((0.0, 0.5), (0.5, 1.0), "the share from 0.5 on"),
    ):
        settings, said = settings_of(backgrounds=str(tmp_path), background_share=share)
        assert settings.background_share == used and words in said["backgrounds"]
    assert "painted" == settings_of(wardrobe=str(tmp_path / "none.npz"))[1]["clothes"]
    (tmp_path / "some.npz").write_bytes(b"some")
    assert settings_of(wardrobe=str(tmp_path / "some.npz"))[1]["clothes"].startswith("some.npz, sha256 ")
    assert settings_of(backgrounds=str(tmp_path / "none"))[1]["backgrounds"] == "painted"
