"""Contact sheets of a wardrobe: every layer on the body from all sides, and on other shapes and in poses."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from meshrec.assets import write_atomically
from meshrec.body.model import BodyModel
from meshrec.data.wardrobe.layers import Layer, Wardrobe
from meshrec.geometry.rotations import axis_angle_to_matrix
from meshrec.geometry.skinning import (
    blend_shapes,
    blend_transforms,
    joint_transforms,
    pose_feature,
    regress_joints,
)
from meshrec.render import interpolate, lambert_light, normal_image, rasterize, sample_texture, turned_to_camera
from meshrec.structures import WeakPerspectiveCamera
from meshrec.uv.atlas import UvAtlas

_SIZE = 320
_BACKGROUND = torch.tensor([0.55, 0.6, 0.65])
_TURNS = (0.0, 0.6, 1.57, 3.14)  # radians about the vertical: front, half side, side, back
# Where to look, by kind: the height of the middle of the picture above the pelvis and half its side, metres.
_FRAMES = {"hair": (0.55, 0.32), "hat": (0.6, 0.25), "glasses": (0.62, 0.16), "shoes": (-0.85, 0.22)}
_WHOLE = (-0.12, 1.02)


def draw_sheets(wardrobe: Wardrobe, folder: str | Path, poses: Tensor | None = None) -> None:
    """Write one picture per layer and one of all skins.

    Args:
        poses: (P, 24, 3) axis-angle poses to draw beside the rest pose; a few made-up ones by default.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    artist = _Artist(wardrobe)
    poses = _own_poses() if poses is None else poses
    for layer in wardrobe.layers:
        _write(artist.layer_sheet(layer, poses), folder / f"{layer.kind}_{layer.name}.png")
    for number, name in enumerate(wardrobe.skin_names):
        _write(artist.skin_sheet(number), folder / f"skin_{name}.png")


class _Artist:
    def __init__(self, wardrobe: Wardrobe) -> None:
        self.wardrobe = wardrobe
        self.body = BodyModel.from_file()
        atlas = UvAtlas.from_file()
        wardrobe.check_body(self.body.hash, atlas.hash)
        self.body_texcoords = atlas.face_texcoords

    def layer_sheet(self, layer: Layer, poses: Tensor) -> np.ndarray:
        skin = self._skin_for(layer)
        rest = torch.zeros(1, 24, 3)
        betas = torch.zeros(1, 10)
        heavy, slight = betas.clone(), betas.clone()
        heavy[0, 1], slight[0, 1] = 2.5, -2.0
        middle, half = _FRAMES.get(layer.kind, _WHOLE)
        rows = [[self.picture(layer, skin, rest, betas, turn, (0.0, middle), half) for turn in _TURNS]]
        rows[0] += [self.picture(layer, skin, rest, shape, 0.4, (0.0, middle), half) for shape in (heavy, slight)]
        posed = [
            self.picture(layer, skin, pose[None], betas, turn, (0.0, -0.1), 1.1)
            for pose in poses
            for turn in (0.3, 2.6)
        ]
        rows += [posed[start : start + 6] for start in range(0, len(posed), 6)]
        return _grid(rows)

    def skin_sheet(self, number: int) -> np.ndarray:
        rest, betas, bare = torch.zeros(1, 24, 3), torch.zeros(1, 10), self._nothing()
        views = [self.picture(bare, number, rest, betas, turn, (0.0, -0.12), 1.02) for turn in _TURNS]
        face = [self.picture(bare, number, rest, betas, turn, (0.0, 0.62), 0.16) for turn in (0.0, 0.8)]
        return _grid([views + face])

    def picture(
        self, layer: Layer, skin: int, pose: Tensor, betas: Tensor, turn: float, middle: tuple, half: float
    ) -> Tensor:
        """(3, h, w) of the body in one layer; `turn` is about the vertical, `middle` and `half` say what is in view."""
        body = self.body
        rotations = axis_angle_to_matrix(pose)
        facing = torch.diag(torch.tensor([1.0, -1.0, -1.0])) @ axis_angle_to_matrix(torch.tensor([0.0, turn, 0.0]))
        rotations[:, 0] = facing @ rotations[:, 0]
        vertices, worn = dressed(body, layer, betas, rotations)
        kept = ~layer.hidden_vertices[body.faces].all(1)
        faces = torch.cat([body.faces[kept], layer.faces + vertices.shape[1]])
        texcoords = torch.cat([self.body_texcoords[kept], layer.face_texcoords])
        vertices = torch.cat([vertices, worn], 1)
        camera = WeakPerspectiveCamera(torch.tensor([1 / half]), torch.tensor([[-middle[0], middle[1]]]))
        fragments = rasterize(vertices, faces, camera, (_SIZE, _SIZE))
        uv = interpolate(fragments, faces, texcoords[None])
        colour = sample_texture(uv, _as_image(self.wardrobe.skins[skin]))
        on_layer = (fragments.face_index >= kept.sum())[:, None]
        colour = torch.where(on_layer, sample_texture(uv, _as_image(layer.texture)), colour)
        normals = turned_to_camera(normal_image(fragments, faces, vertices), fragments, faces, vertices, camera)
        light = lambert_light(normals, torch.tensor([0.4, -0.6, -1.0]), ambient=0.45, diffuse=0.6)
        return torch.where(fragments.mask[:, None], (colour * light).clamp(0, 1), _BACKGROUND[:, None, None])[0]

    def _nothing(self) -> Layer:
        """A layer without vertices."""
        body = self.body
        return Layer(
            name="",
            kind="",
            sex="unisex",
            vertices=torch.zeros(0, 3),
            shape_directions=torch.zeros(0, 3, body.beta_count),
            skinning_weights=torch.zeros(0, body.joint_count),
            faces=torch.zeros(0, 3, dtype=torch.long),
            face_texcoords=torch.zeros(0, 3, 2),
            texture=torch.zeros(2, 2, 3, dtype=torch.uint8),
            body_face=torch.zeros(0, dtype=torch.long),
            body_barycentric=torch.zeros(0, 3),
            hidden_vertices=torch.zeros(body.vertex_count, dtype=torch.bool),
            licence="",
            author="",
        )

    def _skin_for(self, layer: Layer) -> int:
        names = list(zip(self.wardrobe.skin_sex, self.wardrobe.skin_tone, strict=True))
        wanted = ("male" if layer.sex == "male" else "female", "caucasian")
        return names.index(wanted) if wanted in names else 0


