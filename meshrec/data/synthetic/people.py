"""The source of synthetic training samples: seeded batches of people with exact targets, made on one device.

A batch is made in the order of this module's methods: a pose and a view for everybody, clothes over the body, a crop
around what is visible, one rasterisation of skin and clothes together, light and colour for the visible points, the
place around them, and the camera that takes the picture. Targets come from the same rasterisation.
"""

from __future__ import annotations

import copy
import logging
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from meshrec.body import BodyModel
from meshrec.body.regressors import NamedJoints
from meshrec.data.synthetic.backgrounds import Backgrounds
from meshrec.data.synthetic.camera_effects import develop
from meshrec.data.synthetic.dice import Dice
from meshrec.data.synthetic.framing import Framing, frame_people
from meshrec.data.synthetic.light import Lights, draw_lights, shade
from meshrec.data.synthetic.occlusion import lit
from meshrec.data.synthetic.outfits import Dresser
from meshrec.data.synthetic.pieces import DressedPeople, Pieces
from meshrec.data.synthetic.plausibility import pushes_through
from meshrec.data.synthetic.poses import PoseSampler
from meshrec.data.synthetic.scene import add_neighbours, add_obstacles
from meshrec.data.synthetic.suits import Suits
from meshrec.data.synthetic.textures import Textures
from meshrec.data.synthetic.views import Views, draw_views
from meshrec.data.wardrobe.layers import Wardrobe
from meshrec.geometry.projection import project_pinhole, px_to_ndc
from meshrec.render.packed import PackedFragments, rasterize_packed
from meshrec.structures import BODY30, BodyOutput, BodyParams, TrainingBatch
from meshrec.uv import PartCharts, UvAtlas

_log = logging.getLogger(__name__)
_PERSON_HEIGHT_M = 1.7
_SHADOW_MAP = 112
_SHADOW_BIAS_M = 0.03  # clothes stand up to this far off the body, which casts the shadows


@dataclass(frozen=True)
class SyntheticPeopleConfig:
    """Where the raw material lies and how varied people are."""

    motion_pack: str | None = None
    """npz of recorded poses; without it poses are made up."""
    backgrounds: str | None = None
    """folder of pictures; without it scenery is painted."""
    background_share: tuple[float, float] = (0.0, 1.0)
    """the part of the folder, sorted by name, to use: keeps test backgrounds apart."""
    wardrobe: str | None = None
    """clothes, hair and skins written by ``tools/build_wardrobe.py``; without it clothes are painted on."""
    suits: int = 128
    """how many painted suits there are; colours come on top."""
    shape_deviation: float = 1.1
    """standard deviation of the shape coefficients."""
    truncated: float = 0.35
    """share of people whom the photo's edge cuts off."""
    loose: float = 0.15
    """share of crops that show the person smaller than a box around it would."""
    obstacles: float = 0.35
    """share of people with something in front of them."""


