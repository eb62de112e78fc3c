"""Small made-up clips and scenes in the exact layouts of BEDLAM, SURREAL, Human3.6M and MPI-INF-3DHP."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from meshrec.body import BodyModel
from meshrec.geometry.rotations import axis_angle_to_matrix
from meshrec.structures import BodyOutput, BodyParams
from tests.support.foreign_data import random_rotation


def pose_body(body: BodyModel, pose: np.ndarray, betas: np.ndarray) -> BodyOutput:
    """Bodies of axis-angle poses (T, 24, 3) and betas (T, 10) in the axes of the first rotation."""
    rotations = axis_angle_to_matrix(torch.from_numpy(pose).float())
    with torch.no_grad():
        return body(BodyParams(torch.from_numpy(betas).float(), rotations[:, 0], rotations[:, 1:]))


def bedlam_arrays(body: BodyModel, people: int = 3) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """A scene of SMPL parameters, and the true joints (N, 24, 3) before the camera."""
    generator = np.random.default_rng(2)
    pose, betas = 0.3 * generator.standard_normal((people, 24, 3)), generator.standard_normal((people, 10))
    pose[:, 0] = [np.pi, 0, 0]
    trans, shift = 0.2 * generator.standard_normal((people, 3)), np.tile([0.1, 0.4, 4.5], (people, 1))
    joints = pose_body(body, pose, betas).joints.numpy() + (trans + shift)[:, None]
    camera = np.tile([[900.0, 0, 640], [0, 900.0, 360], [0, 0, 1]], (people, 1, 1))
    pixels = joints[..., :2] / joints[..., 2:] * 900 + [640, 360]
    extrinsic = np.tile(np.eye(4), (people, 1, 1))
    extrinsic[:, :3, 3] = shift
    arrays = {
        "imgname": np.array([f"seq_000000/seq_000000_{5 * number:04d}.png" for number in range(people)]),
        "center": pixels.mean(1),
        "scale": np.full(people, 2.1),
        "pose_cam": pose.reshape(people, 72),
        "pose_world": np.zeros((people, 72)),
        "shape": betas,
        "trans_cam": trans,
        "trans_world": np.zeros((people, 3)),
        "gtkps": np.concatenate([np.pad(pixels, [(0, 0), (0, 21), (0, 0)]), np.ones((people, 45, 1))], -1),
        "cam_int": camera,
        "cam_ext": extrinsic,
        "gender": np.array(["female", "male", "female"])[:people],
        "proj_verts": np.zeros((people, 437, 3)),
        "motion_info": np.array([{"babel": "walk"}] * people, dtype=object),
        "sub": np.array([f"rp_person_{number}" for number in range(people)]),
    }
    return arrays, joints


def surreal_info(body: BodyModel, frames: int = 4) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Variables of a clip's labels, and the surface points (T, V, 3) in the room that its pictures show.

    As in the generator: the captured body, turned by ``zrot`` about the capture's z, laid with that z along the room's
    minus y, its root at the 3D joint.
    """
    generator = np.random.default_rng(3)
    pose = 0.3 * generator.standard_normal((frames, 24, 3))
    pose[:, 0] = [np.pi / 2, 0, 0]
    betas, zrot = np.tile(generator.standard_normal(10), (frames, 1)), np.full(frames, 0.8)
    turned = pose.copy()
    for frame in range(frames):
        captured = axis_angle_to_matrix(torch.from_numpy(pose[frame, 0])).numpy()
        cosine, sine = np.cos(zrot[frame]), np.sin(zrot[frame])
        about_z = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
        room = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]]) @ about_z @ captured
        turned[frame, 0] = _axis_angle(room)
    output, shift = pose_body(body, turned, betas), np.array([0.0, -0.3, 0.2])
    joints, vertices = output.joints.numpy() + shift, output.vertices.numpy() + shift
    camera_place = np.array([6.7, -0.98, 0.1])
    projected = project_surreal(joints, camera_place)
    info = {
        "joints2D": projected.round().transpose(2, 1, 0).astype(np.float32),
        "joints3D": joints.transpose(2, 1, 0).astype(np.float32),
        "pose": pose.reshape(frames, 72).T.astype(np.float32),
        "shape": betas.T.astype(np.float32),
        "gender": np.ones((frames, 1), np.uint8),
        "zrot": zrot[:, None].astype(np.float32),
        "camLoc": camera_place[:, None].astype(np.float32),
        "camDist": np.float32(6.7),
        "clipNo": np.uint8(1),
        "sequence": "01_01_c0001",
    }
    return info, vertices


