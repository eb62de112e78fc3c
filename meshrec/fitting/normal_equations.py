"""Quadratic models of sums of squares around a state, for steps of Gauss-Newton."""

from __future__ import annotations

from torch import Tensor

from meshrec.fitting.state import BodyState


class NormalEquations:
    """Energy, gradient and Gauss-Newton curvature of B fits; terms add their residuals to it.

    The energy is half the sum of squared residuals.

    Attributes:
        energy: (B,).
        gradient: (B, N) by the numbers of a step, see `meshrec.fitting.state`.
        curvature: (B, N, N).
    """

    def __init__(self, state: BodyState) -> None:
        like = state.translation
        self.energy = like.new_zeros(len(state))
        self.gradient = like.new_zeros(len(state), state.step_size)
        self.curvature = like.new_zeros(len(state), state.step_size, state.step_size)

    def add(self, residuals: Tensor, jacobian: Tensor, columns: slice = slice(None)) -> None:
        """Add residuals (B, M) that depend on some columns of a step by a Jacobian (B, M, n)."""
        self.add_curved(0.5 * residuals.square().sum(1), residuals, jacobian, columns)

    def add_curved(self, energy: Tensor, residuals: Tensor, jacobian: Tensor, columns: slice = slice(None)) -> None:
        """Add a term whose energy (B,) is not that of the residuals (B, M) which model its gradient and curvature."""
        self.energy += energy
        self.gradient[:, columns] += (residuals[:, None] @ jacobian).squeeze(1)
        self.curvature[:, columns, columns] += jacobian.mT @ jacobian

    def add_scaled(self, residuals: Tensor, factor: float, columns: slice) -> None:
        """Add residuals (B, n), each of which is `factor` times one column plus a constant."""
        self.energy += 0.5 * residuals.square().sum(1)
        self.gradient[:, columns] += factor * residuals
        self.curvature[:, columns, columns].diagonal(dim1=1, dim2=2).add_(factor**2)