class SyntheticPeople:
    """Draws training batches on a device; the same seed gives the same batch on the same kind of device.

    Args:
        body: the body that is posed.
        atlas, charts: where its surface points lie; they must belong to that body.
        poses: the pose source.
        backgrounds: the background source.
        wardrobe: clothes, hair and skins; it must belong to the body and the atlas.
        variety: how varied people are; its sources are not read.
        device: where batches are made and stay.
    Raises:
        InvalidInput: the wardrobe belongs to another body or atlas.
    """

    def __init__(
        self,
        body: BodyModel,
        atlas: UvAtlas,
        charts: PartCharts,
        poses: PoseSampler,
        backgrounds: Backgrounds,
        wardrobe: Wardrobe | None = None,
        variety: SyntheticPeopleConfig | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.device = torch.device(device)
        self.poses, self.backgrounds = poses, backgrounds.to(device)
        self.variety = variety or SyntheticPeopleConfig()
        if wardrobe is not None:
            wardrobe.check_body(body.hash, atlas.hash)
        body = copy.deepcopy(body).cpu()
        photos = None if backgrounds.pictures is None else backgrounds.sample(16, 64, Dice(0)).cpu()
        suits = Suits.draw(self.variety.suits, body, atlas, photos)
        self.pieces = Pieces(body, atlas, charts, wardrobe, device)
        self.textures = Textures(suits, wardrobe, device)
        self.dresser = Dresser([piece.kind for piece in self.pieces.all], [piece.sex for piece in self.pieces.all])
        self.named_joints = NamedJoints(body, BODY30).to(device)
        self.body = body.to(device)

    @classmethod
    def from_config(
        cls,
        config: SyntheticPeopleConfig,
        body: BodyModel,
        atlas: UvAtlas,
        charts: PartCharts,
        device: torch.device | str = "cpu",
    ) -> SyntheticPeople:
        """Opens those of the configured sources that are there; the log names the others and what replaces them.

        Raises:
            InvalidInput: a source is damaged, or the wardrobe belongs to another body or atlas.
        """
        for path, replacement in (
            (config.motion_pack, "poses are made up"),
            (config.backgrounds, "scenery is painted"),
            (config.wardrobe, "clothes are painted on"),
        ):
            if path is not None and not Path(path).exists():
                _log.warning("There is no %s: %s.", path, replacement)
        backgrounds = Backgrounds.from_folder(config.backgrounds).part(*config.background_share)
        poses = PoseSampler.from_motion_pack(config.motion_pack, device)
        there = config.wardrobe is not None and Path(config.wardrobe).exists()
        wardrobe = Wardrobe.load(config.wardrobe) if there else None
        return cls(body, atlas, charts, poses, backgrounds, wardrobe, config, device)

    def without_pictures(self) -> CorrespondenceOnly:
        """The same people as a source whose batches leave the images empty, several times faster."""
        return CorrespondenceOnly(self)

    @torch.no_grad()
    def batch(self, count: int, size: int, seed: int, *, pictures: bool = True) -> TrainingBatch:
        """Draw a batch.

        Args:
            count: people.
            size: side of the crops in pixels.
            seed: everything random follows from it.
            pictures: False leaves the images empty and the people undressed, for training from correspondence alone.
        """
        dice = Dice(seed, self.device)
        root, pose = self._poses(count, dice)
        views = draw_views(count, dice)
        betas = self.variety.shape_deviation * dice.normal(count, self.body.beta_count)
        params = BodyParams(betas.clamp(-3, 3), views.rotation @ root, pose)
        output = self.body(params)
        framing = frame_people(
            output.vertices + views.offset_m[:, None],
            views.offset_m,
            size,
            dice,
            self.variety.truncated,
            self.variety.loose,
        )
        worn = self.dresser.dress(count, seed) if pictures else [()] * count
        suit = self._suits(worn, dice)
        dressed = self.pieces.dress(params, output, views.offset_m, worn, self._thickness(suit, worn, pictures))
        fragments = rasterize_packed(dressed.meshes, framing.camera, (size, size))
        mask = fragments.spread(torch.ones_like(fragments.depth), count) * framing.inside_photo()
        images = torch.zeros(count, 3, size, size, device=self.device)
        if pictures:
            images, mask = self._photograph(fragments, dressed, suit, output, views, framing, mask, dice)
        return self._label(fragments, dressed, images, mask, output, views, framing)

    def _poses(self, count: int, dice: Dice) -> tuple[Tensor, Tensor]:
        """Roots and poses; one that pushes a limb through the body gives way to a second draw that does not."""
        root, pose = self.poses.sample(count, dice)
        other_root, other = self.poses.sample(count, dice)
        joints, parents = self.pieces.rest_joints, self.pieces.parents
        swap = pushes_through(pose, joints, parents) & ~pushes_through(other, joints, parents)
        return (
            torch.where(swap[:, None, None], other_root, root),
            torch.where(swap[:, None, None, None], other, pose),
        )

    def _suits(self, worn: list[tuple[int, ...]], dice: Dice) -> Tensor:
        """(B,) long, the painted suit of each person; a bare one for those who wear little else."""
        suits = self.textures.suits
        little = torch.tensor([self.dresser.wears_little(pieces) for pieces in worn], device=self.device)
        suit = dice.integers(len(suits), len(worn))
        return torch.where(little, suit % suits.bare, suit)

    def _thickness(self, suit: Tensor, worn: list[tuple[int, ...]], pictures: bool) -> Tensor:
        """(B, V) metres that painted clothes stand off the skin; none below real ones, nor without pictures."""
        thickness = self.textures.suits.thickness_m.index_select(0, suit)
        shown = torch.tensor([pictures and not pieces for pieces in worn], device=self.device)
        return thickness * shown[:, None]

    def _photograph(
        self,
        fragments: PackedFragments,
        dressed: DressedPeople,
        suit: Tensor,
        output: BodyOutput,
        views: Views,
        framing: Framing,
        mask: Tensor,
        dice: Dice,
    ) -> tuple[Tensor, Tensor]:
        """Pictures (B, 3, S, S) and what is left visible of each person (B, S, S)."""
        count, size = len(mask), mask.shape[-1]
        background = self.backgrounds.sample(count, size, dice)
        lights = draw_lights(views.rotation[..., 1], background.mean((2, 3)), dice)
        height_px = framing.camera.focal_px[:, 0] * _PERSON_HEIGHT_M / views.offset_m[:, 2]
        colours = self._colour(fragments, dressed, suit, output, views, lights, height_px, dice)
        person = fragments.spread(colours, count) * framing.inside_photo()[:, None]
        picture = torch.where(mask[:, None] > 0, person, background)
        picture, mask = add_neighbours(picture, mask, person, dice)
        picture, mask = add_obstacles(picture, mask, background, dice, self.variety.obstacles)
        return develop(picture, dice) * framing.inside_photo()[:, None], mask

    def _colour(
        self,
        fragments: PackedFragments,
        dressed: DressedPeople,
        suit: Tensor,
        output: BodyOutput,
        views: Views,
        lights: Lights,
        height_px: Tensor,
        dice: Dice,
    ) -> Tensor:
        """(P, 3) colours of the visible points."""
        person, meshes = fragments.image, dressed.meshes
        table = torch.cat([meshes.vertices_cam, dressed.normals, dressed.occlusion[:, None]], dim=1)
        corners = meshes.faces.index_select(0, fragments.face)
        places = _weighted_rows(table, corners, fragments.barycentric)
        points = places[:, :3] - views.offset_m.index_select(0, person)
        normals, occlusion = places[:, 3:6], places[:, 6]
        # Layers are seen from both sides; their normals turn to whoever looks.
        away = (normals * places[:, :3]).sum(1, keepdim=True) > 0
        normals = torch.nn.functional.normalize(torch.where(away, -normals, normals), dim=1)
        light = self._lamp_reaches(points, person, lights, output)
        source = dressed.face_source.index_select(0, fragments.face)
        uv = _corner_mean(self.pieces.corner_texcoords, source, fragments.barycentric)
        worn = dressed.face_worn.index_select(0, fragments.face)
        colouring = self.textures.draw(suit, dressed.worn_person, dressed.worn_piece, dice)
        piece = dressed.worn_piece.index_select(0, worn)
        albedo = self.textures.albedo(colouring, person, worn, piece, uv, height_px)
        counts = torch.bincount(person, minlength=len(height_px)).tolist()
        return shade(albedo, normals, occlusion, light, lights, counts)

    def _lamp_reaches(self, points: Tensor, person: Tensor, lights: Lights, output: BodyOutput) -> Tensor:
        """(P,) share of the lamp's light at points, by the shadows of the bodies; anything where there is no lamp."""
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

    def _label(
        self,
        fragments: PackedFragments,
        dressed: DressedPeople,
        images: Tensor,
        mask: Tensor,
        output: BodyOutput,
        views: Views,
        framing: Framing,
    ) -> TrainingBatch:
        count, size = len(mask), mask.shape[-1]
        source = dressed.face_source.index_select(0, fragments.face)
        visible = mask.view(-1).index_select(0, fragments.pixel)
        uv = _corner_mean(self.pieces.corner_uv, source, fragments.barycentric) * visible[:, None]
        part = self.pieces.face_part.index_select(0, source) * visible.long()
        front = self.pieces.face_is_front.index_select(0, source) * visible
        joints = self.named_joints(output)
        camera = framing.camera
        joints_crop = project_pinhole(joints + views.offset_m[:, None], camera.focal_px, camera.centre_px)
        joints_ndc = px_to_ndc(joints_crop, (size, size))
        known = torch.ones(count, dtype=torch.bool, device=self.device)
        return TrainingBatch(
            images=images,
            mask=mask,
            uv=fragments.spread(uv, count),
            part=fragments.spread(part, count),
            front=fragments.spread(front, count),
            vertices=output.vertices,
            joints=joints,
            joints_ndc=joints_ndc,
            joint_confidence=(joints_ndc.abs() < 1).all(-1).float(),
            camera=framing.weak_camera,
            facing_rad=torch.remainder(views.heading_rad + math.pi, 2 * math.pi) - math.pi,
            has_mask=known,
            has_iuv=known,
            has_mesh=known,
        )


@dataclass(frozen=True)
class CorrespondenceOnly:
    """Synthetic people without pictures, for training from correspondence alone."""

    people: SyntheticPeople

    @property
    def device(self) -> torch.device:
        return self.people.device

    def batch(self, count: int, size: int, seed: int) -> TrainingBatch:
        return self.people.batch(count, size, seed, pictures=False)


def _corner_mean(corner_values: Tensor, face: Tensor, barycentric: Tensor) -> Tensor:
    """(P, C) values at points of faces from a table (3 F, C) of the faces' corners."""
    corners = 3 * face[:, None] + torch.arange(3, device=face.device)
    return _weighted_rows(corner_values, corners, barycentric)


def _weighted_rows(table: Tensor, rows: Tensor, weights: Tensor) -> Tensor:
    """(P, C) sums of three rows of a table (N, C); an embedding bag never stores the rows."""
    return torch.nn.functional.embedding_bag(rows, table, per_sample_weights=weights, mode="sum")
