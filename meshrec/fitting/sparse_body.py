"""A few points of posed bodies, and how they move with the parameters, without posing the whole mesh.

A point is a skeleton joint or a vertex. Either has a rest position that is linear in the shape (a vertex's in the pose
feature, too) and is carried by joints with fixed weights: a vertex by its skinning weights, a joint by itself. So one
formula, linear blend skinning (see `meshrec.geometry.skinning`), poses both, and one formula differentiates them.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from meshrec.body import BodyModel, NamedJoints
from meshrec.fitting.state import BodyState
from meshrec.geometry.rotations import cross_product_matrix
from meshrec.geometry.skinning import blend_shapes, kinematic_chain, pose_feature, regress_joints
from meshrec.structures import JointSet


class PosedPoints(NamedTuple):
    """P points of B posed bodies, and what their derivatives need."""

    points_cam: Tensor  # (B, P, 3) metres
    rotations: Tensor  # (B, J, 3, 3) of the joints, relative to the camera's axes
    joints: Tensor  # (B, J, 3) camera axes, without the translation
    carried: Tensor  # (B, P, J, 3) where each joint alone would carry each point, times its weight
    blended: Tensor  # (B, P, 3, 3) weighted mean of the joints' rotations


class SparseBody:
    """Chosen points of a body.

    Args:
        body: the body.
        template: (P, 3) the points on the mean body at rest, metres.
        shape: (P, 3, S) metres per unit of the S shape coefficients that are used.
        weights: (P, J) by which the joints carry the points; rows sum to one.
        flexible: (P',) long, the points that the pose feature moves.
        pose: (J - 1, 9, P', 3) metres per unit of that feature.
    """

    def __init__(
        self, body: BodyModel, template: Tensor, shape: Tensor, weights: Tensor, flexible: Tensor, pose: Tensor
    ) -> None:
        self.parents = tuple(body.parents.tolist())
        self.joint_template, self.joint_shape = _rest_joints(body, shape.shape[-1])
        self.template, self.shape, self.weights = template, shape, weights
        self.flexible, self.pose = flexible, pose
        # Row a, column k: joint k turns when joint a does.
        self.follows = _followers(self.parents).to(weights)
        self.follow_weights = weights @ self.follows.T  # (P, J) how much of each point turns with each joint

    @classmethod
    def at(cls, body: BodyModel, index: Tensor, betas: int = 10) -> SparseBody:
        """Skeleton joints and vertices.

        Args:
            index: (P,) long into the joints followed by the vertices, as in `NamedJoints.index`.
            betas: how many shape coefficients are used.
        """
        joints, directions = body.joint_count, body.shape_directions[..., :betas]
        joint_template, joint_shape = _rest_joints(body, betas)
        joint, vertex, is_joint = index.clamp_max(joints - 1), (index - joints).clamp_min(0), index < joints
        identity = torch.eye(joints, dtype=joint_template.dtype, device=index.device)
        flexible = (~is_joint).nonzero()[:, 0]
        pose = body.pose_directions.unflatten(1, (-1, 3))[:, vertex[flexible]].unflatten(0, (-1, 9))
        return cls(
            body,
            torch.where(is_joint[:, None], joint_template[joint], body.template_vertices[vertex]),
            torch.where(is_joint[:, None, None], joint_shape[joint], directions[vertex]),
            torch.where(is_joint[:, None], identity[joint], body.skinning_weights[vertex]),
            flexible,
            pose,
        )

    @classmethod
    def of_joints(cls, body: BodyModel, joint_set: JointSet, betas: int = 10) -> SparseBody:
        """Those joints of a set that the body has, see `NamedJoints.present`."""
        named = NamedJoints(body, joint_set)
        return cls.at(body, named.index[named.present], betas)

    @classmethod
    def inside(cls, body: BodyModel, share: Tensor, joint: Tensor, betas: int = 10) -> SparseBody:
        """Points within the body, each carried by one joint.

        Args:
            share: (P, V) the points at rest as means of the vertices; rows sum to one.
            joint: (P,) long, what carries them.
        """
        identity = torch.eye(body.joint_count, dtype=share.dtype, device=share.device)
        return cls(
            body,
            share @ body.template_vertices,
            torch.einsum("pv,vcs->pcs", share, body.shape_directions[..., :betas]),
            identity[joint],
            joint[:0],
            body.pose_directions.new_zeros(body.joint_count - 1, 9, 0, 3),
        )

    def __call__(self, state: BodyState) -> PosedPoints:
        """Pose the points of B bodies."""
        params = state.params
        joints_rest = self.joint_template + blend_shapes(params.betas, self.joint_shape)
        frames = kinematic_chain(
            torch.cat([params.global_orient[:, None], params.body_pose], 1), joints_rest, self.parents
        )
        rotations, joints = frames[..., :3], frames[..., 3]
        shift = joints - (rotations @ joints_rest[..., None]).squeeze(-1)
        rest = self.template + blend_shapes(params.betas, self.shape)
        if len(self.flexible):
            bend = pose_feature(params.body_pose) @ self.pose.flatten(0, 1).flatten(1)
            rest = rest.index_add(1, self.flexible, bend.unflatten(1, (-1, 3)))
        # (B, J, 3, 3) x (B, 1, 3, P) -> (B, J, 3, P)
        carried = (rotations @ rest.mT[:, None] + shift[..., None]).permute(0, 3, 1, 2) * self.weights[..., None]
        blended = torch.einsum("pj,bjcd->bpcd", self.weights, rotations)
        return PosedPoints(carried.sum(2) + state.translation[:, None], rotations, joints, carried, blended)

    def jacobian(self, state: BodyState, posed: PosedPoints) -> Tensor:
        """(B, P, 3, N) motion of the points with the numbers of a step, see `meshrec.fitting.state`."""
        batch, count = posed.points_cam.shape[:2]
        shift = torch.eye(3, dtype=posed.joints.dtype, device=posed.joints.device).expand(batch, count, 3, 3)
        turn = self._turning(posed)
        if len(self.flexible):
            turn = turn.index_add(1, self.flexible, self._bending(state, posed))
        turn = turn.transpose(2, 3).flatten(3)
        return torch.cat([shift, turn, self._growing(posed)], -1)

    def _turning(self, posed: PosedPoints) -> Tensor:
        """(B, P, J, 3, 3) motion with the joints' turns: the lever arm from joint to point, crossed with the axis."""
        lever = torch.einsum("ak,bpkc->bpac", self.follows, posed.carried)
        lever = lever - self.follow_weights[..., None] * posed.joints[:, None]
        return -cross_product_matrix(lever) @ posed.rotations[:, None]

    def _bending(self, state: BodyState, posed: PosedPoints) -> Tensor:
        """(B, P', J, 3, 3) motion of the vertices through the pose feature, without the root."""
        generators = cross_product_matrix(torch.eye(3, dtype=posed.joints.dtype, device=posed.joints.device))
        # How the nine entries of each rotation change with its turn: (B, J - 1, 3, 9).
        change = (state.params.body_pose[:, :, None] @ generators).flatten(3)
        bend = torch.einsum("bjie,jepc->bpjci", change, self.pose)
        motion = posed.blended[:, self.flexible, None] @ bend
        return torch.cat([torch.zeros_like(motion[:, :, :1]), motion], 2)

    def _growing(self, posed: PosedPoints) -> Tensor:
        """(B, P, 3, S) motion with the shape coefficients."""
        rotations, parents = posed.rotations, list(self.parents[1:])
        # A joint moves by the sum of the turned changes of the bones that lead to it.
        bones = self.joint_shape[1:] - self.joint_shape[parents]
        bones = torch.cat([self.joint_shape[:1].expand(len(rotations), 1, -1, -1), rotations[:, parents] @ bones], 1)
        joints = torch.einsum("ak,bacs->bkcs", self.follows, bones)
        shift = torch.einsum("pj,bjcs->bpcs", self.weights, joints - rotations @ self.joint_shape)
        return posed.blended @ self.shape + shift


def _rest_joints(body: BodyModel, betas: int) -> tuple[Tensor, Tensor]:
    """(J, 3) joints of the mean shape at rest, and (J, 3, S) how they move with the shape."""
    shape = torch.einsum("jv,vcs->jcs", body.joint_regressor, body.shape_directions[..., :betas])
    return regress_joints(body.template_vertices, body.joint_regressor), shape


def _followers(parents: tuple[int, ...]) -> Tensor:
    """(J, J) bool: joint k (column) turns when joint a (row) does, because it is a or one of its descendants."""
    follows = torch.eye(len(parents), dtype=torch.bool)
    for joint, parent in enumerate(parents):
        if parent >= 0:
            follows[:, joint] |= follows[:, parent]
    return follows