def dressed(body: BodyModel, layer: Layer, betas: Tensor, rotations: Tensor) -> tuple[Tensor, Tensor]:
    """Vertices of bodies (B, V, 3) and of the layer on them (B, W, 3), for rotations (B, 24, 3, 3) of all joints."""
    shaped = body.template_vertices + blend_shapes(betas, body.shape_directions)
    offsets = (pose_feature(rotations[:, 1:]) @ body.pose_directions).unflatten(-1, (-1, 3))
    joints = regress_joints(shaped, body.joint_regressor)
    transforms, _ = joint_transforms(rotations, joints, body.parents)
    worn = layer.rest(betas) + layer.carried(offsets, body.faces)
    return (
        blend_transforms(shaped + offsets, transforms, body.skinning_weights),
        blend_transforms(worn, transforms, layer.skinning_weights),
    )


def _own_poses() -> Tensor:
    """A stride with swinging arms, a squat, and arms down with a turned head."""
    poses = torch.zeros(3, 24, 3)
    poses[0, 1, 0], poses[0, 2, 0], poses[0, 4, 0] = -0.7, 0.4, 0.5
    poses[0, 16, 2], poses[0, 17, 2], poses[0, 18, 1] = -1.2, 1.2, -0.6
    poses[1, 1, 0], poses[1, 2, 0], poses[1, 4, 0], poses[1, 5, 0] = -1.6, -1.6, 1.6, 1.6
    poses[1, 16, 1], poses[1, 17, 1] = -0.9, 0.9
    poses[2, 16, 2], poses[2, 17, 2] = -1.3, 1.3
    poses[2, 12, 1], poses[2, 15, 1], poses[2, 3, 1] = 0.5, 0.4, 0.4
    return poses


def _as_image(texture: Tensor) -> Tensor:
    return texture.permute(2, 0, 1)[None].float() / 255


def _grid(rows: list[list[Tensor]]) -> np.ndarray:
    columns = max(len(row) for row in rows)
    blank = torch.ones(3, _SIZE, _SIZE)
    lines = [torch.cat(row + [blank] * (columns - len(row)), 2) for row in rows]
    return (torch.cat(lines, 1).permute(1, 2, 0) * 255).round().byte().numpy()


def _write(picture: np.ndarray, path: Path) -> None:
    with write_atomically(path) as temporary:
        cv2.imwrite(str(temporary), picture[..., ::-1])
