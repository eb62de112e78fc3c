"""Two processes that talk through gloo measure detections as one does, to the last bit."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from tests.support.processes import ends, start_world
from tests.support.small_detector_evaluation import evaluate_detector

PHOTOS = 5


@pytest.fixture
def folder(tmp_path):
    """Noisy photographs of two people each, one of them damaged."""
    generator = np.random.default_rng(0)
    people = [{"bbox": [10, 10, 60, 70], "iscrowd": 0, "keypoints": [[0, 0, 0]]},
              {"bbox": [20, 30, 100, 60], "iscrowd": 0, "keypoints": [[0, 0, 0]]}]  # fmt: skip
    entries = [
        {"image": f"{number}.png", "width": 128, "height": 96, "people": people, "all_people_labelled": True}
        for number in range(PHOTOS)
    ]
    for entry in entries:
        Image.fromarray(generator.integers(0, 255, (96, 128, 3), np.uint8)).save(tmp_path / entry["image"])
    (tmp_path / "3.png").write_bytes(b"no picture")
    (tmp_path / "index.json").write_text(json.dumps({"keypoint_names": ["nose"], "images": entries}))
    return tmp_path


def test_two_processes_give_the_figures_of_one_to_the_last_bit(folder):
    together = start_world(2, evaluate_detector, str(folder), "two", errors=folder / "error")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as many as each of the two has
    evaluate_detector(str(folder), "one")
    torch.set_num_threads(threads)
    assert ends(*together) == [0, 0], "".join(path.read_text() for path in folder.glob("error*"))
    one, two = ((folder / f"{name}.json").read_text() for name in ("one", "two"))
    assert one == two
    found = json.loads(one)
    assert found["counts"]["model"]["box_recall"] == 2 * (PHOTOS - 1) and list(found["left_out"]) == ["3.png"]
    assert found["figures"]["model"]["false_positives"] > 0
