"""Made-up scenes of several people with exact dense labels: real meshes on one ground before one camera.

A batch is made in the order of this module's methods: cameras, posed and dressed people on the ground, one
rasterisation of everybody in all scenes, which decides who hides whom, the light of each scene, shadows where people
stand, things before them, and the camera that takes the picture. Labels come from the same rasterisation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from meshrec.data.detection.ground_shadows import darken_ground
from meshrec.data.detection.placement import place_people
from meshrec.data.detection.scene_cameras import SceneCameras, draw_cameras
from meshrec.data.detection.visible_people import VisiblePeople
from meshrec.data.synthetic import SyntheticPeople
from meshrec.data.synthetic.camera_effects import develop
from meshrec.data.synthetic.dice import Dice
from meshrec.data.synthetic.figures import corner_mean
from meshrec.data.synthetic.light import Lights, draw_lights
from meshrec.data.synthetic.pieces import DressedPeople
from meshrec.data.synthetic.scene import add_obstacles
from meshrec.geometry.rotations import rotation_about_x, rotation_about_y
from meshrec.render.packed import PackedFragments, rasterize_packed
from meshrec.structures import BodyOutput, BodyParams
from meshrec.structures.scene_batch import SceneBatch

_PERSON_HEIGHT_M = 1.7
_LYING = 0.04
_BACKGROUND_ZOOM = (0.75, 1.0)


@dataclass(frozen=True)
class SyntheticScenesConfig:
    """How many people scenes show."""

    people_shares: tuple[float, ...] = (0.08, 0.24, 0.18, 0.14, 0.11, 0.09, 0.06, 0.05, 0.05)
    """how often a scene has nobody, one person, two and so on; need not add up to 1."""
    obstacles: float = 0.25
    """share of scenes with something in front."""

    def __post_init__(self) -> None:
        if not self.people_shares or min(self.people_shares) < 0 or sum(self.people_shares) <= 0:
            raise ValueError(f"people_shares must be positive somewhere and nowhere negative, got {self.people_shares}")


@dataclass(frozen=True)
class _Crowd:
    """The P people of B scenes, dressed and in their places.

    Attributes:
        image: (P,) long, sorted.
        offset_m: (P, 3) of the bodies' origins in the camera frame.
    """

    image: Tensor
    offset_m: Tensor
    output: BodyOutput
    suit: Tensor
    dressed: DressedPeople


class SyntheticScenes:
    """Draws scenes on the device of the people; the same seed gives the same batch on the same kind of device.

    Args:
        people: where poses, clothes, colours and backgrounds come from.
        variety: how scenes are filled.
    """

    def __init__(self, people: SyntheticPeople, variety: SyntheticScenesConfig | None = None) -> None:
        self.figures, self.backgrounds, self.device = people.figures, people.backgrounds, people.device
        self.shape_deviation = people.variety.shape_deviation
        self.variety = variety or SyntheticScenesConfig()

    @torch.no_grad()
    def batch(self, count: int, size: int, seed: int) -> SceneBatch:
        """Draw scenes whose longer side has ``size`` pixels."""
        dice = Dice(seed, self.device)
        cameras = draw_cameras(count, size, dice)
        people = dice.choose(self.variety.people_shares, count)
        background = self.backgrounds.sample(count, size, dice, zoom=_BACKGROUND_ZOOM)
        if not people.any():
            return SceneBatch.without_people(develop(background, dice) * cameras.inside()[:, None], cameras.sizes_px)
        crowd = self._crowd(people, cameras, seed, dice)
        fragments = self._rasterize(crowd, cameras)
        lights = draw_lights(cameras.rotation[..., 1], background.mean((2, 3)), dice)
        picture = darken_ground(background, cameras, crowd.output.vertices, crowd.offset_m, crowd.image, dice)
        colours = self._colours(fragments, crowd, cameras, lights, dice)
        in_scene = replace(fragments, image=crowd.image.index_select(0, fragments.image))
        seen = in_scene.spread(torch.ones_like(fragments.depth), count)
        picture = torch.where(seen[:, None] > 0, in_scene.spread(colours, count), picture)
        picture, seen = add_obstacles(picture, seen, background, dice, self.variety.obstacles)
        seen = seen * cameras.inside()
        images = develop(picture, dice) * cameras.inside()[:, None]
        return self._label(images, seen, fragments, in_scene, crowd, cameras)

    def _crowd(self, people: Tensor, cameras: SceneCameras, seed: int, dice: Dice) -> _Crowd:
        """Everybody who finds a place."""
        image = torch.arange(len(people), device=self.device).repeat_interleave(people)
        count = len(image)
        root, pose = self.figures.draw_poses(count, dice)
        root = _headings(image, len(people), dice) @ root
        betas = (self.shape_deviation * dice.normal(count, self.figures.body.beta_count)).clamp(-3, 3)
        rotation = cameras.rotation.index_select(0, image)
        params = BodyParams(betas, rotation @ root, pose)
        output = self.figures.body(params)
        places, placed = place_people(output.vertices @ rotation, image, cameras, dice)
        kept = placed.nonzero()[:, 0]
        image, params, output = image.index_select(0, kept), params[kept], output[kept]
        offset_m = cameras.offsets_m(places.index_select(0, kept), image)
        worn = self.figures.dresser.dress(len(kept), seed)
        suit = self.figures.draw_suits(worn, dice)
        thickness_m = self.figures.thickness_m(suit, worn)
        dressed = self.figures.pieces.dress(params, output, offset_m, worn, thickness_m)
        return _Crowd(image, offset_m, output, suit, dressed)

    def _rasterize(self, crowd: _Crowd, cameras: SceneCameras) -> PackedFragments:
        """What is seen of all scenes, one person after the other: ``image`` is the person."""
        meshes = crowd.dressed.meshes
        in_scenes = replace(
            meshes,
            vertex_image=crowd.image.index_select(0, meshes.vertex_image),
            face_image=crowd.image.index_select(0, meshes.face_image),
        )
        side = cameras.pinhole.image_size
        seen = rasterize_packed(in_scenes, cameras.pinhole, side)
        person, order = meshes.face_image.index_select(0, seen.face).sort(stable=True)
        moved = (values.index_select(0, order) for values in (seen.pixel, seen.face, seen.barycentric, seen.depth))
        pixel, face, barycentric, depth = moved
        return PackedFragments(pixel, person, face, barycentric, depth, side)

    def _colours(
        self, fragments: PackedFragments, crowd: _Crowd, cameras: SceneCameras, lights: Lights, dice: Dice
    ) -> Tensor:
        of_scene = lambda values: values.index_select(0, crowd.image)  # noqa: E731 - one light for a whole scene
        own = Lights(of_scene(lights.harmonics), of_scene(lights.towards), of_scene(lights.lamp))
        height_px = of_scene(cameras.pinhole.focal_px[:, 0]) * _PERSON_HEIGHT_M / crowd.offset_m[:, 2].clamp_min(0.1)
        return self.figures.colours(
            fragments, crowd.dressed, crowd.suit, crowd.output, crowd.offset_m, own, height_px, dice
        )

    def _label(
        self,
        images: Tensor,
        seen: Tensor,
        fragments: PackedFragments,
        in_scene: PackedFragments,
        crowd: _Crowd,
        cameras: SceneCameras,
    ) -> SceneBatch:
        """Labels of what is left visible, ``seen`` (B, S, S)."""
        count, pieces = len(images), self.figures.pieces
        left = seen.view(-1).index_select(0, fragments.pixel)
        source = crowd.dressed.face_source.index_select(0, fragments.face)
        uv = corner_mean(pieces.corner_chart_uv, source, fragments.barycentric).clamp(0, 1) * left[:, None]
        people = VisiblePeople.find(fragments, left > 0, crowd.image, crowd.output.vertices, crowd.offset_m, cameras)
        name = people.number.index_select(0, fragments.image) * (left > 0)
        named = (name > 0).to(uv.dtype)
        part = pieces.face_part.index_select(0, source) * (name > 0)
        present = torch.ones(len(people.image), dtype=torch.bool, device=self.device)
        return SceneBatch.without_people(images, cameras.sizes_px).replace(
            image_index=people.image,
            boxes_xyxy_px=people.boxes_xyxy_px,
            is_crowd=people.hardly_visible,
            has_mask=present & ~people.hardly_visible,
            has_iuv=present & ~people.hardly_visible,
            person_map=in_scene.spread(name, count).int(),
            part_map=in_scene.spread(part, count).to(torch.uint8),
            uv_map=in_scene.spread(uv * named[:, None], count),
            keypoints_px=None,
            keypoint_confidence=None,
        )


def _headings(image: Tensor, scenes: int, dice: Dice) -> Tensor:
    """(P, 3, 3) how people turn on the ground: to the camera, all one way, or anyhow; some lie."""
    count = len(image)
    habit = dice.choose([0.45, 0.2, 0.35], scenes).index_select(0, image)
    common = dice.uniform(scenes, low=-math.pi, high=math.pi).index_select(0, image)
    heading = dice.uniform(count, low=-math.pi, high=math.pi)
    heading = torch.where(habit == 0, 0.45 * dice.normal(count), heading)
    heading = torch.where(habit == 1, common + 0.25 * dice.normal(count), heading)
    lying = torch.where(dice.chance(0.5, count), 0.5, -0.5) * math.pi
    tilt = torch.where(dice.chance(_LYING, count), lying, 0.0)
    return rotation_about_y(heading) @ rotation_about_x(tilt)
