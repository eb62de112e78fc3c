"""The benchmark of the rasteriser: its figures, its scene and its command."""

import json
import subprocess
import sys
from pathlib import Path

import torch

from meshrec.body.model import BodyModel
from meshrec.engine.benchmark import RasterTiming, benchmark_rasteriser, standing_people, times_slower_than_torch
from meshrec.render import rasterize
from tests.support.commands import load_main

ROOT = Path(__file__).resolve().parents[2]


def test_the_command_writes_what_it_measured(tmp_path):
    path = tmp_path / "figures.json"
    command = [sys.executable, "tools/benchmark.py", "rasterise", "--batches", "1", "2", "--sizes", "16",
               "--threads", "1", "--limit", "0", "--json", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)}, check=True)
    figures = json.loads(path.read_text())
    own = [row for row in figures["timings"] if row["backend"] == "torch"]
    assert [(row["batch"], row["two_sided"]) for row in own] == [(1, True), (2, True), (1, False), (2, False)]
    assert figures["threads"] == 1 and figures["command"] == "rasterise"
    assert own[0]["best_ms_per_image"] <= own[0]["ms_per_image"] and own[0]["calls"] >= 1
    assert own[1]["ms_per_image"] is None and "left out, too slow" in done.stdout  # no time is left for a second image


def test_a_device_that_is_not_there_is_explained(capsys):
    assert load_main("tools/benchmark.py")("nets", "--device", "nonsense") == 2
    assert "The device 'nonsense' is not available" in capsys.readouterr().err


def test_every_case_is_timed_when_time_allows():
    timings = benchmark_rasteriser(batches=(1, 2), sizes_px=(8, 16))
    own = [row for row in timings if row.backend == "torch" and row.ms_per_image > 0]
    assert len({(row.size_px, row.batch, row.two_sided) for row in own}) == 8


def test_the_ratio_to_other_backends_is_the_smallest_over_shared_cases():
    def timing(backend, batch, ms):
        return RasterTiming(backend, batch, 64, True, ms, ms, 3)

    timings = [timing("torch", 1, 2.0), timing("torch", 8, 1.0), timing("slow", 1, 500.0), timing("slow", 8, None),
               timing("slower", 1, 900.0), timing("slower", 8, 300.0)]
    assert times_slower_than_torch(timings) == {"slow": 250.0, "slower": 300.0}


def test_the_people_of_the_benchmark_stand_upright_inside_the_picture_and_turn():
    body = BodyModel.from_file()
    vertices_cam, camera = standing_people(body.template_vertices, 4, 64)
    seen = rasterize(vertices_cam, body.faces, camera, (64, 64)).mask
    assert (0.05 < seen.float().mean((1, 2))).all() and (seen.float().mean((1, 2)) < 0.5).all()
    assert not seen[:, 0].any() and not seen[:, -1].any() and not seen[:, :, 0].any()
    assert not torch.equal(seen[0], seen[1])
    highest = body.template_vertices[:, 1].argmax()
    assert (vertices_cam[:, highest, 1] == vertices_cam[..., 1].amin(1)).all()  # the crown is at the top, y points down
    front = body.template_vertices[:, 2].argmax()
    assert vertices_cam[0, front, 2] == vertices_cam[0, :, 2].min()  # the first one faces the camera
