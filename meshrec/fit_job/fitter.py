"""A body, a pose prior and options as one thing that fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from meshrec.assets import array_hash
from meshrec.body import BodyModel
from meshrec.body.pose_prior import PosePrior
from meshrec.fitting.evidence import Evidence
from meshrec.fitting.fits import Fits
from meshrec.fitting.smplify import FitOptions, fit_to_joints


@dataclass(frozen=True)
class Fitter:
    """Fits bodies to evidence, on the device of the body.

    Attributes:
        body, prior, options: see `fit_to_joints`.
        fit: what does it.
    """

    body: BodyModel
    prior: PosePrior
    options: FitOptions = FitOptions()
    fit: Callable[..., Fits] = fit_to_joints

    @classmethod
    def load(cls, body: str | Path | None = None, device: str | torch.device = "cpu") -> Fitter:
        """With the shipped prior, and the shipped body by default.

        Raises:
            AssetNotFound, InvalidInput: a file is missing or damaged.
        """
        return cls(BodyModel.from_file(body).to(device), PosePrior.from_file().to(device))

    def __call__(self, evidence: Evidence) -> Fits:
        """Fits on the CPU, wherever they were made."""
        device = self.body.template_vertices.device
        return self.fit(evidence.to(device), self.body, self.prior, self.options).to("cpu")

    @property
    def words(self) -> str:
        """What makes the fits: the same words mean the same fits."""
        prior = array_hash(*(values.detach().cpu().numpy() for values in self.prior.buffers()))
        return f"fit_to_joints, body {self.body.hash}, pose prior {prior}, {self.options}"
