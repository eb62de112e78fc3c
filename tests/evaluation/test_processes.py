"""Two processes that talk through gloo measure what one measures, to the last bit."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from meshrec.data.annotations import Annotations
from meshrec.data.npz_format import write_annotations
from tests.support.processes import ends, start_world
from tests.support.small_evaluation import evaluate

PHOTOS = 5


@pytest.fixture
def folder(tmp_path):
    """Grey photographs of different brightness, a recording of somebody who moves, one picture damaged."""
    generator = np.random.default_rng(0)
    for number in range(PHOTOS):
        Image.new("RGB", (80, 100), (40 * number,) * 3).save(tmp_path / f"{number}.png")
    (tmp_path / "1.png").write_bytes(b"no picture")
    joints = np.cumsum(generator.standard_normal((PHOTOS, 30, 3)), axis=0)
    people = Annotations.of(
        [f"{number}.png" for number in range(PHOTOS)], np.tile(np.float32([10, 10, 60, 80]), (PHOTOS, 1)),
        joints_cam=joints, joint_cam_confidence=np.ones((PHOTOS, 30)),
        sequence=["walk"] * PHOTOS, person=np.zeros(PHOTOS), frame=np.arange(PHOTOS),
    )  # fmt: skip
    write_annotations(people, tmp_path / "people.npz")
    return tmp_path


def test_two_processes_give_the_figures_of_one_to_the_last_bit(folder):
    together = start_world(2, evaluate, str(folder), "two", errors=folder / "error")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as many as each of the two has
    evaluate(str(folder), "one")
    torch.set_num_threads(threads)
    assert ends(*together) == [0, 0], "".join(path.read_text() for path in folder.glob("error*"))
    one, two = ((folder / f"{name}.json").read_text() for name in ("one", "two"))
    assert one == two
    found = json.loads(one)
    assert found["synthetic"]["counts"]["model"]["pve_mm"] == 10 and found["synthetic"]["figures"]["mean_mesh"]
    assert found["photos"]["counts"]["model"]["mpjpe_mm"] == PHOTOS - 1
    assert list(found["photos"]["left_out"]) == ["1.png"]
    assert found["photos"]["counts"]["model"]["acceleration_error_mm"] == 1  # frames 2, 3 and 4, from both processes
