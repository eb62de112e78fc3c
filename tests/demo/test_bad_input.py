"""Everything that can be wrong with what a user gives the demo ends in one clear sentence and exit code 2."""

import json
import os
import subprocess
import sys

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import meshrec.build
import meshrec.iuv.predictor
import meshrec.load
from meshrec.checkpoint import read_metadata, save_weights
from tests.support.commands import REPOSITORY, load_main, run_script
from tests.support.people import Finder, egg_model
from tests.support.photos import gradient, write_readable_photos, write_unreadable_photos


@pytest.fixture
def demo(monkeypatch, tmp_path):
    """The demo's main with a light stand-in for the network, in an empty working directory."""
    monkeypatch.setattr(meshrec.load, "load_model", lambda *place, **options: egg_model())
    monkeypatch.setattr(meshrec.iuv.predictor, "make_predictor", lambda *options: Finder((2, 2, 30, 40)))
    monkeypatch.chdir(tmp_path)
    return load_main("demo/run.py")


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(gradient(96, 64)).save(path)
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Untrained weights of the default network."""
    path = tmp_path_factory.mktemp("weights") / "untrained.safetensors"
    surface, config = meshrec.build.Surface.load(), meshrec.build.ModelConfig()
    torch.manual_seed(0)
    save_weights(path, meshrec.build.build_net(config, surface), meshrec.build.weights_metadata(config, surface),
                 half=True)
    return path


def _only_sentence(capsys):
    lines = [line for line in capsys.readouterr().err.splitlines() if "photo/s" not in line and line.strip()]
    assert len(lines) == 1 and lines[0].startswith("error: "), lines
    return lines[0]


@pytest.mark.parametrize("sentence", ["is an empty file", "is not an image", "damaged or cut off", "only 1 x 1 pixels",
                                      "There is no photo"])
def test_a_bad_photo_is_explained(demo, tmp_path, capsys, sentence):
    assert demo(write_unreadable_photos(tmp_path)[sentence], "--save", "m.obj") == 2
    assert sentence in _only_sentence(capsys)
    assert not (tmp_path / "m.obj").exists()


@pytest.mark.parametrize("arguments, sentence", [
    (["--save", "mesh.stl"], ".obj, .ply, .glb"), (["--save", "mesh"], ".obj, .ply, .glb"),
    (["--overlay", "o.jpg"], "must be .png"), (["--iuv", "o.tiff"], "must be .png"),
    (["--save-iuv", "o.txt"], "must be .npz or .png"), (["--correspondence", "o.npz"], "must be .png"),
    (["--max-people", "0"], "at least 1, got 0"),
    (["--min-score", "50"], "between 0 and 1, got 50"), (["--iuv-backend", "theirs"], "invalid choice: 'theirs'"),
    (["--save-camera", "c.txt"], "must be .json"), (["--save", "absent/mesh.obj"], "Cannot write absent/mesh.obj"),
    (["--overlay", "absent/o.png"], "Cannot write absent/o.png"), (["--json", "absent/f.json"], "Cannot write"),
    (["--box", "500,500,20,20"], "outside the photo of 64 x 96"), (["--box", "5,5,0,20"], "is empty"),
    (["--box=-50,0,40,40"], "outside the photo"), (["--box", "1,2,3"], "four numbers x,y,w,h, got '1,2,3'"),
    (["--box", "a,b,c,d"], "four numbers"), (["--field-of-view", "200"], "between 1 and 170"),
    (["--field-of-view", "wide"], "invalid float"), (["--wrong"], "unrecognized arguments: --wrong")])
def test_a_wrong_option_is_explained(demo, photo, capsys, arguments, sentence):
    assert demo(photo, *arguments) == 2
    assert sentence in _only_sentence(capsys)


def test_no_photo_and_an_empty_folder_are_explained(demo, tmp_path, capsys):
    assert demo() == 2
    assert "IMAGE" in _only_sentence(capsys)
    assert demo(tmp_path) == 2
    assert "holds no photos" in _only_sentence(capsys)


def test_a_box_for_several_photos_is_refused(demo, photo, capsys):
    assert demo(photo, photo.with_name("other.png"), "--box", "1,2,30,40") == 2
    assert "--box belongs to one photo, but 2 were given" in _only_sentence(capsys)


def test_a_window_without_a_display_is_refused_before_any_work(demo, photo, capsys, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert demo(photo, "--view", "--save", "m.obj") == 2
    assert "no display" in _only_sentence(capsys) and not photo.with_name("m.obj").exists()


def test_a_window_without_open3d_says_how_to_get_it(demo, photo, capsys, monkeypatch):
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setitem(sys.modules, "open3d", None)
    assert demo(photo, "--view") == 2
    assert 'pip install "meshrec[viewer]"' in _only_sentence(capsys)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into every folder")
def test_a_read_only_folder_is_explained(demo, photo, tmp_path, capsys):
    (tmp_path / "locked").mkdir(mode=0o555)
    assert demo(photo, "--save", "locked/mesh.obj") == 2
    assert "Cannot write locked/mesh.obj" in _only_sentence(capsys)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a folder that not even root may write into")
def test_a_folder_that_nobody_may_write_into_is_explained(demo, photo, capsys):
    assert demo(photo, "--overlay", "/proc/overlay.png") == 2
    assert "Cannot write /proc/overlay.png" in _only_sentence(capsys)


@pytest.mark.parametrize("box", ["40,60,60,80", "-30,-20,50,60"])
def test_a_person_at_the_border_gives_a_mesh(demo, photo, tmp_path, box):
    assert demo(photo, f"--box={box}", "--save", "m.obj", "--overlay", "o.png") == 0
    assert (tmp_path / "m.obj").stat().st_size > 1000


def test_a_folder_run_goes_on_past_bad_files_and_sums_up(demo, tmp_path, capsys):
    folder = tmp_path / "photos"
    folder.mkdir()
    bad = [path for path in write_unreadable_photos(folder).values() if path.exists()]
    good = write_readable_photos(folder)
    assert demo(folder, "--save", "out.ply", "--json", "figures.json") == 2
    output = capsys.readouterr()
    assert f"{len(good)} of {len(good) + len(bad)} photos done" in output.out.splitlines()[-1]
    assert all(str(path) in output.out.splitlines()[-1] for path in bad)
    assert len(list(tmp_path.glob("out_*.ply"))) == len(good)
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert sum(entry["error"] is not None for entry in figures) == len(bad)


def test_without_output_options_a_mesh_and_an_overlay_appear_and_are_named(demo, photo, tmp_path, capsys):
    assert demo(photo) == 0
    printed = capsys.readouterr()
    assert all((tmp_path / name).exists() and name in printed.out + printed.err
               for name in ("photo_mesh.obj", "photo_overlay.png"))


def test_a_photo_without_people_says_so_and_is_no_failure(demo, photo, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(meshrec.iuv.predictor, "make_predictor", lambda *options: Finder())
    assert demo(photo, "--save", "m.obj", "--overlay", "o.png", "--json", "f.json") == 0
    printed = capsys.readouterr()
    assert f"{photo}: nobody found" in printed.out + printed.err and "0 people" in printed.out
    assert json.loads((tmp_path / "f.json").read_text())[0]["people"] == []
    assert (tmp_path / "o.png").exists() and not (tmp_path / "m.obj").exists()


def test_the_largest_people_are_kept(demo, photo, tmp_path, monkeypatch):
    finder = Finder((2, 2, 12, 22), (20, 10, 60, 90), (2, 40, 22, 80))
    monkeypatch.setattr(meshrec.iuv.predictor, "make_predictor", lambda *options: finder)
    assert demo(photo, "--max-people", "2", "--json", "f.json", "--overlay", "o.png") == 0
    people = json.loads((tmp_path / "f.json").read_text())[0]["people"]
    assert [person["box_xywh_px"] for person in people] == [[20, 10, 40, 80], [2, 40, 20, 40]]


@pytest.mark.parametrize("script", ["demo/run.py", *(f"tools/{path.name}" for path in REPOSITORY.glob("tools/*.py"))])
def test_help_needs_no_torch(script):
    code = (f"import runpy, sys\nsys.argv = ['script', '--help']\n"
            f"try: runpy.run_path({str(REPOSITORY / script)!r}, run_name='__main__')\n"
            "except SystemExit as ending: assert not ending.code\n"
            "assert 'torch' not in sys.modules")
    result = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True)
    assert result.returncode == 0 and "usage:" in result.stdout, result.stderr


def test_missing_weights_are_explained(photo, capsys, tmp_path):
    assert load_main("demo/run.py")(photo, "--weights", tmp_path / "absent.safetensors") == 2
    assert "absent.safetensors" in _only_sentence(capsys)


def test_a_missing_body_is_explained(photo, capsys, tmp_path, weights):
    assert load_main("demo/run.py")(photo, "--weights", weights, "--body", tmp_path / "absent.npz") == 2
    assert "absent.npz" in _only_sentence(capsys)


def test_corrupt_weights_are_explained(photo, capsys, tmp_path):
    path = tmp_path / "corrupt.safetensors"
    path.write_bytes(b"\x80\x00" * 500)
    assert load_main("demo/run.py")(photo, "--weights", path) == 2
    assert "corrupt.safetensors" in _only_sentence(capsys)


def _changed_weights(weights, path, *, value=None, **metadata):
    """A copy with other metadata, or with one tensor filled with a value."""
    tensors = load_file(weights)
    if value is not None:
        name = max(tensors, key=lambda name: tensors[name].numel())
        tensors[name] = torch.full_like(tensors[name], value)
    save_weights(path, tensors, {**read_metadata(weights), **metadata})
    return path


def test_cut_off_weights_are_explained(photo, capsys, tmp_path, weights):
    path = tmp_path / "cut_off.safetensors"
    path.write_bytes(weights.read_bytes()[:-1000])
    assert load_main("demo/run.py")(photo, "--weights", path) == 2
    assert "cut_off.safetensors" in _only_sentence(capsys)


def test_weights_of_another_body_are_refused(photo, capsys, tmp_path, weights):
    path = _changed_weights(weights, tmp_path / "other.safetensors", body_hash="0123456789abcdef")
    assert load_main("demo/run.py")(photo, "--weights", path) == 2
    assert "0123456789abcdef" in _only_sentence(capsys)


def test_weights_that_are_not_numbers_are_explained(photo, capsys, tmp_path, weights, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = _changed_weights(weights, tmp_path / "nan.safetensors", value=float("nan"))
    assert load_main("demo/run.py")(photo, "--weights", path, "--box", "5,5,40,60") == 2
    assert "not finite" in _only_sentence(capsys)


def test_the_real_demo_survives_a_folder_of_everything(tmp_path, weights):
    folder = tmp_path / "photos"
    folder.mkdir()
    bad = [path for path in write_unreadable_photos(folder).values() if path.exists()]
    good = write_readable_photos(folder)
    Image.new("L", (12_000, 8_400), 90).save(folder / "huge.jpg")
    result = run_script("demo/run.py", folder, "--weights", weights, "--overlay", "o.png", cwd=tmp_path)
    assert result.returncode == 2 and "Traceback" not in result.stderr
    assert f"{len(good) + 1} of {len(good) + len(bad) + 1} photos done" in result.stdout
    assert all(f"error: {path}" in result.stderr for path in bad)
    assert len(list(tmp_path.glob("o_*.png"))) == len(good) + 1
