"""Body parameters of meshes: what shape and pose gives these vertices, or comes closest to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from meshrec.body import BodyModel
from meshrec.body.pose_prior import PosePrior
from meshrec.checks import check_shapes
from meshrec.errors import InvalidInput
from meshrec.fitting.body_terms import PoseTerm, ShapeTerm
from meshrec.fitting.levenberg_marquardt import Term, minimise
from meshrec.fitting.mesh_terms import MeshTerm, UncommonShapeTerm
from meshrec.fitting.part_alignment import solve_shape, turn_parts
from meshrec.fitting.sparse_body import SparseBody
from meshrec.fitting.state import BodyState
from meshrec.geometry.alignment import nearest_rotation
from meshrec.structures import BodyParams, MeshPrediction

_PEOPLE_AT_ONCE = 8  # bounds memory: a derivative takes a few megabytes a person


@dataclass(frozen=True)
class MeshFitOptions:
    """How hard to search, and how far to trust the mesh."""

    rounds: int = 3
    """of turning parts and solving for the shape: the first guess."""
    refinements: tuple[int, ...] = (2, 3)
    """Gauss-Newton steps on everything together; before each group the noise of the mesh is estimated. None leaves
    the first guess."""
    every: int = 5
    """which vertices are looked at: every n-th."""
    independent_points: float = 300.0
    """as how many points with independent errors a mesh counts against the priors, see `MeshTerm`."""

    def __post_init__(self) -> None:
        if self.rounds < 1 or self.every < 1 or not self.independent_points > 0:
            raise ValueError(f"Fitting needs at least one round and positive numbers, got {self}.")


@dataclass(frozen=True)
class MeshFit:
    """Bodies behind B meshes, in the axes of the meshes.

    Attributes:
        params: shape and pose; ``global_orient`` turns body axes into the meshes' axes.
        translation: (B, 3) where the body's origin stands: ``body(params).vertices + translation`` is the fit, metres.
        error_m: (B,) mean distance of the mesh's vertices from the fit's.
    """

    params: BodyParams
    translation: Tensor
    error_m: Tensor

    def __post_init__(self) -> None:
        check_shapes(
            betas=(self.params.betas, "B S"), translation=(self.translation, "B 3"), error_m=(self.error_m, "B")
        )

    def __len__(self) -> int:
        return len(self.params)


@torch.no_grad()
def params_from_vertices(
    vertices: Tensor, body: BodyModel, prior: PosePrior | None = None, options: MeshFitOptions = MeshFitOptions()
) -> MeshFit:
    """Find the parameters of bodies whose vertices are given.

    A first guess in closed form turns parts (`meshrec.fitting.part_alignment`), then damped Gauss-Newton steps change
    shape, pose and place together; no step makes a fit worse.

    Args:
        vertices: (B, V, 3) metres, in any right-handed axes, one row per vertex of the body.
        body: the body, in single precision.
        prior: keeps poses likely where the mesh is not quite a body, as networks predict them; on the body's device.
    Returns:
        The fits, on the body's device; the translation is the best one for all vertices.
    Raises:
        InvalidInput: no mesh, another number of vertices than the body's, or vertices that are not finite.
    """
    if vertices.ndim != 3 or vertices.shape[1:] != (body.vertex_count, 3):
        raise InvalidInput(
            f"A mesh of this body has {body.vertex_count} vertices with 3 coordinates, got the shape "
            f"{tuple(vertices.shape)}; give vertices of the shape (people, {body.vertex_count}, 3)."
        )
    if not len(vertices):
        raise InvalidInput("There is no mesh to find parameters of.")
    if not bool(vertices.isfinite().all()):
        raise InvalidInput("Vertices must be finite numbers, got NaN or infinity; leave such meshes out.")
    vertices = vertices.to(body.template_vertices)
    index = torch.arange(0, body.vertex_count, options.every, device=vertices.device)
    points = SparseBody.at(body, body.joint_count + index, body.beta_count)
    priors = [ShapeTerm(1.0), UncommonShapeTerm(), *([PoseTerm(prior, 1.0)] if prior is not None else [])]
    # Around the origin, because far from it single precision would not do for squares of coordinates.
    targets = vertices[:, index] - vertices.mean(1, keepdim=True)
    fits = [_fit(target, points, priors, body, options) for target in targets.split(_PEOPLE_AT_ONCE)]
    params = _exact_rotations(BodyState.together(fits).params)
    fitted = body(params).vertices
    translation = (vertices - fitted).mean(1)
    return MeshFit(params, translation, (fitted + translation[:, None] - vertices).norm(dim=-1).mean(-1))


def _fit(target: Tensor, points: SparseBody, priors: list[Term], body: BodyModel, options: MeshFitOptions) -> BodyState:
    rest = BodyParams.rest(len(target), body.beta_count, body.joint_count).to(target)
    state = BodyState(rest, torch.zeros_like(target[:, 0]))
    for _ in range(options.rounds):
        state = turn_parts(state, target, points)
        mesh = MeshTerm.as_noisy_as_seen(target, points, state, options.independent_points)
        state = solve_shape(state, [mesh, priors[0]])
    for steps in options.refinements:
        mesh = MeshTerm.as_noisy_as_seen(target, points, state, options.independent_points)
        state, _ = minimise([mesh, *priors], state, steps)
    return state


def _exact_rotations(params: BodyParams) -> BodyParams:
    """Products of many rotations drift; files that hold angles would then disagree with the matrices."""
    orient, pose = (nearest_rotation(value.double()).to(value) for value in (params.global_orient, params.body_pose))
    return BodyParams(params.betas, orient, pose)


def with_body_params(
    people: Sequence[MeshPrediction], body: BodyModel, prior: PosePrior | None = None
) -> list[MeshPrediction]:
    """The same people, with parameters found from the meshes of those who have none.

    Args:
        body: the body of their meshes.
        prior: see `params_from_vertices`; networks' meshes want one.
    Raises:
        InvalidInput: a mesh that is not one of this body.
    """
    people = list(people)
    without = [number for number, person in enumerate(people) if person.body_params is None]
    if any(people[number].vertices_cam.shape != body.template_vertices.shape for number in without):
        raise InvalidInput(f"A person's mesh is not one of body {body.hash}, which has {body.vertex_count} vertices.")
    if without:
        fit = params_from_vertices(torch.stack([people[number].vertices_cam for number in without]), body, prior)
        for place, number in enumerate(without):
            people[number] = replace(people[number], body_params=fit.params[place].to("cpu"))
    return people
