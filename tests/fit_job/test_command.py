"""tools/fit.py: its three works, and one clear sentence with exit code 2 for whatever is wrong."""

import json
import os
import signal

import pytest
import torch
from PIL import Image

from meshrec.body import BodyModel
from meshrec.data.npz_format import read_annotations
from meshrec.fit_job.fitter import Fitter
from tests.fit_job.test_photographs import write_coco
from tests.support.commands import load_main
from tests.support.fit_people import write_standing_pack
from tests.support.standing_fits import standing_fits


@pytest.fixture(scope="module")
def fitter():
    return Fitter(BodyModel.from_file(), torch.nn.Module(), fit=standing_fits)


@pytest.fixture
def fit(monkeypatch, tmp_path, fitter):
    """The command with a stand-in for the fitter, in an empty working directory."""
    monkeypatch.setattr(Fitter, "load", classmethod(lambda cls, *given: fitter))
    monkeypatch.chdir(tmp_path)
    return load_main("tools/fit.py")


@pytest.fixture
def pack(fitter, tmp_path):
    return write_standing_pack(tmp_path / "pack", fitter.body, 3)


def sentence_of(capsys):
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip() and "it/s" not in line]
    lines = [line for line in lines if not line.startswith(("\r", "0", "1")) and "photo/s" not in line]
    assert len(lines) == 1 and lines[0].startswith("error: "), lines
    return lines[0]


def test_a_photo_with_keypoints_gives_a_mesh_an_overlay_and_figures(fit, fitter, tmp_path, capsys):
    write_coco(tmp_path, fitter, (0.0, 0.2))
    outputs = ("--save", "m.ply", "--overlay", "o.png", "--json", "f.json")
    assert fit("photo.png", "--keypoints", "coco.json", *outputs) == 0
    assert "1 of 1 photos done, 2 people" in capsys.readouterr().out
    assert (tmp_path / "m.ply").stat().st_size > 1000 and Image.open(tmp_path / "o.png").size == (120, 160)
    assert json.loads((tmp_path / "f.json").read_text())[0]["people"][1]["joints"] == 17


def test_a_data_set_gives_fits_a_sheet_and_figures(fit, pack, tmp_path, capsys):
    arguments = ("--data", pack, "--out", "fits.npz", "--sheet", "s.png", "--json", "f.json", "--max-error", "0.02")
    assert fit(*arguments) == 0
    people = read_annotations(tmp_path / "fits.npz")
    assert people.fit_kept.tolist() == [True, True, False] and (tmp_path / "s.png").stat().st_size > 1000
    printed = capsys.readouterr().out
    assert "kept                     2" in printed and "error at most 0.02" in printed
    assert json.loads((tmp_path / "f.json").read_text())["figures"]["fitted"] == 2


def test_the_fitter_is_measured_on_synthetic_people(fit, tmp_path, capsys):
    assert fit("--synthetic", "4", "--noise-px", "2", "--json", "f.json", "--unknown-camera") == 0
    printed = capsys.readouterr().out
    assert "reprojection_px" in printed and "people/s" in printed and "camera: unknown" in printed
    assert json.loads((tmp_path / "f.json").read_text())["synthetic"]["figures"]["model"]["pa_mpjpe_mm"] > 0


@pytest.mark.parametrize("arguments, sentence", [
    ([], "one of the three"), (["photo.png"], "photos need --keypoints"), (["--data", "pack"], "--data needs --out"),
    (["photo.png", "--synthetic", "3"], "one of the three"), (["--synthetic", "3", "--out", "f.npz"], "fits of data"),
    (["--data", "pack", "--out", "f.npz", "--save", "m.obj"], "--save belongs to fits of photos"),
    (["--data", "pack", "--out", "f.npz", "--noise-px", "3"], "--noise-px belongs to fits of synthetic"),
    (["photo.png", "--keypoints", "absent.json"], "no keypoint file absent.json"),
    (["photo.png", "--keypoints", "coco.json", "--save", "m.stl"], "must be one of"),
    (["photo.png", "--keypoints", "coco.json", "--field-of-view", "200"], "between 1 and 170"),
    (["absent.png", "--keypoints", "coco.json"], "There is no photo absent.png"),
    (["--data", "absent", "--out", "f.npz"], "absent"), (["--data", "pack", "--out", "no/f.npz"], "no folder no"),
    (["--data", "pack", "--out", "f.npz", "--min-joints", "2"], "at least 6"),
    (["--data", "pack", "--out", "f.npz", "--max-energy", "nan"], "must be numbers, got NaN"),
    (["photo.png", "--keypoints", "coco.json", "--json", "no/f.json"], "no folder no"),
    (["--synthetic", "0"], "at least 1, got 0"),
    (["--data", "pack", "--out", "f.npz", "--batch", "0"], "--batch must be at least 1"),
    (["--synthetic", "3", "--missing", "1.5"], "below 1"),
    (["--synthetic", "3", "--motion-pack", "m.npz"], "no motion pack"),
    (["--synthetic", "3", "--json", "no/f.json"], "no folder no")])  # fmt: skip
def test_whatever_is_wrong_is_one_sentence(fit, fitter, pack, tmp_path, capsys, arguments, sentence):
    write_coco(tmp_path, fitter, (0.0,))
    assert fit(*arguments) == 2
    assert sentence in sentence_of(capsys)


def test_an_interrupted_data_set_says_how_to_go_on_and_keeps_what_was_done(
    fit, fitter, pack, tmp_path, monkeypatch, capsys
):
    def interrupted(evidence, body, prior, options):
        if not (tmp_path / "asked").exists():
            (tmp_path / "asked").touch()
            os.kill(os.getpid(), signal.SIGINT)
        return standing_fits(evidence, body)

    stopping = Fitter(fitter.body, fitter.prior, fit=interrupted)
    monkeypatch.setattr(Fitter, "load", classmethod(lambda cls, *given: stopping))
    assert fit("--data", pack, "--out", "fits.npz", "--batch", "1") == 130
    assert "with 1 people left; the same command goes on from fits.npz" in capsys.readouterr().err
    assert read_annotations(tmp_path / "fits.npz").is_fitted.sum() == 1
