"""Levenberg-Marquardt for many bodies at once, each with its own damping and its own success."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from meshrec.fitting.normal_equations import NormalEquations
from meshrec.fitting.state import BodyState

_FIRST_DAMPING = 1e-2  # relative to the curvature's diagonal
_LEAST_DAMPING, _MOST_DAMPING = 1e-6, 1e6
_AFTER_SUCCESS, _AFTER_FAILURE = 0.3, 8.0


class Term(Protocol):
    """A part of the energy that fitting minimises."""

    def energy(self, state: BodyState) -> Tensor:
        """(B,)."""

    def add_to(self, equations: NormalEquations, state: BodyState) -> None:
        """Add the same energy, its gradient and its curvature."""


def total_energy(terms: Sequence[Term], state: BodyState) -> Tensor:
    """(B,) of all terms together."""
    return sum(term.energy(state) for term in terms)


def minimise(
    terms: Sequence[Term], state: BodyState, iterations: int, columns: Sequence[int] | None = None
) -> tuple[BodyState, Tensor]:
    """Lower the sum of terms; the energy of no body ever grows.

    Args:
        terms: to be summed.
        state: where to begin.
        iterations: steps that are tried.
        columns: numbers of a step that may change, all by default.
    Returns:
        The state with the least energy and that energy (B,).
    """
    columns = torch.arange(state.step_size) if columns is None else torch.as_tensor(columns)
    columns = columns.to(state.translation.device)
    damping = state.translation.new_full((len(state),), _FIRST_DAMPING)
    best = _linearised(terms, state)
    for _ in range(iterations):
        trial_state = state.moved(_step(best, damping, columns))
        trial = _linearised(terms, trial_state)
        better = trial.energy < best.energy
        state = trial_state.where(better, state)
        best.energy = torch.where(better, trial.energy, best.energy)
        best.gradient = torch.where(better[:, None], trial.gradient, best.gradient)
        best.curvature = torch.where(better[:, None, None], trial.curvature, best.curvature)
        damping = damping * torch.where(better, _AFTER_SUCCESS, _AFTER_FAILURE)
        damping = damping.clamp(_LEAST_DAMPING, _MOST_DAMPING)
    return state, best.energy


def _linearised(terms: Sequence[Term], state: BodyState) -> NormalEquations:
    equations = NormalEquations(state)
    for term in terms:
        term.add_to(equations, state)
    return equations


def _step(equations: NormalEquations, damping: Tensor, columns: Tensor) -> Tensor:
    """(B, N) solution of the damped normal equations, zero in the other columns and where there is none."""
    gradient = equations.gradient[:, columns]
    curvature = equations.curvature[:, columns[:, None], columns]
    diagonal = curvature.diagonal(dim1=1, dim2=2)
    # Unknowns in units in which each has the curvature 1 (Marquardt's scaling); this also conditions the solution.
    unit = diagonal.clamp_min(1e-6).rsqrt()
    scaled = curvature * unit[:, :, None] * unit[:, None]
    scaled.diagonal(dim1=1, dim2=2).add_(damping[:, None])
    factor, failed = torch.linalg.cholesky_ex(scaled)
    solution = torch.cholesky_solve((gradient * unit)[..., None], factor).squeeze(-1) * unit
    usable = ((failed == 0) & solution.isfinite().all(1))[:, None]
    step = torch.zeros_like(equations.gradient)
    step[:, columns] = torch.where(usable, -solution, 0.0)
    return step