def project_surreal(points: np.ndarray, camera_place: np.ndarray) -> np.ndarray:
    """Pixels (..., 2) of points in the room, written out: left is z, down is y, away from it is -x."""
    x, y, z = np.moveaxis(points - camera_place, -1, 0)
    return np.stack([160 - 600 * z / -x, 120 + 600 * y / -x], -1)


def _axis_angle(rotation: np.ndarray) -> np.ndarray:
    from meshrec.geometry.rotations import matrix_to_axis_angle

    return matrix_to_axis_angle(torch.from_numpy(rotation)).numpy()


def write_h36m_json(folder: Path, t_is_place: bool, frames: int = 2) -> tuple[Path, np.ndarray]:
    """The three files of a subject, seen by cameras 1 and 2; and the joints (N, 17, 3) before the cameras in metres."""
    generator = np.random.default_rng(4)
    world = 300 * generator.standard_normal((frames, 17, 3)) + [200, -100, 900]
    cameras, images, entries, truth = {}, [], [], []
    for camera in (1, 2):
        rotation = random_rotation(generator)
        shift = np.array([100.0, 200, 5000]) - rotation @ [200, -100, 900]
        place = -rotation.T @ shift
        cameras[str(camera)] = {
            "R": rotation.tolist(),
            "t": (place if t_is_place else shift).tolist(),
            "f": [1145.0, 1143.8],
            "c": [512.5, 515.4],
        }
        for frame in range(frames):
            seen = world[frame] @ rotation.T + shift
            pixels = seen[:, :2] / seen[:, 2:] * [1145.0, 1143.8] + [512.5, 515.4]
            number = len(images) + 1
            name = f"s_01_act_02_subact_01_ca_{camera:02d}"
            images.append({"id": number, "file_name": f"{name}/{name}_{5 * frame + 1:06d}.jpg", "width": 1000,
                           "height": 1002, "subject": 1, "action_name": "Directions", "action_idx": 2,
                           "subaction_idx": 1, "cam_idx": camera, "frame_idx": 5 * frame})  # fmt: skip
            entries.append({"id": number, "image_id": number, "keypoints_vis": [True] * 17,
                            "bbox": [*pixels.min(0), *np.ptp(pixels, axis=0)]})  # fmt: skip
            truth.append(seen / 1000)
    joints = {"2": {"1": {str(5 * frame): world[frame].tolist() for frame in range(frames)}}}
    for name, content in (("data", {"images": images, "annotations": entries}), ("camera", cameras),
                          ("joint_3d", joints)):  # fmt: skip
        (folder / f"Human36M_subject1_{name}.json").write_text(json.dumps(content))
    return folder / "Human36M_subject1_data.json", np.array(truth)


CALIBRATION = """Skeletool Camera Calibration File V1.0
name          {number}
  sensor      10 10
  size        2048 2048
  animated    0
  intrinsic   1497.693 0 1024.704 0 0 1497.103 1051.394 0 0 0 1 0 0 0 0 1
  extrinsic   0.9650164 0.00488022 0.262144 -562.8666 0 1 0 0 0 0 1 0 0 0 0 1
  radial      0
"""


def mpi_inf_cells(frames: int = 11, cameras: int = 14) -> dict[str, np.ndarray]:
    """``annot2`` and ``annot3`` of a training sequence."""
    generator = np.random.default_rng(5)
    annot2, annot3 = np.empty((cameras, 1), object), np.empty((cameras, 1), object)
    for camera in range(cameras):
        annot3[camera, 0] = 500 * generator.standard_normal((frames, 84)) + np.tile([0, 0, 4000], 28)
        annot2[camera, 0] = 2048 * generator.random((frames, 56))
    return {"annot2": annot2, "annot3": annot3, "cameras": np.arange(cameras)[None]}
