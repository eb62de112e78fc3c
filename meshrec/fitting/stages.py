"""The stages of a fit: from every side for a while, the best to the end, then whole pictures where there are any."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from meshrec.body.pose_prior import PosePrior
from meshrec.fitting.evidence import Evidence
from meshrec.fitting.levenberg_marquardt import minimise
from meshrec.fitting.objective import Objective
from meshrec.fitting.starts import best_starts, seen_poses
from meshrec.fitting.state import BodyState


def search(objective: Objective, prior: PosePrior, evidence: Evidence) -> BodyState:
    """Where the body stands and faces, and then its pose and shape, from joints alone.

    Camera and orientation are found in closed form for every side. From each, pose and shape follow in a few
    iterations; the fits with the least energy go on, now also with limbs kept out of the body, and the best of them is
    returned.
    """
    options = objective.options
    evidence = replace(evidence, masks=None, iuv=None, parts=None)
    state = best_starts(evidence, seen_poses(objective.points, prior, options), options)
    people = torch.arange(len(evidence), device=state.translation.device)
    people = people.repeat_interleave(options.start_sides)
    state, energy = minimise(objective.for_search(evidence[people]), state, options.search_iterations)
    kept = min(options.kept, options.start_sides)
    best = _lowest(energy, options.start_sides, kept)
    state, people = state[best], people[best]
    state, energy = minimise(objective.for_bodies(evidence[people]), state, options.iterations)
    return state[_lowest(energy, kept, 1)]


def continue_from(objective: Objective, evidence: Evidence, state: BodyState) -> BodyState:
    """Pose and shape from a state that is near already."""
    return minimise(objective.for_bodies(evidence), state, objective.options.iterations)[0]


def look_at_pictures(objective: Objective, evidence: Evidence, state: BodyState) -> BodyState:
    """Everything together with masks, parts and IUV; the state itself without any."""
    pictures = objective.for_pictures(evidence)
    if not pictures:
        return state
    terms = [*objective.for_bodies(evidence), *pictures]
    return minimise(terms, state, objective.options.image_iterations)[0]


def _lowest(energy: Tensor, per_person: int, kept: int) -> Tensor:
    """(B kept,) rows of the fits with the least energy of each person, of whom there are `per_person` in a row."""
    energy = energy.view(len(energy) // per_person, per_person).nan_to_num(torch.inf)
    best = energy.topk(kept, dim=1, largest=False).indices
    first = torch.arange(len(best), device=energy.device)[:, None] * per_person
    return (first + best).flatten()
