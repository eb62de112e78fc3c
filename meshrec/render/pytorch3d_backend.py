"""PyTorch3D's rasteriser behind our protocol; the only file that imports PyTorch3D."""

from __future__ import annotations

import torch
from torch import Tensor

from meshrec.optional import require
from meshrec.render.screen import ScreenMap

_INSTALL = 'pip install --no-build-isolation "git+https://github.com/facebookresearch/pytorch3d.git"'


def visible_faces(vertices_cam: Tensor, faces: Tensor, screen: ScreenMap, *, two_sided: bool, near: float) -> Tensor:
    """The face seen at every pixel centre; see `meshrec.render.rasterize.Rasterizer` for the contract.

    Raises:
        MissingDependency: PyTorch3D is absent.
    """
    batch, (height, width) = len(vertices_cam), screen.size
    if batch == 0 or len(faces) == 0 or vertices_cam.shape[1] == 0:
        return torch.full((batch, height, width), -1, dtype=torch.long, device=vertices_cam.device)
    purpose = 'rasterise with backend="pytorch3d"'
    structures = require("pytorch3d.structures", purpose=purpose, install=_INSTALL)
    mesh = require("pytorch3d.renderer.mesh", purpose=purpose, install=_INSTALL)
    meshes = structures.Meshes(_to_ndc(vertices_cam.float(), screen), faces.expand(batch, -1, -1))
    face, *_ = mesh.rasterize_meshes(
        meshes, screen.size, faces_per_pixel=1, perspective_correct=screen.perspective, cull_backfaces=not two_sided,
        z_clip_value=near if screen.perspective else None,
    )
    face = face[..., 0]
    return torch.where(face >= 0, face % len(faces), face)  # its indices run on through the batch


def _to_ndc(vertices_cam: Tensor, screen: ScreenMap) -> Tensor:
    """(B, V, 3) in PyTorch3D's screen frame: x left, y up, the shorter side from -1 to 1, z the depth in metres."""
    height, width = screen.size
    depth = vertices_cam[..., 2:]
    if screen.perspective:
        # Its own clipping takes the division by depth back, which only a depth of exactly zero would spoil.
        depth = torch.where(depth == 0, 1e-6, depth)
        vertices_cam = torch.cat([vertices_cam[..., :2], depth], dim=-1)
    else:
        depth = depth - depth.amin(dim=1, keepdim=True) + 1.0  # it drops faces at negative depths
    size_px = vertices_cam.new_tensor([width, height])
    return torch.cat([(size_px - 2 * screen.project(vertices_cam)) / min(height, width), depth], dim=-1)
