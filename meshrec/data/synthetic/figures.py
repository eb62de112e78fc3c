"""People as they can be put into any picture: plausible poses, clothes, and the colours of what is seen of them."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from meshrec.body import BodyModel
from meshrec.data.synthetic.dice import Dice
from meshrec.data.synthetic.light import Lights, shade
from meshrec.data.synthetic.occlusion import lit
from meshrec.data.synthetic.outfits import Dresser
from meshrec.data.synthetic.pieces import DressedPeople, Pieces
from meshrec.data.synthetic.plausibility import pushes_through
from meshrec.data.synthetic.poses import PoseSampler
from meshrec.data.synthetic.suits import Suits
from meshrec.data.synthetic.textures import Textures
from meshrec.data.wardrobe.layers import Wardrobe
from meshrec.render.packed import PackedFragments
from meshrec.structures import BodyOutput
from meshrec.uv import PartCharts, UvAtlas

_SHADOW_MAP = 112
_SHADOW_BIAS_M = 0.03  # clothes stand up to this far off the body, which casts the shadows


class Figures:
    """Poses, clothes and colours on one device.

    Args:
        body: the body that is posed.
        atlas, charts: where its surface points lie; they must belong to that body.
        poses: the pose source.
        wardrobe: clothes, hair and skins; it must belong to the body and the atlas that is painted in.
        suits: how many painted suits there are; colours come on top.
        photos: (N, 3, h, w) pictures that some suits are printed with, on the CPU.
        device: where people are made and stay.
        paint_atlas: that skins and suits are painted in; `atlas` without one.
    Raises:
        InvalidInput: the wardrobe belongs to another body or atlas.
    """

    def __init__(
        self,
        body: BodyModel,
        atlas: UvAtlas,
        charts: PartCharts,
        poses: PoseSampler,
        wardrobe: Wardrobe | None,
        suits: int,
        photos: Tensor | None,
        device: torch.device | str = "cpu",
        paint_atlas: UvAtlas | None = None,
    ) -> None:
        paint_atlas = paint_atlas or atlas
        if wardrobe is not None:
            wardrobe.check_body(body.hash, paint_atlas.hash)
        body = copy.deepcopy(body).cpu()
        self.poses = poses
        painted = Suits.draw(suits, body, paint_atlas, photos)
        self.pieces = Pieces(body, atlas, charts, wardrobe, device, paint_atlas)
        self.textures = Textures(painted, wardrobe, device)
        self.dresser = Dresser([piece.kind for piece in self.pieces.all], [piece.sex for piece in self.pieces.all])
        self.body = body.to(device)
        self.device = torch.device(device)

    def draw_poses(self, count: int, dice: Dice) -> tuple[Tensor, Tensor]:
        """Roots and poses; one that pushes a limb through the body gives way to a second draw that does not."""
        root, pose = self.poses.sample(count, dice)
        other_root, other = self.poses.sample(count, dice)
        joints, parents = self.pieces.rest_joints, self.pieces.parents
        swap = pushes_through(pose, joints, parents) & ~pushes_through(other, joints, parents)
        return (
            torch.where(swap[:, None, None], other_root, root),
            torch.where(swap[:, None, None, None], other, pose),
        )

    def draw_suits(self, worn: list[tuple[int, ...]], dice: Dice) -> Tensor:
        """(B,) long, the painted suit of each person; a bare one for those who wear little else."""
        suits = self.textures.suits
        little = torch.tensor([self.dresser.wears_little(pieces) for pieces in worn], device=self.device)
        suit = dice.integers(len(suits), len(worn))
        return torch.where(little, suit % suits.bare, suit)

    def thickness_m(self, suit: Tensor, worn: list[tuple[int, ...]], pictures: bool = True) -> Tensor:
        """(B, V) that painted clothes stand off the skin; none below real ones, nor without pictures."""
        thickness = self.textures.suits.thickness_m.index_select(0, suit)
        shown = torch.tensor([pictures and not pieces for pieces in worn], device=self.device)
        return thickness * shown[:, None]

    def colours(
        self,
        fragments: PackedFragments,
        dressed: DressedPeople,
        suit: Tensor,
        output: BodyOutput,
        offset_m: Tensor,
        lights: Lights,
        height_px: Tensor,
        dice: Dice,
    ) -> Tensor:
        """(N, 3) colours of the visible points.

        Args:
            fragments: one person after the other: ``image`` is the person.
            suit, output: of the people; offset_m: (B, 3) of the bodies' origins in the camera frame.
            height_px: (B,) about how tall each person appears.
        """
        person, meshes = fragments.image, dressed.meshes
        table = torch.cat([meshes.vertices_cam, dressed.normals, dressed.occlusion[:, None]], dim=1)
        corners = meshes.faces.index_select(0, fragments.face)
        places = _weighted_rows(table, corners, fragments.barycentric)
        points = places[:, :3] - offset_m.index_select(0, person)
        normals, occlusion = places[:, 3:6], places[:, 6]
        # Layers are seen from both sides; their normals turn to whoever looks.
        away = (normals * places[:, :3]).sum(1, keepdim=True) > 0
        normals = torch.nn.functional.normalize(torch.where(away, -normals, normals), dim=1)
        light = self._lamp_reaches(points, person, lights, output)
        source = dressed.face_source.index_select(0, fragments.face)
        uv = corner_mean(self.pieces.corner_texcoords, source, fragments.barycentric)
        worn = dressed.face_worn.index_select(0, fragments.face)
        colouring = self.textures.draw(suit, dressed.worn_person, dressed.worn_piece, dice)
        piece = dressed.worn_piece.index_select(0, worn)
        albedo = self.textures.albedo(colouring, person, worn, piece, uv, height_px)
        counts = torch.bincount(person, minlength=len(height_px)).tolist()
        return shade(albedo, normals, occlusion, light, lights, counts)

    def _lamp_reaches(self, points: Tensor, person: Tensor, lights: Lights, output: BodyOutput) -> Tensor:
        """(N,) share of the lamp's light at points, by the shadows of the bodies; anything where there is no lamp."""
        harsh = (lights.lamp > 0).any(1)
        who, which = harsh.nonzero()[:, 0], harsh.index_select(0, person).nonzero()[:, 0]
        share = torch.zeros_like(points[:, 0])
        if not len(which):
            return share
        place = (harsh.cumsum(0) - 1).index_select(0, person.index_select(0, which))
        vertices, towards = output.vertices.index_select(0, who), lights.towards.index_select(0, who)
        reaching = lit(
            vertices,
            self.body.faces,
            towards,
            points.index_select(0, which),
            place,
            size=_SHADOW_MAP,
            bias_m=_SHADOW_BIAS_M,
        )
        return share.index_copy_(0, which, reaching)


def corner_mean(corner_values: Tensor, face: Tensor, barycentric: Tensor) -> Tensor:
    """(N, C) values at points of faces from a table (3 F, C) of the faces' corners."""
    corners = 3 * face[:, None] + torch.arange(3, device=face.device)
    return _weighted_rows(corner_values, corners, barycentric)


def _weighted_rows(table: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
    """(N, C) sums of three rows of a table (M, C); an embedding bag never stores the rows."""
    return torch.nn.functional.embedding_bag(rows, table, per_sample_weights=weights, mode="sum")
