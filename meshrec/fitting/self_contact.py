"""Limbs that pass through the body: spheres along the bones must not overlap.

SMPLify (Bogo et al., ECCV 2016, section 3.2) fills the body with capsules and compares spheres along them; so does this
term. Spheres are as large as the mean body has room for around them, so that touching skin is allowed and two that
overlap mean a limb inside another.
"""

from __future__ import annotations

import torch
from torch import Tensor

from meshrec.body import BodyModel
from meshrec.fitting.normal_equations import NormalEquations
from meshrec.fitting.sparse_body import SparseBody
from meshrec.fitting.state import BodyState
from meshrec.structures import SMPL24

# Centres of the spheres, as fractions of the way from one joint to another; a fraction above 1 lies beyond.
_LIMBS = (
    ("shoulder", "elbow", (0.5, 0.85)),
    ("elbow", "wrist", (0.35, 0.7, 1.0)),
    ("wrist", "hand", (1.0,)),
    ("hip", "knee", (0.3, 0.6, 0.95)),
    ("knee", "ankle", (0.3, 0.65, 1.0)),
    ("ankle", "foot", (0.7,)),
)
_TRUNK = ("pelvis", "spine1", "spine2", "spine3", "head")  # a sphere each, in the middle of what they carry
_MOST = 16  # overlaps of one body that count, the deepest ones: more would cost time and say nothing new
_APART_M = 1e-4


class SelfContactTerm:
    """Half the squared depths of overlapping spheres, each over a softness.

    Bones that share a joint may overlap, and so may spheres that already do in the rest pose.

    Args:
        body: with SMPL's 24 joints.
        weight: of the energy.
        softness_m: this much of an overlap costs half a unit.
        betas: how many shape coefficients are used.
    """

    def __init__(self, body: BodyModel, weight: float, softness_m: float = 0.02, betas: int = 10) -> None:
        self.spheres, bone = _spheres(body, betas)
        self.radius_m = torch.cdist(self.spheres.template, body.template_vertices).amin(1)
        self._factor = weight**0.5 / softness_m
        first, second = torch.triu_indices(len(bone), len(bone), 1, device=bone.device)
        joined = (bone[first][:, :, None] == bone[second][:, None]).flatten(1).any(1)
        between = (self.spheres.template[first] - self.spheres.template[second]).norm(dim=1)
        kept = ~joined & (between > self.radius_m[first] + self.radius_m[second])
        self._pair = torch.stack([first[kept], second[kept]])

    def energy(self, state: BodyState) -> Tensor:
        """(B,)."""
        depth, _, _ = self._deepest(self.spheres(state).points_cam)
        return 0.5 * (self._factor * depth).square().sum(1)

    def overlap_m(self, state: BodyState) -> Tensor:
        """(B,) depth of the deepest overlap, 0 where there is none."""
        return self._deepest(self.spheres(state).points_cam)[0].amax(1)

    def add_to(self, equations: NormalEquations, state: BodyState) -> None:
        posed = self.spheres(state)
        depth, direction, pair = self._deepest(posed.points_cam)
        motion = self.spheres.jacobian(state, posed).flatten(2)  # (B, P, 3 N)
        first, second = (
            motion.gather(1, spheres[..., None].expand(-1, -1, motion.shape[2])).unflatten(2, (3, -1))
            for spheres in self._pair[:, pair]
        )
        # Depth shrinks as the centres part.
        slope = (direction[:, :, None] @ (second - first)).squeeze(2) * (depth > 0)[..., None]
        equations.add(self._factor * depth, self._factor * slope)

    def _deepest(self, centres: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Depths (B, M) of the deepest overlaps, unit directions (B, M, 3) from second to first, their pairs (B, M)."""
        first, second = self._pair
        apart = centres[:, first] - centres[:, second]
        distance = apart.square().sum(-1).clamp_min(_APART_M**2).sqrt()
        depth = (self.radius_m[first] + self.radius_m[second] - distance).relu()
        depth, pair = depth.topk(min(_MOST, depth.shape[1]), dim=1)
        row = torch.arange(len(centres), device=centres.device)[:, None]
        return depth, (apart / distance[..., None])[row, pair], pair


def _spheres(body: BodyModel, betas: int) -> tuple[SparseBody, Tensor]:
    """The spheres' centres, and (P, 2) the joints at the ends of their bones; twice the same for the trunk."""
    bones = [(f"{side}_{start}", f"{side}_{end}", at) for side in ("left", "right") for start, end, at in _LIMBS]
    ends = [(SMPL24.index(start), SMPL24.index(end)) for start, end, at in bones for _ in at]
    trunk = [SMPL24.index(name) for name in _TRUNK]
    like = body.template_vertices
    bone = torch.tensor(ends + [(joint, joint) for joint in trunk], device=like.device)
    fraction = torch.tensor([fraction for *_, at in bones for fraction in at], device=like.device, dtype=like.dtype)
    start, end = bone[: len(ends)].unbind(1)
    on_bones = torch.lerp(body.joint_regressor[start], body.joint_regressor[end], fraction[:, None])
    in_trunk = body.skinning_weights[:, trunk].mT
    in_trunk = in_trunk / in_trunk.sum(1, keepdim=True)
    return SparseBody.inside(body, torch.cat([on_bones, in_trunk]), bone[:, 0], betas), bone
