"""A first guess of the body behind a mesh, in closed form: every part is turned to where the mesh has it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from meshrec.fitting.levenberg_marquardt import Term
from meshrec.fitting.normal_equations import NormalEquations
from meshrec.fitting.sparse_body import SparseBody
from meshrec.fitting.state import TRANSLATION, BodyState, shape_columns
from meshrec.geometry.alignment import nearest_rotation
from meshrec.structures import BodyParams

# Keeps parts without vertices, or shrunk to a point, as they are; the smallest real part spreads a thousand times more.
_NEGLIGIBLE_SPREAD_M2 = 1e-8


def turn_parts(state: BodyState, target: Tensor, points: SparseBody) -> BodyState:
    """Turn each part of a body as the mesh has it, all parts on their own.

    What is already right stays, so repeating it converges although parts are not rigid where they join.

    Args:
        target: (B, P, 3) the mesh at the body's points, metres.
    """
    posed = points(state)
    frames = part_turns(posed.points_cam, target, points.weights.square()) @ posed.rotations
    rotations = torch.cat([frames[:, :1], frames[:, list(points.parents[1:])].mT @ frames[:, 1:]], 1)
    return BodyState(BodyParams(state.params.betas, rotations[:, 0], rotations[:, 1:]), state.translation)


def part_turns(source: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Rotations that best turn every part of a mesh as in another one, wherever it moves (weighted Procrustes).

    Args:
        source, target: (B, P, 3) corresponding points.
        weights: (P, J) how much each point belongs to each part, not negative.
    Returns:
        (B, J, 3, 3) rotations; the identity for parts without extent.
    """
    share = (weights / weights.sum(0).clamp(min=torch.finfo(weights.dtype).tiny)).mT
    source_mean, target_mean = share @ source, share @ target
    products = (target[..., :, None] * source[..., None, :]).flatten(-2)
    covariance = (share @ products).unflatten(-1, (3, 3)) - target_mean[..., None] * source_mean[..., None, :]
    return nearest_rotation(covariance + _NEGLIGIBLE_SPREAD_M2 * torch.eye(3).to(source))


def solve_shape(state: BodyState, terms: Sequence[Term]) -> BodyState:
    """Shape and place that minimise the terms while nothing turns, of which vertices are linear functions."""
    equations = NormalEquations(state)
    for term in terms:
        term.add_to(equations, state)
    numbers = torch.arange(state.step_size, device=state.translation.device)
    betas = shape_columns(state.params.body_pose.shape[1] + 1, state.params.betas.shape[1])
    columns = torch.cat([numbers[TRANSLATION], numbers[betas]])
    step = torch.zeros_like(equations.gradient)
    step[:, columns] = -torch.linalg.solve(
        equations.curvature[:, columns[:, None], columns], equations.gradient[:, columns]
    )
    return state.moved(step)
