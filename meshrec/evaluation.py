"""The measuring stick: figures of a model on a fixed synthetic test set and on labelled photographs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from meshrec.body import BodyModel
from meshrec.body.regressors import NamedJoints
from meshrec.build import DataConfig, Surface
from meshrec.data.photo import read_photo
from meshrec.data.photo_sets import PhotoRecord, read_photo_pack
from meshrec.data.synthetic import SyntheticPeople, SyntheticPeopleConfig
from meshrec.data.synthetic.poses import relaxed_pose
from meshrec.errors import InvalidInput
from meshrec.geometry.projection import project_pinhole
from meshrec.losses.iuv import at_pixel_centres
from meshrec.metrics.iuv import uv_error
from meshrec.metrics.joints import correct_keypoints, mpjpe_mm, pa_mpjpe_mm
from meshrec.metrics.masks import mask_iou
from meshrec.metrics.vertices import pa_pve_mm, pve_mm
from meshrec.pipeline import MeshModel, reconstruct
from meshrec.render import rasterize
from meshrec.structures import (
    BODY30,
    COCO17,
    BodyOutput,
    BodyParams,
    MeshPrediction,
    TrainingBatch,
    WeakPerspectiveCamera,
)

TEST_SEED = 20_260_000
BATCH = 50
MINIMUM_VISIBLE_JOINTS = 8
_PELVIS = BODY30.index("pelvis")
_UPRIGHT_DEPTH_M = 10.0  # any depth does for an orthographic silhouette


@dataclass(frozen=True)
class Report:
    """Figures of one test set.

    Attributes:
        figures: by method, then by name; the methods are the model and, where there is 3D truth, the baselines.
        protocol: what was measured and on what, in words.
    """

    figures: dict[str, dict[str, float]]
    protocol: dict[str, str]


def synthetic_test_people(config: DataConfig, surface: Surface) -> SyntheticPeople:
    """The test people of a configuration: poses and backgrounds that its training does not see.

    Poses come from the motion pack's validation file beside the training file, backgrounds from the share of the folder
    that training leaves. Without packs both are made up, as in training, from other seeds.
    """
    pack = config.synthetic.motion_pack
    last = config.synthetic.background_share[1]
    held_back = SyntheticPeopleConfig(  # the default variety, however mild the training is
        motion_pack=None if pack is None else pack.replace("_train", "_val"),
        backgrounds=config.synthetic.backgrounds,
        background_share=(last if last < 1 else 0.0, 1.0),
    )
    return SyntheticPeople.from_config(held_back, surface.body, surface.atlas, surface.charts)


@torch.no_grad()
def evaluate_synthetic(
    model: MeshModel,
    surface: Surface,
    people: SyntheticPeople,
    count: int = 1000,
    progress: Callable[[Iterable], Iterable] = iter,
) -> Report:
    """Figures on the fixed synthetic test set, beside two bodies that ignore the picture.

    ``mean_pose`` is the mean body with hanging arms that faces the camera; ``mean_mesh`` the mean of all true meshes,
    the best constant there is in L2. Both get the mean of the true cameras.
    """
    starts = range(0, count, BATCH)
    batches = [
        people.batch(min(BATCH, count - start), model.input_size, TEST_SEED + start) for start in progress(starts)
    ]
    vertices = torch.cat([batch.vertices for batch in batches]).mean(0)
    camera = torch.cat([batch.camera for batch in batches]).mean(0)
    pose = relaxed_pose()
    rest = BodyParams.rest(facing_camera=True, betas=surface.body.beta_count)
    mean_pose = surface.body(BodyParams(rest.betas, rest.global_orient, pose[None])).vertices[0]
    measure = _Measure(surface.body, model.input_size)
    rows: dict[str, list[dict[str, Tensor]]] = {"model": [], "mean_pose": [], "mean_mesh": []}
    for batch in progress(batches):
        output = model.net(batch.images.to(model.device))
        found = output.correspondence.iuv.to("cpu")
        seen = at_pixel_centres(batch.mask[:, None], found.mask.shape[-2:])[:, 0] > 0.5
        row = measure(batch, output.vertices.float().cpu(), output.camera.to("cpu"))
        row["uv_error"] = uv_error(found.uv, at_pixel_centres(batch.uv, found.mask.shape[-2:]), seen)
        row["iuv_mask_iou"] = mask_iou(found.mask > 0.5, seen)
        rows["model"].append(row)
        for name, mesh in (("mean_pose", mean_pose), ("mean_mesh", vertices)):
            constant = WeakPerspectiveCamera.from_vector(camera.expand(len(batch), 3))
            rows[name].append(measure(batch, mesh.expand(len(batch), -1, -1), constant))
    motion = "recorded (validation clips)" if people.poses.recordings is not None else "made up"
    scenery = "photographs" if people.backgrounds.pictures is not None else "painted"
    protocol = {
        "set": f"{count} synthetic people, seed {TEST_SEED}, crops of {model.input_size} px",
        "poses": motion,
        "backgrounds": scenery,
        "alignment": "pelvis (PA-: similarity)",
        "joints": "Body-30, regressed from both meshes",
        "mask_iou": "projected mesh against the visible person",
        "iuv_mask_iou": "the net's mask",
        "uv_error": "atlas units, over visible pixels",
        "units": "mm",
    }
    return Report({name: _means(values) for name, values in rows.items()}, protocol)


class _Measure:
    """Errors of predicted meshes and cameras against a batch, one value per person."""

    def __init__(self, body: BodyModel, size: int) -> None:
        self.body, self.size, self.named_joints = body, size, NamedJoints(body, BODY30).cpu()
        self.joint_regressor, self.faces = body.joint_regressor.cpu(), body.faces.cpu()

    def __call__(self, batch: TrainingBatch, vertices: Tensor, camera: WeakPerspectiveCamera) -> dict[str, Tensor]:
        # The truth's joints are read from its mesh too: those of the posed skeleton lie about a centimetre beside them.
        joints, true_joints = self._joints(vertices), self._joints(batch.vertices)
        shown = vertices + vertices.new_tensor([0.0, 0.0, _UPRIGHT_DEPTH_M])
        silhouette = rasterize(shown, self.faces, camera, (self.size, self.size)).mask
        return {
            "pve_mm": pve_mm(vertices, batch.vertices, joints[:, _PELVIS], true_joints[:, _PELVIS]),
            "pa_pve_mm": pa_pve_mm(vertices, batch.vertices),
            "mpjpe_mm": mpjpe_mm(joints, true_joints, _PELVIS),
            "pa_mpjpe_mm": pa_mpjpe_mm(joints, true_joints),
            "mask_iou": mask_iou(silhouette, batch.mask > 0.5),
        }

    def _joints(self, vertices: Tensor) -> Tensor:
        return self.named_joints(BodyOutput(vertices, self.joint_regressor @ vertices))


@dataclass(frozen=True)
class PhotoResult:
    """One labelled person of a photograph and what the model made of it."""

    record: PhotoRecord
    pixels: np.ndarray
    prediction: MeshPrediction
    pck: float
    mask_iou: float


@torch.no_grad()
def evaluate_photos(
    model: MeshModel, folder: str | Path, progress: Callable[[Iterable], Iterable] = iter
) -> tuple[Report, list[PhotoResult]]:
    """Figures on labelled photographs with the labels' boxes: PCK@0.2 of the torso and IoU of the projected mesh.

    PCK counts visible joints of people with at least 8 of them whose shoulders and hips are labelled; the torso is the
    distance from mid-shoulder to mid-hip, at least an eighth of the box's larger side. Crowds are left out. The results
    list those people first.

    Raises:
        AssetNotFound, InvalidInput: the folder is not a photo pack, or nobody in it can be measured.
    """
    named_joints = NamedJoints(model.body, COCO17).cpu()
    results, counted, correct = [], 0, 0.0
    for record in progress([record for record in read_photo_pack(folder) if not record.is_crowd]):
        keypoints = _coco_keypoints(record)
        if keypoints is None and not record.has_mask:
            continue
        photo = read_photo(record.image)
        prediction = reconstruct(photo, model, boxes_xywh=[record.box_xywh_px])[0]
        hits = np.array([])
        if keypoints is not None:
            hits = _keypoint_hits(prediction, keypoints, record, named_joints)
            counted, correct = counted + len(hits), correct + float(hits.sum())
        overlap = _photo_mask_iou(prediction, record, photo.pixels.shape[:2]) if record.has_mask else float("nan")
        results.append(
            PhotoResult(record, photo.pixels, prediction, float(hits.mean()) if len(hits) else float("nan"), overlap)
        )
    if not results:
        raise InvalidInput(f"{folder} labels nobody whom these figures can be measured on.")
    overlaps = np.array([result.mask_iou for result in results])
    measured = np.array([not np.isnan(result.pck) for result in results])
    figures = {
        "pck_02_torso": correct / counted if counted else float("nan"),
        "mask_iou": _mean_known(overlaps[measured]),
        "mask_iou_everybody": _mean_known(overlaps),
        "people": float(measured.sum()),
        "joints": float(counted),
        "everybody": float((~np.isnan(overlaps)).sum()),
    }
    protocol = {
        "set": str(Path(folder).name),
        "boxes": "from the labels",
        "joints": "COCO-17, visible ones, pooled",
        "people": f"at least {MINIMUM_VISIBLE_JOINTS} visible joints, shoulders and hips labelled; no crowds",
        "mask_iou": "projected mesh against the labelled mask, mean over those people",
        "mask_iou_everybody": "the same over all people with masks, however small or hidden",
    }
    results.sort(key=lambda result: np.isnan(result.pck))
    return Report({"model": figures}, protocol), results


def _coco_keypoints(record: PhotoRecord) -> tuple[np.ndarray, np.ndarray, float] | None:
    """COCO-17 joints (17, 2), which are visible (17,), the torso's length in pixels; None if PCK cannot be taken."""
    index = [BODY30.index(name) for name in COCO17.names]
    joints, confidence = record.joints_px[index], record.confidence[index]
    torso = [COCO17.index(name) for name in ("left_shoulder", "right_shoulder", "left_hip", "right_hip")]
    if (confidence >= 1).sum() < MINIMUM_VISIBLE_JOINTS or not (confidence[torso] > 0).all():
        return None
    length = np.linalg.norm(joints[torso[:2]].mean(0) - joints[torso[2:]].mean(0))
    return joints, confidence >= 1, max(float(length), max(record.box_xywh_px[2:]) / 8)


