"""Whether left and right of somebody's limbs have been mistaken for each other by who labelled them."""

from __future__ import annotations

import torch
from torch import Tensor

from meshrec.fit_job.fitter import Fitter
from meshrec.fitting.evidence import Evidence
from meshrec.fitting.fits import Fits

LIMBS = (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"))  # both legs, both arms
FITS_PER_PERSON = 1 + len(LIMBS)


def swap_gain(evidence: Evidence, fits: Fits, fitter: Fitter) -> Tensor:
    """How much likelier a body becomes if the two legs, or the two arms, change their labels.

    A body explains crossed legs too, only by a pose that is less likely or less close; so one compares. Somebody of
    whom everything is swapped faces the other way, and nothing but a face tells.

    Args:
        fits: of this evidence.
    Returns:
        (B,) the largest decrease of the fitting energy, a negative log density; below 0 where the labels are better.
    """
    gains = [fits.quality.energy - fitter(with_swapped(evidence, limb)).quality.energy for limb in LIMBS]
    return torch.stack(gains).amax(0)


def with_swapped(evidence: Evidence, limb: tuple[str, ...]) -> Evidence:
    """Evidence in which some joints of the left and the right side have changed places."""
    names, order = evidence.joint_set.names, list(range(len(evidence.joint_set)))
    for joint in limb:
        if f"left_{joint}" in names and f"right_{joint}" in names:
            left, right = names.index(f"left_{joint}"), names.index(f"right_{joint}")
            order[left], order[right] = right, left
    return Evidence(evidence.joints_px[:, order], evidence.confidence[:, order], evidence.joint_set, evidence.camera)
