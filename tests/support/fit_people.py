"""Photographs of standing people with exact joints, as a pack and as labelled people."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from meshrec.body import BodyModel, NamedJoints
from meshrec.geometry.projection import project_pinhole
from meshrec.structures import COCO17, BodyParams

WIDTH, HEIGHT, FAR = 120, 160, 4000.0


def standing_keypoints(body: BodyModel, shift_m: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """(17, 3) x, y and visibility 2 of COCO's joints of somebody far away who stands in a picture."""
    params = BodyParams.rest(1, body.beta_count, body.joint_count, facing_camera=True)
    place = torch.tensor([*shift_m, FAR / 60])  # sixty pixels to the metre
    with torch.no_grad():
        joints = NamedJoints(body, COCO17)(body(params)) + place
    focal, centre = torch.full((1, 2), FAR), torch.tensor([[WIDTH / 2, HEIGHT / 2]])
    return np.c_[project_pinhole(joints, focal, centre)[0].numpy(), np.full(17, 2.0)]


def write_standing_pack(folder: Path, body: BodyModel, count: int = 5) -> Path:
    """A pack of people, each a little further to the right; the last one has but three joints."""
    (folder / "images").mkdir(parents=True)
    images = []
    for number in range(count):
        keypoints = standing_keypoints(body, (0.05 * number, 0.0))
        keypoints[3 if number == count - 1 else 17 :, 2] = 0
        low, high = keypoints[:, :2].min(0) - 3, keypoints[:, :2].max(0) + 3
        name = f"images/{number}.png"
        Image.fromarray(np.full((HEIGHT, WIDTH, 3), 40 * number, np.uint8)).save(folder / name)
        images.append({"image": name, "width": WIDTH, "height": HEIGHT, "people": [
            {"bbox": [*low.tolist(), *(high - low).tolist()], "keypoints": keypoints.tolist()}]})  # fmt: skip
    (folder / "index.json").write_text(json.dumps({"keypoint_names": COCO17.names, "images": images}))
    return folder
