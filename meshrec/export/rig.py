"""One posed person as animation programs want it: a tree of joints, each with its offset and rotation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from meshrec.body import BodyModel
from meshrec.export.axes import CAMERA_FROM_FILE
from meshrec.export.params import joint_names
from meshrec.fitting.state import BodyState
from meshrec.geometry.skinning import blend_shapes, pose_feature


@dataclass(frozen=True)
class Rig:
    """A person's joints and skin, float64, metres.

    At rest they are in body axes (y up, the person faces z). ``root_position`` and the root's rotation place them in
    the axes of exported files.

    Attributes:
        names, parents: of the J joints; the root comes first and has the parent -1.
        rest_joints: (J, 3).
        rotations: (J, 3, 3) relative to the parent.
        root_position: (3,).
        rest_vertices: (V, 3) with the offsets that the pose asks for, so that linear blend skinning alone poses them.
        weights: (V, J) rows sum to one.
        faces: (F, 3).
        betas: (S,).
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    rest_joints: np.ndarray
    rotations: np.ndarray
    root_position: np.ndarray
    rest_vertices: np.ndarray
    weights: np.ndarray
    faces: np.ndarray
    betas: np.ndarray

    @property
    def offsets(self) -> np.ndarray:
        """(J, 3) of the joints from their parents at rest; the root's is zero."""
        return self.rest_joints - self.rest_joints[[0, *self.parents[1:]]]

    @property
    def leaves(self) -> list[int]:
        """Joints without children."""
        return sorted(set(range(len(self.parents))) - set(self.parents))

    def tip(self, joint: int) -> np.ndarray:
        """(3,) from a leaf to the far end of what it moves, at rest."""
        own = self.rest_vertices[self.weights[:, joint] > 0.5]
        if not len(own):
            return np.array([0.0, 0.0, 0.05])
        arms = own - self.rest_joints[joint]
        return arms[np.linalg.norm(arms, axis=1).argmax()]


def rigs_of(bodies: BodyState, body: BodyModel) -> list[Rig]:
    """A rig per person.

    Args:
        bodies: in camera axes.
        body: their body; its numbers are used in double precision.
    """
    params, names = bodies.params.to("cpu", torch.float64), joint_names(body)
    rest, weights = body.template_vertices.cpu().double(), body.skinning_weights.cpu().double()
    shaped = rest + blend_shapes(params.betas, body.shape_directions.cpu().double())
    joints = body.joint_regressor.cpu().double() @ shaped
    offsets = pose_feature(params.body_pose) @ body.pose_directions.cpu().double()
    corrected = shaped + offsets.unflatten(-1, (-1, 3))
    roots = (joints[:, 0] + bodies.translation.cpu().double()).numpy() @ CAMERA_FROM_FILE
    rotations = torch.cat([params.global_orient[:, None], params.body_pose], 1).numpy()
    rotations[:, 0] = CAMERA_FROM_FILE @ rotations[:, 0]
    parents, faces = tuple(body.parents.tolist()), body.faces.cpu().numpy()
    return [
        Rig(names, parents, *values, weights.numpy(), faces, betas)
        for *values, betas in zip(joints.numpy(), rotations, roots, corrected.numpy(), params.betas.numpy())
    ]