def _keypoint_hits(
    prediction: MeshPrediction,
    keypoints: tuple[np.ndarray, np.ndarray, float],
    record: PhotoRecord,
    named_joints: NamedJoints,
) -> np.ndarray:
    """1 or 0 for each visible joint."""
    joints_px, visible, torso = keypoints
    joints_cam = named_joints(BodyOutput(prediction.vertices_cam[None], prediction.joints_cam[None]))
    found = project_pinhole(joints_cam, prediction.camera.focal_px, prediction.camera.centre_px)
    hits = correct_keypoints(
        found, torch.from_numpy(joints_px)[None], torch.from_numpy(visible)[None], torch.tensor([torso])
    )
    return hits[0][torch.from_numpy(visible)].numpy()


def _photo_mask_iou(prediction: MeshPrediction, record: PhotoRecord, size: tuple[int, int]) -> float:
    silhouette = rasterize(prediction.vertices_cam[None], prediction.faces, prediction.camera, tuple(size)).mask
    return float(mask_iou(silhouette, torch.from_numpy(record.read_mask(*size))[None]))


def _mean_known(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _means(rows: list[dict[str, Tensor]]) -> dict[str, float]:
    return {name: float(torch.cat([row[name] for row in rows]).nanmean()) for name in rows[0]}
