"""Bodies fitted to the keypoints of photos: keypoints in; meshes, pictures and parameters out; a report per photo."""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from meshrec.body import BodyModel
from meshrec.command_line import one_line
from meshrec.data.converters.joint_rows import box_around
from meshrec.data.keypoint_files import KeypointSource
from meshrec.data.keypoint_layouts import PersonKeypoints, joint_set_of
from meshrec.data.photo import Photo, read_photo
from meshrec.data.photo_camera import photo_camera
from meshrec.demo_job import Outputs, PhotoReport
from meshrec.errors import InvalidInput, MeshrecError
from meshrec.export import save_camera, save_mesh, save_params, save_skeleton
from meshrec.fit_job.fitter import Fitter
from meshrec.fit_job.rule import FEWEST_JOINTS
from meshrec.fitting.evidence import Evidence
from meshrec.fitting.fits import FitQuality, Fits
from meshrec.structures import BODY30, SMPL24, MeshPrediction, PinholeCamera
from meshrec.vis.contact_sheet import save_png
from meshrec.vis.overlay import draw_overlay

_FARTHEST_SIDES = 10  # of the photo; people may be cut off by its edge, but hardly by more
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class FitReport:
    """What became of one photo.

    Attributes:
        photo: people, files, time and error, as of a reconstruction.
        quality: of the people's fits; None where there are none.
        left_out: people with too few joints.
    """

    photo: PhotoReport
    quality: FitQuality | None = None
    left_out: int = 0

    def lines(self) -> list[str]:
        """What there is to say of the photo beside its error: what was written, and who was left out."""
        lines = [str(path) for path in self.photo.files]
        if self.left_out:
            lines.append(
                f"{self.photo.photo}: {self.left_out} left out, who have fewer than {FEWEST_JOINTS} known joints"
            )
        if self.photo.error is None and not self.photo.people and not self.left_out:
            lines.append(f"{self.photo.photo}: nobody in the keypoints")
        return lines

    def figures(self) -> dict:
        """The report as plain values for JSON."""
        figures = self.photo.figures() | {"people_left_out": self.left_out}
        for number, person in enumerate(figures["people"]):
            person |= {
                "reprojection_px": round(float(self.quality.reprojection_px[number]), 3),
                "reprojection_share": round(float(self.quality.reprojection_share[number]), 5),
                "prior_energy": round(float(self.quality.prior_energy[number]), 2),
                "joints": int(self.quality.joints_used[number]),
            }
        return figures


def fit_photos(
    photos: Sequence[Path],
    outputs: Sequence[Outputs],
    keypoints: KeypointSource,
    fitter: Fitter,
    field_of_view_deg: float | None = None,
) -> Iterator[FitReport]:
    """Fit photo after photo; one that fails is reported and the next one follows."""
    for path, output in zip(photos, outputs, strict=True):
        start = time.perf_counter()
        try:
            photo = read_photo(path)
            people, left_out = enough_joints(keypoints.of(path, several=len(photos) > 1))
            fits = None if not people else fitter(photo_evidence(people, photo, field_of_view_deg))
            predictions = [] if fits is None else predictions_of(fits, people, photo, fitter.body)
            files = _write(photo, predictions, output, fitter.body)
        except MeshrecError as error:
            yield FitReport(PhotoReport(path, time.perf_counter() - start, error=one_line(error)))
        except Exception as error:  # a bug that one photo triggers must not cost the other photos
            _LOG.exception("%s failed", path)
            reason = f"{type(error).__name__}: {one_line(error)}"
            yield FitReport(PhotoReport(path, time.perf_counter() - start, error=reason))
        else:
            report = PhotoReport(path, time.perf_counter() - start, predictions, files)
            yield FitReport(report, None if fits is None else fits.quality, left_out)


def enough_joints(people: Sequence[PersonKeypoints]) -> tuple[list[PersonKeypoints], int]:
    """Those of whom enough joints are known to fit a body, and how many the others are."""
    chosen = [person for person in people if _usable_joints(person) >= FEWEST_JOINTS]
    return chosen, len(people) - len(chosen)


