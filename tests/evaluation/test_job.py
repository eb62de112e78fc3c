"""The command: a tiny made-up data set from labels to figures, tables and pictures, and what it refuses."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from meshrec.assets import asset_path, sha256_of_file
from meshrec.data.annotations import RAGGED, Annotations
from meshrec.data.npz_format import write_annotations
from meshrec.data.ragged import Ragged
from meshrec.errors import AssetNotFound
from meshrec.structures import BODY30
from tests.support.commands import load_main

CONFIG = "configs/decomr_light.yaml"


@pytest.fixture(scope="module")
def weights():
    try:
        return asset_path("weights/decomr_light.safetensors")
    except AssetNotFound as error:
        pytest.skip(f"not in this checkout: {error}")


@pytest.fixture
def dataset(tmp_path):
    """Three photographs, apart from their labels; 2D and 3D joints, an outline; the second picture is damaged."""
    images = tmp_path / "images"
    images.mkdir()
    generator = np.random.default_rng(0)
    for number in range(3):
        Image.fromarray(generator.integers(0, 255, (120, 100, 3), np.uint8)).save(images / f"{number}.png")
    (images / "1.png").write_bytes(b"\x89PNG no more")
    square = {"px": np.float32([[20, 10], [80, 10], [80, 110], [20, 110]]), "ring": np.zeros(4, np.int32)}
    people = Annotations.of(
        [f"{number}.png" for number in range(3)], np.tile(np.float32([20, 10, 60, 100]), (3, 1)),
        joints_px=generator.uniform(10, 90, (3, 30, 2)), joint_confidence=np.ones((3, 30)),
        joints_cam=generator.standard_normal((3, 30, 3)), joint_cam_confidence=np.ones((3, 30)),
        outlines=Ragged.from_samples([square] * 3, RAGGED["outlines"]), source="Made up", joint_set=BODY30.name,
    )  # fmt: skip
    write_annotations(people, tmp_path / "people.npz")
    return tmp_path


def test_a_tiny_data_set_gives_figures_a_table_and_pictures(weights, dataset, capsys):
    out = dataset / "out"
    code = load_main("tools/eval.py")(
        CONFIG, "--people", 2, "--data", f"tiny={dataset / 'people.npz'}::{dataset / 'images'}",
        "--json", dataset / "figures.json", "--csv", dataset / "people.csv", "--pictures", out,
        "data.synthetic.wardrobe=null", "data.synthetic.backgrounds=null", "data.synthetic.motion_pack=null",
    )  # fmt: skip
    printed = capsys.readouterr().out
    assert code == 0
    report = json.loads((dataset / "figures.json").read_text())
    tiny, synthetic = report["tiny"], report["synthetic"]
    for name in ("mpjpe_mm", "pa_mpjpe_mm", "pck3d_150", "pck_02_torso", "pckh_05_neck", "pcp_strict", "pdj_02", "oks",
                 "mask_iou", "mask_f1", "fb_seg_f1"):  # fmt: skip
        assert name in tiny["figures"]["model"] and name in printed and tiny["definitions"][name] in printed, name
    assert tiny["counts"]["model"]["mpjpe_mm"] == 2 and list(tiny["left_out"]) == ["1.png"]
    assert tiny["protocol"]["labels_sha256"] == sha256_of_file(dataset / "people.npz")
    assert tiny["protocol"]["weights_sha256"] == sha256_of_file(weights)
    assert set(synthetic["figures"]) == {"model", "mean_pose", "mean_mesh"}
    assert "left out 1.png" in printed
    for name in ("synthetic", "tiny"):
        assert np.asarray(Image.open(out / f"{name}.png")).std() > 10
    with (dataset / "people.csv").open() as file:
        persons = [(row["set"], row["person"]) for row in csv.DictReader(file) if row["method"] == "model"]
    assert persons == [("synthetic", "000000"), ("synthetic", "000001"), ("tiny", "0.png#0"), ("tiny", "2.png#2")]


@pytest.mark.parametrize(("arguments", "sentence"), [
    (["--data", "photos_dev"], "write NAME=PATH"),
    (["--data", "a=x", "--data", "a=y"], "a name of its own"),
    (["--data", "synthetic=x"], "a name of its own"),
    (["--body", "smpl_male"], "write NAME=PATH, for example smpl_male="),
    (["--data", "a=none.npz"], "no file of labelled people none.npz"),
    (["--data", "a=folder::images"], "only those take an image folder"),
    (["--data", "a=folder"], "not a photo pack"),
    (["--regressor", "none.npy"], "no joint regressor none.npy"),
    (["--json", "none/figures.json"], "no folder none"),
    (["--weights", "none.safetensors"], "none.safetensors"),
    (["model.input_size=64"], "measured as the model they were trained as"),
])  # fmt: skip
def test_words_that_name_nothing_end_with_one_sentence(weights, capsys, arguments, sentence):
    assert load_main("tools/eval.py")(CONFIG, "--people", 0, *arguments) == 2
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1 and error.startswith("error: ")


def test_an_image_folder_that_is_not_there_is_named(weights, dataset, capsys):
    assert load_main("tools/eval.py")(CONFIG, "--people", 0, "--data", f"a={dataset / 'people.npz'}::/none/here") == 2
    assert "no folder /none/here" in capsys.readouterr().err


def test_nothing_measurable_ends_with_a_sentence(weights, dataset, capsys):
    for number in range(3):
        (dataset / "images" / f"{number}.png").unlink()
    place = f"a={dataset / 'people.npz'}::{dataset / 'images'}"
    assert load_main("tools/eval.py")(CONFIG, "--people", 0, "--data", place) == 2
    assert "a labels nobody whom these figures can be measured on" in capsys.readouterr().err


@pytest.mark.parametrize("config", ["configs/decomr.yaml", "configs/hmr.yaml", "configs/densepose_rcnn.yaml"])
def test_the_shipped_weights_are_not_measured_as_another_net(config, capsys):
    assert load_main("tools/eval.py")(config, "--people", 1) == 2
    error = capsys.readouterr().err
    assert "shipped" in error and "--weights" in error and error.count("\n") == 1
