"""How well the fitter does on synthetic bodies whose joints are known exactly: figures, and people per second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from meshrec.assets import sha256_of_file
from meshrec.body import BodyModel, NamedJoints
from meshrec.data.synthetic.dice import Dice
from meshrec.data.synthetic.framing import frame_people
from meshrec.data.synthetic.poses import PoseSampler
from meshrec.data.synthetic.views import draw_views
from meshrec.errors import InvalidInput
from meshrec.evaluation.joint_reader import JointReader
from meshrec.evaluation.measures import mesh_figures
from meshrec.evaluation.report import Report
from meshrec.evaluation.rows import Row
from meshrec.fit_job.crops import CROP_PX
from meshrec.fit_job.fitter import Fitter
from meshrec.fitting.evidence import Evidence
from meshrec.fitting.fits import Fits
from meshrec.fitting.reprojection import FAR_FOCAL_PX
from meshrec.geometry.crops import WIDE_CROP_ENLARGEMENT
from meshrec.geometry.projection import project_pinhole
from meshrec.metrics.joints import pa_mpjpe_mm
from meshrec.structures import BODY30, COCO17, LSP14, BodyParams, PinholeCamera

SEED = 20_265_000
BATCH = 128
_MOST_BETA = 3.0
_LSP = [BODY30.index(name) for name in LSP14.names]
Progress = Callable[[Iterable], Iterable]


@dataclass(frozen=True)
class SyntheticCheck:
    """What is made of whom."""

    people: int = 1000
    noise_px: float = 0.0
    """standard deviation of normal noise on x and y of every joint, pixels of a crop of 224."""
    missing: float = 0.0
    """share of joints that are left out."""
    camera_known: bool = True
    """whether the fitter is told the camera, or supposes a distant one."""
    motion_pack: str | None = None
    """npz of recorded poses that the prior was not fitted on; without it poses are made up."""

    def __post_init__(self) -> None:
        if self.people < 1:
            raise InvalidInput(f"The number of synthetic people must be at least 1, got {self.people}.")
        if not self.noise_px >= 0:
            raise InvalidInput(f"The noise must be at least 0 pixels, got {self.noise_px}.")
        if not 0 <= self.missing < 1:
            raise InvalidInput(f"The share of missing joints must be at least 0 and below 1, got {self.missing}.")


@dataclass(frozen=True)
class TrueBodies:
    """Bodies whose joints are known: posed, before cameras of crops of 224 pixels."""

    vertices_cam: Tensor  # (B, V, 3) metres
    joints_px: Tensor  # (B, 17, 2) of COCO's kinds
    camera: PinholeCamera


def check_fitter(fitter: Fitter, check: SyntheticCheck, progress: Progress = iter) -> Report:
    """Figures over all people.

    Raises:
        InvalidInput: the motion pack is no such pack.
    """
    poses = PoseSampler.from_motion_pack(check.motion_pack)
    reader, rows, speed = JointReader(fitter.body), [], _Stopwatch()
    for start in progress(range(0, check.people, BATCH)):
        dice = Dice(SEED + start)
        true = draw_bodies(fitter.body, poses, min(BATCH, check.people - start), dice)
        evidence = evidence_of(true, check, dice)
        with speed:
            fits = fitter(evidence)
        rows += _rows(start, fits, true, fitter.body, reader)
    return Report.of(rows, _protocol(check, fitter, reader) | {"speed": speed.words(check.people)})


@torch.no_grad()
def draw_bodies(body: BodyModel, poses: PoseSampler, count: int, dice: Dice) -> TrueBodies:
    """Whole people as cameras see them, in crops as they are cut out around people, on the CPU."""
    root, pose = poses.sample(count, dice)
    views = draw_views(count, dice)
    betas = dice.normal(count, body.beta_count).clamp(-_MOST_BETA, _MOST_BETA)
    output = body(BodyParams(betas, views.rotation @ root, pose).to(body.template_vertices.device))
    shift = views.offset_m[:, None]
    vertices, joints = output.vertices.cpu() + shift, NamedJoints(body, COCO17)(output).cpu() + shift
    whole = {"truncated": 0.0, "loose": 0.0, "enlargement": WIDE_CROP_ENLARGEMENT}
    camera = frame_people(vertices, views.offset_m, CROP_PX, dice, **whole).camera
    return TrueBodies(vertices, project_pinhole(joints, camera.focal_px, camera.centre_px), camera)


def evidence_of(true: TrueBodies, check: SyntheticCheck, dice: Dice) -> Evidence:
    """What the fitter gets to know of the bodies."""
    joints_px = true.joints_px + check.noise_px * dice.normal(*true.joints_px.shape)
    confidence = 1 - dice.chance(check.missing, *joints_px.shape[:2]).float()
    camera = true.camera
    if not check.camera_known:
        focal = torch.full_like(camera.focal_px, FAR_FOCAL_PX)
        camera = PinholeCamera(focal, torch.full_like(focal, CROP_PX / 2), camera.image_size)
    return Evidence(joints_px, confidence, COCO17, camera)


@torch.no_grad()
def _rows(start: int, fits: Fits, true: TrueBodies, body: BodyModel, reader: JointReader) -> list[Row]:
    device = body.template_vertices.device
    vertices = fits.to(device).vertices_cam(body).cpu()
    joints_px = fits.to(device).joints_px(body, COCO17).cpu()
    figures = mesh_figures(vertices, true.vertices_cam, reader)
    figures["pa_mpjpe_lsp_mm"] = pa_mpjpe_mm(reader(vertices)[:, _LSP], reader(true.vertices_cam)[:, _LSP])
    figures["reprojection_px"] = (joints_px - true.joints_px).norm(dim=-1).mean(1)
    figures["evidence_px"] = fits.quality.reprojection_px
    figures["prior_energy"] = fits.quality.prior_energy
    columns = {name: column.tolist() for name, column in figures.items()}
    return [Row(f"{start + place:06d}", values={name: column[place] for name, column in columns.items()})
            for place in range(len(vertices))]  # fmt: skip


def _protocol(check: SyntheticCheck, fitter: Fitter, reader: JointReader) -> dict[str, str]:
    known = check.motion_pack is not None and Path(check.motion_pack).exists()
    poses = f"recorded, {Path(check.motion_pack).name}, sha256 {sha256_of_file(check.motion_pack)}" if known else ""
    noise = f"normal noise of {check.noise_px:g} px on x and y" if check.noise_px else "exact"
    return {
        "set": f"{check.people} synthetic bodies, seed {SEED}, crops of {CROP_PX} px, the whole body in view",
        "poses": poses or "made up",
        "evidence": f"the 17 joints of COCO's kinds, {noise}, {100 * check.missing:g} % left out",
        "camera": "known" if check.camera_known else f"unknown: supposed at {FAR_FOCAL_PX:g} px focal length",
        "alignment": "pelves moved together; PA-: a similarity per person",
        "joints": reader.words,
        "fitter": fitter.words,
    }


class _Stopwatch:
    """Adds up the time of what is done inside, of the clock and of the processor's cores together."""

    def __init__(self) -> None:
        self.clock_s = self.cores_s = 0.0

    def __enter__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def __exit__(self, *exception) -> None:
        self.clock_s += time.perf_counter() - self._began[0]
        self.cores_s += time.process_time() - self._began[1]

    def words(self, people: int) -> str:
        rates = f"{people / self.clock_s:.1f} people/s, {people / max(self.cores_s, 1e-9):.1f} per second of a core"
        return f"{rates}, in batches of {BATCH} with {torch.get_num_threads()} threads"
