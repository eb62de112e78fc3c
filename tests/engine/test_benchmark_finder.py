"""The benchmark of the person finder: what it times, and its command."""

import json

from meshrec.engine.benchmark_finder import benchmark_finder
from tests.support.commands import load_main


def test_it_times_a_photo_of_the_asked_size_that_shows_people():
    timing = benchmark_finder(size_px=(320, 240), seconds=0.01)
    assert (timing.width_px, timing.height_px) == (320, 240)
    assert timing.people > 0
    assert 0 < timing.best_ms_per_photo <= timing.ms_per_photo


def test_the_command_writes_its_figures(tmp_path, capsys):
    main = load_main("tools/benchmark.py")
    assert main("finder", "--width", "160", "--height", "120", "--json", str(tmp_path / "figures.json")) == 0
    assert "160 x 120 px" in capsys.readouterr().out
    assert json.loads((tmp_path / "figures.json").read_text())["best_ms_per_photo"] > 0


def test_an_empty_size_and_a_missing_photo_are_one_sentence(capsys):
    main = load_main("tools/benchmark.py")
    assert main("finder", "--width", "0") == 2
    assert main("finder", "--image", "nowhere.jpg") == 2
    assert "nowhere.jpg" in capsys.readouterr().err
