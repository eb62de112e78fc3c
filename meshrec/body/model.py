"""Bodies in SMPL's format: shape and pose parameters to vertices and joints."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from meshrec.assets import array_hash, asset_path
from meshrec.body.smpl_files import SmplArrays, read_smpl_file
from meshrec.geometry.skinning import linear_blend_skinning
from meshrec.structures.body import BodyOutput, BodyParams


class BodyModel(nn.Module):
    """One body of SMPL's format, the free default body or a user's own file.

    The arrays are buffers that move with the module but stay out of its state dict: checkpoints must not carry a body
    whose licence may forbid it, they carry its hash.

    Attributes:
        template_vertices: (V, 3) mean body in the rest pose, metres, y up, facing +z, left = +x.
        shape_directions: (V, 3, S) metres per unit of each shape coefficient.
        pose_directions: (9 (J - 1), 3 V) metres per unit of the pose feature.
        joint_regressor: (J, V).
        skinning_weights: (V, J).
        faces: (F, 3) long, counter-clockwise seen from outside.
        parents: (J,) long, -1 at the root.
        hash: sixteen hexadecimal digits of template and faces, by which atlases and checkpoints name their body.
    """

    template_vertices: Tensor
    shape_directions: Tensor
    pose_directions: Tensor
    joint_regressor: Tensor
    skinning_weights: Tensor
    faces: Tensor
    parents: Tensor

    def __init__(self, arrays: SmplArrays) -> None:
        super().__init__()
        self.hash = array_hash(arrays.template_vertices, arrays.faces)
        self._parents = arrays.parents  # as plain integers: reading the buffer would make a GPU wait
        pose_directions = torch.from_numpy(arrays.pose_directions).flatten(0, 1).T.contiguous()
        for name, value in (
            ("template_vertices", torch.from_numpy(arrays.template_vertices)),
            ("shape_directions", torch.from_numpy(arrays.shape_directions)),
            ("pose_directions", pose_directions),
            ("joint_regressor", torch.from_numpy(arrays.joint_regressor)),
            ("skinning_weights", torch.from_numpy(arrays.skinning_weights)),
            ("faces", torch.from_numpy(arrays.faces)),
            ("parents", torch.tensor(arrays.parents)),
        ):
            self.register_buffer(name, value, persistent=False)

    @classmethod
    def from_file(cls, path: str | Path | None = None) -> BodyModel:
        """Load a body.

        Args:
            path: SMPL-format ``.npz`` or ``.pkl``; None is the free default body.
        Raises:
            AssetNotFound: there is no such file.
            InvalidInput: the file is damaged or not an SMPL-format body.
        """
        return cls(read_smpl_file(asset_path("body/meshrec_body.npz") if path is None else path))

    @property
    def vertex_count(self) -> int:
        return self.template_vertices.shape[0]

    @property
    def joint_count(self) -> int:
        return len(self._parents)

    @property
    def beta_count(self) -> int:
        return self.shape_directions.shape[-1]

    def forward(self, params: BodyParams) -> BodyOutput:
        """Pose bodies.

        Args:
            params: of B bodies; fewer betas than the body has mean that the rest are zero.
        Returns:
            Vertices and joints in metres, in the axes that ``params.global_orient`` maps to. There is no translation:
            the root joint stays where the shape puts it.
        Raises:
            ValueError: the number of joints or betas does not fit this body.
        """
        vertices, joints = linear_blend_skinning(
            self.template_vertices,
            self.shape_directions,
            self.pose_directions,
            self.joint_regressor,
            self.skinning_weights,
            self._parents,
            params.betas,
            params.global_orient,
            params.body_pose,
        )
        return BodyOutput(vertices, joints)
