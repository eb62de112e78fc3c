"""Fits of all people of a data set: batch by batch, saved on the way, and taken up again after an interruption."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from meshrec.data.annotations import Annotations
from meshrec.data.conversion import convert_sources
from meshrec.data.npz_format import read_annotations, write_annotations
from meshrec.engine.interruption import StopRequest
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.fit_job.crops import crop_evidence, image_cameras
from meshrec.fit_job.fitter import Fitter
from meshrec.fit_job.rule import FEWEST_JOINTS, FitRule, labelled_joints
from meshrec.fit_job.swaps import swap_gain
from meshrec.fitting.fits import Fits
from meshrec.geometry.rotations import matrix_to_axis_angle

BATCH = 128
_SAVE_EVERY_S = 60.0
_RULE = "; kept: "
_LABELS = ("image", "box_xywh_px", "joints_px", "joint_confidence", "frame")
Progress = Callable[[Iterable], Iterable]


@dataclass(frozen=True)
class DataSet:
    """Labelled people and the folder that their image paths start from."""

    people: Annotations
    images: Path

    @classmethod
    def open(cls, word: str) -> DataSet:
        """From ``FOLDER`` of a photo pack, or from ``NPZ`` or ``NPZ::IMAGES`` of labelled people.

        Raises:
            AssetNotFound, InvalidInput: it is not there, or is none of these.
        """
        name, _, images = word.partition("::")
        path = Path(name)
        if path.is_dir():
            return cls(convert_sources("photos", [path]).people, path)
        folder = Path(images) if images else path.parent
        if not folder.is_dir():
            raise AssetNotFound(f"There is no folder {folder} with the images of {path}.")
        return cls(read_annotations(path), folder)


def people_to_fit(people: Annotations) -> np.ndarray:
    """Rows of those who have enough joints, no measured parameters and no fit yet."""
    enough = labelled_joints(people) >= FEWEST_JOINTS
    return np.flatnonzero(enough & ~people.is_fitted & ~people.has_params)


def fit_people(
    people: Annotations, fitter: Fitter, rule: FitRule, path: Path, *, batch: int = BATCH, progress: Progress = iter
) -> Annotations:
    """Fit everybody who has joints, and write all people to a file.

    The file is written every minute and when the work ends, in whatever way. If it is there already, of the same people
    and by the same fitter, only who is missing is fitted; the rule is applied anew.

    Args:
        path: npz to write and to go on from.
        batch: people at a time.
        progress: wraps the starts of the batches, for a progress bar.
    Returns:
        The people with their fits, as written.
    Raises:
        InvalidInput: the file holds something else, or cannot be written; or the people have fits of another fitter.
        Stopped: by Ctrl-C or SIGTERM, at the end of a batch.
    """
    if path.exists():
        people = _taken_up(people, path, fitter)
    elif people.is_fitted.any():
        _check_made_by(people, fitter, "The data set", "give the labels that it was made from")
    found = _Found(people, fitter)
    rows = people_to_fit(found.people)
    found.save(rule, path)  # a place that cannot be written is better known now
    saved = time.monotonic()
    try:
        with StopRequest() as stop:
            for start in progress(range(0, len(rows), batch)):
                chosen = rows[start : start + batch]
                evidence = crop_evidence(people.select(chosen))
                fits = fitter(evidence)
                found.put(chosen, fits, swap_gain(evidence, fits, fitter))
                if stop.signal is not None:
                    left = len(rows) - start - len(chosen)
                    raise stop.stopped(f"with {left} people left; the same command goes on from {path}.")
                if time.monotonic() - saved > _SAVE_EVERY_S:
                    found.save(rule, path)
                    saved = time.monotonic()
    finally:
        found.save(rule, path)
    return found.finished(rule)


class _Found:
    """People, with the fits that have been made so far."""

    def __init__(self, people: Annotations, fitter: Fitter) -> None:
        self.people, self.fitter = people, fitter
        joints, betas = fitter.body.joint_count, fitter.body.beta_count
        self.pose = _resized(people.pose, (joints, 3))
        self.betas = _resized(people.betas, (betas,))
        names = ("translation_cam", "has_translation", "focal_px", "centre_px", "fit_error", "fit_energy",
                 "fit_swap_gain")  # fmt: skip
        self.rows = {name: np.array(getattr(people, name)) for name in names}
        self.body = people.body.astype(object)

    def put(self, index: np.ndarray, fits: Fits, gain: Tensor) -> None:
        """Fits of some people, and what they would gain by swapped limbs; any fit that is not finite is left out."""
        good = torch.isfinite(fits.quality.reprojection_share) & torch.isfinite(fits.quality.prior_energy)
        good &= torch.isfinite(fits.translation).all(1)
        index, fits, gain = index[good.numpy()], fits[good], gain[good]
        rotations = torch.cat([fits.params.global_orient[:, None], fits.params.body_pose], 1)
        self.pose[index], self.betas[index] = 0, 0  # there may be people with measured bodies of more joints
        self.pose[index, : rotations.shape[1]] = matrix_to_axis_angle(rotations).numpy()
        self.betas[index, : fits.params.betas.shape[1]] = fits.params.betas.numpy()
        self.body[index] = self.fitter.body.hash
        focal_px, centre_px = image_cameras(self.people.select(index), fits.camera)
        values = {
            "translation_cam": fits.translation.numpy(),
            "has_translation": True,
            "focal_px": focal_px,
            "centre_px": centre_px,
            "fit_error": fits.quality.reprojection_share.numpy(),
            "fit_energy": fits.quality.prior_energy.numpy(),
            "fit_swap_gain": gain.nan_to_num(0.0, 0.0, 0.0).numpy(),
        }
        for name, value in values.items():
            self.rows[name][index] = value

    def finished(self, rule: FitRule) -> Annotations:
        people = self.people.replace(
            pose=self.pose, betas=self.betas, body=self.body.astype(str), **self.rows,
            fitted_by=self.fitter.words + _RULE + rule.words,
        )  # fmt: skip
        return people.replace(fit_kept=rule.keeps(people))

    def save(self, rule: FitRule, path: Path) -> None:
        write_annotations(self.finished(rule), path)


def _taken_up(people: Annotations, path: Path, fitter: Fitter) -> Annotations:
    """The people of a file that an earlier run has written for the same people."""
    earlier = read_annotations(path)
    same = len(earlier) == len(people)
    same = same and all(np.array_equal(getattr(earlier, name), getattr(people, name)) for name in _LABELS)
    if not same:
        raise InvalidInput(f"{path} holds other people than the data set; give another --out, or remove it.")
    _check_made_by(earlier, fitter, str(path), "give another --out, or remove it")
    return earlier


def _check_made_by(people: Annotations, fitter: Fitter, name: str, advice: str) -> None:
    """Fits of other fitters are not to be taken for those of this one."""
    words, found, _ = people.fitted_by.partition(_RULE)
    if not found or words != fitter.words:
        made = f"was made by {words!r}" if words else "is not of fits"
        raise InvalidInput(f"{name} {made}, now it is {fitter.words!r}; {advice}.")


def _resized(rows: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """A copy of rows (N, ...) of at least some size, with zeros at the end of each axis."""
    more = [(0, max(0, want - got)) for want, got in zip(size, rows.shape[1:])]
    return np.pad(rows, [(0, 0), *more])