def _usable_joints(person: PersonKeypoints) -> int:
    """How many of the known joints are joints of the body."""
    return sum(name in BODY30.names for name, known in zip(person.joint_set.names, person.confidence > 0) if known)


def photo_evidence(people: Sequence[PersonKeypoints], photo: Photo, field_of_view_deg: float | None = None) -> Evidence:
    """Everybody's joints under common names, in pixels of the photo as it is worked on, and its camera.

    Raises:
        InvalidInput: a field of view that no camera has, or a person who is not in the photo.
    """
    names = list(dict.fromkeys(name for person in people for name in person.joint_set.names))
    joint_set = joint_set_of(names, "keypoints")
    joints, confidence = np.zeros((len(people), len(names), 2)), np.zeros((len(people), len(names)))
    for row, person in enumerate(people):
        place = [names.index(name) for name in person.joint_set.names]
        joints[row, place], confidence[row, place] = person.joints_px * photo.scale, person.confidence
    _check_near(joints, confidence, photo)
    camera = photo_camera(photo, field_of_view_deg)
    cameras = PinholeCamera(*(rows.expand(len(people), 2) for rows in (camera.focal_px, camera.centre_px)),
                            camera.image_size)  # fmt: skip
    return Evidence(torch.from_numpy(joints).float(), torch.from_numpy(confidence).float(), joint_set, cameras)


def predictions_of(
    fits: Fits, people: Sequence[PersonKeypoints], photo: Photo, body: BodyModel
) -> list[MeshPrediction]:
    """Fitted people as results of the kind that reconstruction gives."""
    with torch.no_grad():
        output = body(fits.params.to(body.template_vertices.device)).to("cpu")
    predictions = []
    for row, person in enumerate(people):
        box = box_around(photo.scale * person.joints_px[None], person.confidence[None] > 0)[0]
        shift = fits.translation[row]
        predictions.append(MeshPrediction(
            output.vertices[row] + shift, body.faces.cpu(), output.joints[row] + shift, SMPL24, fits.camera[row],
            torch.from_numpy(box).float(), float(person.confidence[person.confidence > 0].mean()),
            body_params=fits.params[row],
        ))  # fmt: skip
    return predictions


def _check_near(joints_px: np.ndarray, confidence: np.ndarray, photo: Photo) -> None:
    height, width = photo.pixels.shape[:2]
    known, size = confidence > 0, f"the photo of {width} x {height} pixels"
    inside = ((joints_px >= 0) & (joints_px <= (width, height))).all(-1) & known
    if not inside.any():
        raise InvalidInput(f"All joints lie outside {size}; are the keypoints those of this photo, at its full size?")
    reach = _FARTHEST_SIDES * max(height, width)
    for number, row in enumerate(known, start=1):
        if not inside[number - 1].any():
            raise InvalidInput(f"All joints of person {number} lie outside {size}; leave such people out.")
        if np.abs(joints_px[number - 1, row]).max() > reach:
            raise InvalidInput(f"Person {number} has a joint far outside {size}; give it confidence 0.")
        if not np.ptp(joints_px[number - 1, row], axis=0).any():
            raise InvalidInput(f"All joints of person {number} lie at one point; leave such people out.")


def _write(photo: Photo, people: Sequence[MeshPrediction], output: Outputs, body: BodyModel) -> list[Path]:
    """What is wanted and there is; the paths of what was written."""
    written, body = [], copy.deepcopy(body).cpu()
    writers = (
        (output.mesh, lambda path: save_mesh(people, path)),
        (output.camera, lambda path: save_camera(people[0], path)),
        (output.params, lambda path: save_params(people, body, path)),
        (output.skeleton, lambda path: save_skeleton(people, body, path)),
    )
    for path, write in writers:
        if path is not None and people:
            written += write(path) or [path]
    if output.overlay is not None:
        save_png(draw_overlay(photo.pixels, people), output.overlay)
        written.append(output.overlay)
    return written
