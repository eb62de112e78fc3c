"""Small made-up files in the exact layouts of public data sets."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np


def random_rotation(generator: np.random.Generator) -> np.ndarray:
    """(3, 3) proper rotation."""
    basis, upper = np.linalg.qr(generator.standard_normal((3, 3)))
    basis = basis * np.sign(np.diag(upper))
    return basis * np.linalg.det(basis)


def coco_content() -> dict:
    """Two images; a person with keypoints and an outline, one hidden, a crowd, a dog and a person without labels."""
    keypoints = [0] * 51
    keypoints[0:3], keypoints[15:18], keypoints[33:36] = [10, 20, 2], [30, 40, 1], [33, 60, 2]
    person = {"image_id": 7, "category_id": 1, "iscrowd": 0}
    return {
        "images": [
            {"id": 7, "file_name": "000000000007.jpg", "width": 64, "height": 80},
            {"id": 9, "file_name": "000000000009.jpg", "width": 100, "height": 50},
        ],
        "annotations": [
            person | {"id": 1, "bbox": [5, 6, 50, 60], "keypoints": keypoints, "num_keypoints": 3,
                      "segmentation": [[5, 6, 55, 6, 55, 66], [5, 6, 10, 6, 10, 12]]},
            person | {"id": 2, "image_id": 9, "bbox": [1, 2, 3, 4], "keypoints": [0] * 51,
                      "segmentation": [[1, 2, 4, 2, 4, 6]]},
            person | {"id": 3, "bbox": [0, 0, 64, 80], "iscrowd": 1, "keypoints": [0] * 51,
                      "segmentation": {"counts": [0, 5120], "size": [80, 64]}},
            person | {"id": 4, "bbox": [0, 0, 64, 80], "category_id": 18, "segmentation": [[0, 0, 1, 0, 1, 1]]},
            person | {"id": 5, "bbox": [0, 0, 6, 8], "keypoints": [0] * 51, "segmentation": []},
        ],
        "categories": [{"id": 1, "name": "person"}],
    }  # fmt: skip


def write_json(path: Path, content: dict) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def spin_arrays(count: int = 3) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    openpose, part = generator.random((count, 25, 3)) * [100, 100, 1], np.zeros((count, 24, 3))
    part[:, :6] = [50, 60, 1]
    return {
        "imgname": np.array([f"images/person_{number}.jpg" for number in range(count)]),
        "center": np.tile([100.0, 120.0], (count, 1)),
        "scale": np.full(count, 0.9),
        "part": part,
        "openpose": openpose,
        "S": np.concatenate([generator.standard_normal((count, 24, 3)), np.ones((count, 24, 1))], -1),
        "pose": generator.standard_normal((count, 72)),
        "shape": generator.standard_normal((count, 10)),
        "has_smpl": np.array([1, 0, 1])[:count],
        "gender": np.array(["m", "f", "f"])[:count],
    }


def threedpw_content(body, frames: int = 3, actors: int = 2) -> tuple[dict, list]:
    """A sequence of bodies that move before a moving camera, and (per actor) their true vertices before the camera."""
    import torch

    from meshrec.geometry.rotations import axis_angle_to_matrix
    from meshrec.structures import BodyParams

    generator = np.random.default_rng(1)
    rotation = np.stack([random_rotation(generator) for _ in range(frames)])
    shift = np.tile([0.1, -0.2, 4.0], (frames, 1))
    cam_poses = np.tile(np.eye(4), (frames, 1, 1))
    cam_poses[:, :3, :3], cam_poses[:, :3, 3] = rotation, shift
    intrinsics = np.array([[1961.9, 0, 540.0], [0, 1969.2, 960.0], [0, 0, 1]])
    content = {
        "sequence": "downtown_madeUp_00",
        "cam_poses": cam_poses,
        "cam_intrinsics": intrinsics,
        "genders": ["m", "f"][:actors],
        "img_frame_ids": np.arange(frames) * 2,
        "campose_valid": [np.array([1, 0, 1][:frames])] * actors,
        "v_template_clothed": [np.zeros((4, 3))] * actors,
        **{name: [] for name in ("poses", "betas", "trans", "jointPositions", "poses2d")},
    }
    truth = []
    for _ in range(actors):
        pose = 0.3 * generator.standard_normal((frames, 72))
        betas, trans = generator.standard_normal(12), 0.1 * generator.standard_normal((frames, 3))
        betas[10:] = 0
        matrices = axis_angle_to_matrix(torch.from_numpy(pose.reshape(frames, 24, 3)))
        params = BodyParams(torch.from_numpy(np.tile(betas[:10], (frames, 1))), matrices[:, 0], matrices[:, 1:])
        posed = body.double()(params)
        body.float()
        joints, vertices = (points.numpy() + trans[:, None] for points in (posed.joints, posed.vertices))
        truth.append(vertices @ rotation.transpose(0, 2, 1) + shift[:, None])
        joints_cam = joints @ rotation.transpose(0, 2, 1) + shift[:, None]
        seen = joints_cam[:, :18] @ intrinsics.T
        poses2d = np.concatenate([seen[..., :2] / seen[..., 2:], np.full((frames, 18, 1), 0.7)], -1)
        poses2d[-1] = 0  # nothing was found in the last frame
        for name, value in (("poses", pose), ("betas", betas), ("trans", trans),
                            ("jointPositions", joints.reshape(frames, 72)),
                            ("poses2d", poses2d.transpose(0, 2, 1))):  # fmt: skip
            content[name].append(value)
    return content, truth


def write_pickle(path: Path, content: object) -> Path:
    """With protocol 2, as Python 2 wrote it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=2))
    return path
