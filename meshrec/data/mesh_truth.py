"""True meshes and joints from labelled body parameters, where the body that they belong to is at hand."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from meshrec.body import BodyModel
from meshrec.body.regressors import NamedJoints
from meshrec.body.turned_params import turn_params
from meshrec.data.annotations import Annotations
from meshrec.errors import InvalidInput
from meshrec.geometry.rotations import axis_angle_to_matrix
from meshrec.structures import BODY30, SMPL24, BodyParams


@dataclass(frozen=True)
class PosedLabels:
    """What the parameters of B people say, in camera axes with the body's origin.

    Attributes:
        vertices: (B, V, 3) metres, zero where the mesh is unknown.
        has_mesh: (B,) bool.
        joints: (B, 30, 3) of the posed skeleton and its landmarks, in the order of BODY30, zero where unknown.
        has_joints: (B,) bool; also where the parameters belong to a body with another mesh.
        joint_present: (30,) bool, which joints such a body has at all.
        facing_rad: (B,) heading, 0 towards the camera, positive turning to the camera's right.
        params: what poses them, in the same axes; the rest body where it is unknown.
        has_params: (B,) bool; false where they belong to another body than the one in use.
    """

    vertices: Tensor
    has_mesh: Tensor
    joints: Tensor
    has_joints: Tensor
    joint_present: Tensor
    facing_rad: Tensor
    params: BodyParams
    has_params: Tensor


class MeshTruth:
    """Poses the bodies that labels belong to.

    A mesh is a target only if it has the faces of the body in use, as the male, female and neutral body of one model
    have. Parameters of any other body that is at hand still give 3D joints; those of a body that is not give nothing.

    Args:
        body: the body in use.
        files: paths of further bodies by the names that labels call them, for example ``smpl_male``.
    Raises:
        AssetNotFound, InvalidInput: a body file is missing, damaged, or not of SMPL's skeleton.
    """

    def __init__(self, body: BodyModel, files: Mapping[str, str | Path] | None = None) -> None:
        self.body = copy.deepcopy(body).cpu()  # photographs are read on the CPU, wherever synthetic people are drawn
        self.bodies = {name: BodyModel.from_file(path) for name, path in (files or {}).items()}
        for name, model in self.bodies.items():
            if model.joint_count != len(SMPL24):
                raise InvalidInput(
                    f"The body {name} has {model.joint_count} joints; labels can only be posed with bodies of SMPL's "
                    f"{len(SMPL24)} joints. Leave it out: the labelled joints are used all the same."
                )
        self.bodies[body.hash] = self.body
        self.named_joints = {name: NamedJoints(model, BODY30) for name, model in self.bodies.items()}

    def gives_mesh(self, name: str) -> bool:
        """Whether parameters of the body of that name give targets for the body in use."""
        model = self.bodies.get(name)
        return model is not None and torch.equal(model.faces, self.body.faces)

    @torch.no_grad()
    def pose(self, people: Annotations, turn_cam: Tensor | None = None) -> PosedLabels:
        """Pose everybody whose body is at hand.

        Args:
            turn_cam: (B, 3, 3) turns of the camera's axes, perhaps with a mirroring of x, see ``CropView``.
        """
        count = len(people)
        known = BodyParams.rest(count, self.body.beta_count, self.body.joint_count)
        has_params = torch.zeros(count, dtype=torch.bool)
        vertices = torch.zeros(count, self.body.vertex_count, 3)
        joints, facing = torch.zeros(count, len(BODY30), 3), torch.zeros(count)
        has_mesh, has_joints = torch.zeros(count, dtype=torch.bool), torch.zeros(count, dtype=torch.bool)
        for name in np.unique(people.body[people.has_params]):
            if name not in self.bodies:
                continue
            rows = torch.from_numpy(np.flatnonzero(people.has_params & (people.body == name)))
            params = self._params(people, rows.numpy(), self.bodies[name])
            if turn_cam is not None:
                params = turn_params(params, turn_cam[rows].to(params.betas))
            output = self.bodies[name](params)
            if self.bodies[name].hash == self.body.hash:
                known.betas[rows], known.global_orient[rows], known.body_pose[rows] = (
                    params.betas,
                    params.global_orient,
                    params.body_pose,
                )
                has_params[rows] = True
            if self.gives_mesh(name):
                vertices[rows], has_mesh[rows] = output.vertices, True
            joints[rows], has_joints[rows] = self.named_joints[name](output), True
            forward = params.global_orient[:, :, 2]
            facing[rows] = torch.atan2(forward[:, 0], -forward[:, 2])
        present = self.named_joints[self.body.hash].present
        return PosedLabels(vertices, has_mesh, joints, has_joints, present, facing, known, has_params)

    @staticmethod
    def _params(people: Annotations, rows: np.ndarray, body: BodyModel) -> BodyParams:
        rotations = np.zeros((len(rows), body.joint_count, 3), np.float32)
        known = min(body.joint_count, people.pose.shape[1])
        rotations[:, :known] = people.pose[rows, :known]
        matrices = axis_angle_to_matrix(torch.from_numpy(rotations))
        betas = torch.from_numpy(np.array(people.betas[rows, : body.beta_count]))
        return BodyParams(betas, matrices[:, 0], matrices[:, 1:])
