"""Bodies fitted to joints in images: where they stand and face first, then pose and shape."""

from __future__ import annotations

from dataclasses import dataclass

from meshrec.body import BodyModel
from meshrec.fitting.evidence import Evidence
from meshrec.fitting.fits import Fits


@dataclass(frozen=True)
class FitOptions:
    """How hard to search."""

    pose_iterations: int = 20
    """Levenberg-Marquardt iterations on everything together."""


def fit_to_joints(
    evidence: Evidence, body: BodyModel, prior, options: FitOptions = FitOptions(), start: Fits | None = None
) -> Fits:
    """Fit bodies to the joints of B people.

    Args:
        evidence: joints with confidences, and cameras.
        body: the body to pose.
        prior: a `PosePrior`.
        options: terms and iterations.
        start: fits to begin with, of the same people; spares the search for pose and orientation.
    Returns:
        The fits; people of whom no joint is known get the prior's mean pose and an infinite ``reprojection_px``.
    """
    raise NotImplementedError("fit_to_joints is being written")
