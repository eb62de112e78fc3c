"""What fitting a body to a mesh minimises beside the priors on poses: distances of vertices, and uncommon shapes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec.fitting.normal_equations import NormalEquations
from meshrec.fitting.sparse_body import SparseBody
from meshrec.fitting.state import BodyState, shape_columns

_LEAST_NOISE_M = 1e-4  # no mesh is trusted beyond a tenth of a millimetre


@dataclass(frozen=True)
class MeshTerm:
    """Squared distances of B bodies' points from those of the meshes.

    Attributes:
        target: (B, P, 3) metres.
        points: the same points of the body.
        weight: (B,) of half the mean squared distance, 1 / square metres.
    """

    target: Tensor
    points: SparseBody
    weight: Tensor

    @classmethod
    def as_noisy_as_seen(
        cls, target: Tensor, points: SparseBody, state: BodyState, independent_points: float
    ) -> MeshTerm:
        """Trusting each mesh as far as it is like the body of a state.

        Args:
            independent_points: as how many points with independent errors, as large as the distance from the state's
                body, a mesh counts. So priors fade where a mesh is a body, and matter where it is only like one.
        """
        variance = (target - points(state).points_cam).square().sum(-1).mean(1)
        return cls(target, points, independent_points / variance.clamp(min=_LEAST_NOISE_M**2))

    def energy(self, state: BodyState) -> Tensor:
        """(B,)."""
        return 0.5 * self._scaled(self.points(state).points_cam - self.target).square().sum((1, 2))

    def add_to(self, equations: NormalEquations, state: BodyState) -> None:
        posed = self.points(state)
        residuals = self._scaled(posed.points_cam - self.target)
        jacobian = self._scaled(self.points.jacobian(state, posed).flatten(2)).unflatten(2, (3, -1))
        equations.add(residuals.flatten(1), jacobian.flatten(1, 2))

    def _scaled(self, values: Tensor) -> Tensor:
        return values * (self.weight / self.target.shape[1]).sqrt()[:, None, None]


@dataclass(frozen=True)
class UncommonShapeTerm:
    """A soft bound: half the squares of what exceeds it of the shape coefficients.

    Attributes:
        bound: standard deviations.
        weight: of its energy.
    """

    bound: float = 3.0
    weight: float = 100.0

    def energy(self, state: BodyState) -> Tensor:
        """(B,)."""
        return 0.5 * self.weight * self._excess(state.params.betas).square().sum(1)

    def add_to(self, equations: NormalEquations, state: BodyState) -> None:
        excess = self._excess(state.params.betas)
        factor = self.weight**0.5
        columns = shape_columns(state.params.body_pose.shape[1] + 1, excess.shape[1])
        equations.add(factor * excess, factor * torch.diag_embed((excess != 0).to(excess)), columns)

    def _excess(self, betas: Tensor) -> Tensor:
        return betas - betas.clamp(-self.bound, self.bound)
