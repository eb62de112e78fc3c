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
from meshrec.geometry.skinning import linear_blend_skinning
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
        rest, betas = torch.zeros(1, 24, 3), torch.zeros(1, 10)
        views = [self.picture(None, number, rest, betas, turn, (0.0, -0.12), 1.02) for turn in _TURNS]
        face = [self.picture(None, number, rest, betas, turn, (0.0, 0.62), 0.16) for turn in (0.0, 0.8)]
        return _grid([views + face])

    def picture(
        self, layer: Layer | None, skin: int, pose: Tensor, betas: Tensor, turn: float, middle: tuple, half: float
    ) -> Tensor:
        """(3, h, w) of the body in one layer, or in none."""
        body = self.body
        rotations = axis_angle_to_matrix(pose)
        upright = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
        orient = upright @ axis_angle_to_matrix(torch.tensor([[0.0, turn, 0.0]])) @ rotations[:, 0]
        vertices, offsets = self._posed_body(betas, orient, rotations[:, 1:])
        hidden = torch.zeros(len(body.template_vertices), dtype=torch.bool) if layer is None else layer.hidden_vertices
        kept = ~hidden[body.faces].all(1)
        faces, texcoords = body.faces[kept], self.body_texcoords[kept]
        skin_faces = len(faces)
        if layer is not None:
            worn = layer_vertices(layer, body, betas, orient, rotations[:, 1:], offsets)
            faces = torch.cat([faces, layer.faces + vertices.shape[1]])
            texcoords = torch.cat([texcoords, layer.face_texcoords])
            vertices = torch.cat([vertices, worn], 1)
        camera = WeakPerspectiveCamera(torch.tensor([1 / half]), torch.tensor([[-middle[0], middle[1]]]))
        fragments = rasterize(vertices, faces, camera, (_SIZE, _SIZE))
        uv = interpolate(fragments, faces, texcoords[None])
        colour = sample_texture(uv, _as_image(self.wardrobe.skins[skin]))
        if layer is not None:
            on_layer = (fragments.face_index >= skin_faces)[:, None]
            colour = torch.where(on_layer, sample_texture(uv, _as_image(layer.texture)), colour)
        normals = turned_to_camera(normal_image(fragments, faces, vertices), fragments, faces, vertices, camera)
        light = lambert_light(normals, torch.tensor([0.4, -0.6, -1.0]), ambient=0.45, diffuse=0.6)
        return torch.where(fragments.mask[:, None], (colour * light).clamp(0, 1), _BACKGROUND[:, None, None])[0]

    def _posed_body(self, betas: Tensor, orient: Tensor, rotations: Tensor) -> tuple[Tensor, Tensor]:
        body = self.body
        features = (rotations - torch.eye(3)).flatten(-3)
        offsets = (features @ body.pose_directions).unflatten(-1, (-1, 3))
        vertices, _ = linear_blend_skinning(
            body.template_vertices, body.shape_directions, body.pose_directions, body.joint_regressor,
            body.skinning_weights, body.parents, betas, orient, rotations,
        )  # fmt: skip
        return vertices, offsets

    def _skin_for(self, layer: Layer) -> int:
        names = list(zip(self.wardrobe.skin_sex, self.wardrobe.skin_tone, strict=True))
        wanted = ("male" if layer.sex == "male" else "female", "caucasian")
        return names.index(wanted) if wanted in names else 0


def layer_vertices(
    layer: Layer, body: BodyModel, betas: Tensor, orient: Tensor, rotations: Tensor, offsets: Tensor
) -> Tensor:
    """(B, V, 3) of a layer on posed bodies; `offsets` are what the pose adds to the body's rest vertices."""
    from meshrec.geometry.skinning import blend_shapes, blend_transforms, kinematic_chain, regress_joints

    joints = regress_joints(body.template_vertices + blend_shapes(betas, body.shape_directions), body.joint_regressor)
    frames = kinematic_chain(torch.cat([orient[:, None], rotations], 1), joints, body.parents)
    shift = frames[..., 3:] - frames[..., :3] @ joints[..., None]
    rest = layer.rest(betas) + layer.carried(offsets, body.faces)
    return blend_transforms(rest, torch.cat([frames[..., :3], shift], -1), layer.skinning_weights)


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
