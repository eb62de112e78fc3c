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
from meshrec.data.synthetic.figures import Figures, corner_mean
from meshrec.data.synthetic.framing import Framing, frame_people
from meshrec.data.synthetic.light import draw_lights
from meshrec.data.synthetic.pieces import DressedPeople
from meshrec.data.synthetic.poses import PoseSampler
from meshrec.data.synthetic.scene import add_neighbours, add_obstacles
from meshrec.data.synthetic.views import Views, draw_views
from meshrec.data.wardrobe.layers import Wardrobe
from meshrec.geometry.projection import project_pinhole, px_to_ndc
from meshrec.render.packed import PackedFragments, rasterize_packed
from meshrec.structures import BODY30, BodyOutput, BodyParams, TrainingBatch
from meshrec.uv import PartCharts, UvAtlas

_log = logging.getLogger(__name__)
_PERSON_HEIGHT_M = 1.7


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
        wardrobe: clothes, hair and skins; it must belong to the body and the atlas that is painted in.
        variety: how varied people are; its sources are not read.
        device: where batches are made and stay.
        paint_atlas: that skins and clothes are painted in; `atlas` without one. Pictures do not depend on `atlas` then.
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
        paint_atlas: UvAtlas | None = None,
    ) -> None:
        self.device = torch.device(device)
        self.backgrounds = backgrounds.to(device)
        self.variety = variety or SyntheticPeopleConfig()
        photos = None if backgrounds.pictures is None else backgrounds.sample(16, 64, Dice(0)).cpu()
        suits = self.variety.suits
        self.figures = Figures(body, atlas, charts, poses, wardrobe, suits, photos, device, paint_atlas)
        self.body = self.figures.body
        self.named_joints = NamedJoints(copy.deepcopy(body).cpu(), BODY30).to(device)

    @classmethod
    def from_config(
        cls,
        config: SyntheticPeopleConfig,
        body: BodyModel,
        atlas: UvAtlas,
        charts: PartCharts,
        device: torch.device | str = "cpu",
        paint_atlas: UvAtlas | None = None,
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
        return cls(body, atlas, charts, poses, backgrounds, wardrobe, config, device, paint_atlas)

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
        root, pose = self.figures.draw_poses(count, dice)
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
        worn = self.figures.dresser.dress(count, seed) if pictures else [()] * count
        suit = self.figures.draw_suits(worn, dice)
        thickness_m = self.figures.thickness_m(suit, worn, pictures)
        dressed = self.figures.pieces.dress(params, output, views.offset_m, worn, thickness_m)
        fragments = rasterize_packed(dressed.meshes, framing.camera, (size, size))
        mask = fragments.spread(torch.ones_like(fragments.depth), count) * framing.inside_photo()
        images = torch.zeros(count, 3, size, size, device=self.device)
        if pictures:
            images, mask = self._photograph(fragments, dressed, suit, output, views, framing, mask, dice)
        labels = self._label(fragments, dressed, images, mask, output, views, framing)
        return labels.with_params(params, labels.has_mesh)

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
        offset_m = views.offset_m
        colours = self.figures.colours(fragments, dressed, suit, output, offset_m, lights, height_px, dice)
        person = fragments.spread(colours, count) * framing.inside_photo()[:, None]
        picture = torch.where(mask[:, None] > 0, person, background)
        picture, mask = add_neighbours(picture, mask, person, dice)
        picture, mask = add_obstacles(picture, mask, background, dice, self.variety.obstacles)
        return develop(picture, dice) * framing.inside_photo()[:, None], mask

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
        pieces = self.figures.pieces
        uv = corner_mean(pieces.corner_uv, source, fragments.barycentric) * visible[:, None]
        part = pieces.face_part.index_select(0, source) * visible.long()
        front = pieces.face_is_front.index_select(0, source) * visible
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
