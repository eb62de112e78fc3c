"""A shirt cut from the body itself: two centimetres off the skin, red outside, with every field a wardrobe has."""

from __future__ import annotations

import torch

from meshrec.data.wardrobe.layers import Layer, Wardrobe
from meshrec.geometry.meshes import vertex_normals
from meshrec.structures import SMPL24

SHIRT_RED = (200, 20, 20)
SHIRT_OFFSET_M = 0.02


def shirt(surface, kind: str = "outfit") -> Layer:
    """The torso's faces, moved outwards; the body below it is hidden except at its rim."""
    template = surface.body.template_vertices
    joints = surface.body.joint_regressor @ template
    low, high = joints[SMPL24.index("pelvis"), 1] - 0.05, joints[SMPL24.index("neck"), 1] - 0.03
    return _cut(surface, (template[:, 1] > low) & (template[:, 1] < high) & (template[:, 0].abs() < 0.18), kind)


def leggings(surface) -> Layer:
    """The faces of the legs, moved outwards."""
    template = surface.body.template_vertices
    joints = surface.body.joint_regressor @ template
    low, high = joints[SMPL24.index("left_ankle"), 1], joints[SMPL24.index("left_hip"), 1]
    return _cut(surface, (template[:, 1] > low) & (template[:, 1] < high) & (template[:, 0].abs() < 0.3), "trousers")


def _cut(surface, inside: torch.Tensor, kind: str) -> Layer:
    """The faces of some vertices (V,), moved outwards."""
    body = surface.body
    template = body.template_vertices
    faces = body.faces[inside[body.faces].all(1)]
    used, flat = faces.unique(return_inverse=True)
    face_of = torch.zeros(len(template), dtype=torch.long)
    corner_of = torch.zeros(len(template), dtype=torch.long)
    for corner in range(3):
        face_of[body.faces[:, corner]] = torch.arange(len(body.faces))
        corner_of[body.faces[:, corner]] = corner
    normals = vertex_normals(template, body.faces)
    rim = torch.zeros(len(template), dtype=torch.bool)
    rim[body.faces[~inside[body.faces].all(1)].unique()] = True
    hidden = torch.zeros(len(template), dtype=torch.bool)
    hidden[used] = True
    return Layer(
        name="shirt",
        kind=kind,
        sex="unisex",
        vertices=template[used] + SHIRT_OFFSET_M * normals[used],
        shape_directions=body.shape_directions[used],
        skinning_weights=body.skinning_weights[used],
        faces=flat.view(-1, 3),
        face_texcoords=torch.full((len(faces), 3, 2), 0.5),
        texture=torch.tensor(SHIRT_RED, dtype=torch.uint8).expand(8, 8, 3).contiguous(),
        body_face=face_of[used],
        body_barycentric=torch.nn.functional.one_hot(corner_of[used], 3).float(),
        hidden_vertices=hidden & ~rim,
        licence="CC0-1.0",
        author="meshrec tests",
    )


def small_wardrobe(surface, *layers: Layer) -> Wardrobe:
    """A wardrobe of these layers with one green skin."""
    skin = torch.tensor((20, 200, 20), dtype=torch.uint8).expand(1, 16, 16, 3).contiguous()
    return Wardrobe(
        layers=layers,
        skins=skin,
        skin_names=("green",),
        skin_sex=("female",),
        skin_tone=("asian",),
        skin_age=("young",),
        brows=torch.zeros(0, 16, 16, 4, dtype=torch.uint8),
        iris_mask=torch.zeros(16, 16, dtype=torch.uint8),
        irises=torch.zeros(0, 3, dtype=torch.uint8),
        body_hash=surface.body.hash,
        atlas_hash=surface.atlas.hash,
    )
