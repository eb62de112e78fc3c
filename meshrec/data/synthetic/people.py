"""The source of synthetic training samples: seeded batches of people with exact targets."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from meshrec.body import BodyModel
from meshrec.body.regressors import NamedJoints
from meshrec.data.synthetic.backgrounds import Backgrounds
from meshrec.data.synthetic.framing import Framing, frame_people
from meshrec.data.synthetic.photography import add_neighbours, add_obstacles, develop, draw_lights, shade
from meshrec.data.synthetic.poses import PoseSampler, sample_view
from meshrec.data.synthetic.wardrobe import RestAnatomy, albedo, cloth_offset, draw_outfits
from meshrec.geometry.meshes import vertex_normals
from meshrec.geometry.projection import project_pinhole, px_to_ndc
from meshrec.render import Fragments, rasterize
from meshrec.structures import BODY30, BodyParams, TrainingBatch
from meshrec.uv import PartCharts, UvAtlas


@dataclass(frozen=True)
class SyntheticPeopleConfig:
    """Where the raw material lies and how varied people are."""

    motion_pack: str | None = None
    """npz of recorded poses; without it poses are made up."""
    backgrounds: str | None = None
    """folder of pictures; without it scenery is painted."""
    background_share: tuple[float, float] = (0.0, 1.0)
    """the part of the folder, sorted by name, to use: keeps test backgrounds apart."""
    shape_deviation: float = 1.1
    """standard deviation of the shape coefficients."""
    truncated: float = 0.35
    """share of people whom the photo's edge cuts off."""
    loose: float = 0.15
    """share of crops that show the person smaller than a box around it would."""
    obstacles: float = 0.35
    """share of people with something in front of them."""


class SyntheticPeople:
    """Draws training batches; the same seed gives the same batch.

    Args:
        body: the body that is posed.
        atlas, charts: where its surface points lie; they must belong to that body.
        poses: the pose source.
        backgrounds: the background source.
        variety: how varied people are; its sources are not read.
    """

    def __init__(
        self,
        body: BodyModel,
        atlas: UvAtlas,
        charts: PartCharts,
        poses: PoseSampler,
        backgrounds: Backgrounds,
        variety: SyntheticPeopleConfig | None = None,
    ) -> None:
        self.body, self.poses, self.backgrounds = body, poses, backgrounds
        self.variety = variety or SyntheticPeopleConfig()
        self.faces = body.faces
        self.face_uv = atlas.face_texcoords
        self.face_part = charts.face_part
        self.face_is_front = charts.face_is_front
        self.named_joints = NamedJoints(body, BODY30)
        rest = body(BodyParams.rest(betas=body.beta_count))
        self.rest_vertices = rest.vertices[0]
        self.anatomy = RestAnatomy.from_joints(self.named_joints(rest)[0])

    @classmethod
    def from_config(
        cls, config: SyntheticPeopleConfig, body: BodyModel, atlas: UvAtlas, charts: PartCharts
    ) -> SyntheticPeople:
        """Opens the pose and background sources that the configuration names."""
        backgrounds = Backgrounds.from_folder(config.backgrounds).part(*config.background_share)
        return cls(body, atlas, charts, PoseSampler.from_motion_pack(config.motion_pack), backgrounds, config)

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
        generator = Generator().manual_seed(seed)
        root, pose = self.poses.sample(count, generator)
        orientation, heading = sample_view(root, generator)
        betas = self.variety.shape_deviation * torch.randn(count, self.body.beta_count, generator=generator)
        output = self.body(BodyParams(betas.clamp(-3, 3), orientation, pose))
        framing = frame_people(output.vertices, size, generator, self.variety.truncated, self.variety.loose)
        vertices_cam = output.vertices + framing.translation[:, None]
        if pictures:
            normals = vertex_normals(vertices_cam, self.faces)
            outfits = draw_outfits(count, self.anatomy, generator)
            vertices_cam = vertices_cam + normals * cloth_offset(outfits, self.anatomy, self.rest_vertices)[..., None]
        fragments = rasterize(vertices_cam, self.faces, framing.camera, (size, size), two_sided=False)
        visible = ((fragments.face_index >= 0) & _inside_photo(framing, size)).float()
        images = torch.zeros(count, 3, size, size)
        if pictures:
            people = self._paint(fragments, normals, outfits, generator) * visible[:, None]
            images, visible = self._photograph(people, visible, framing, generator)
        return self._label(fragments, images, visible, output, framing, heading)

    def _paint(self, fragments: Fragments, normals: Tensor, outfits, generator: Generator) -> Tensor:
        """(B, 3, S, S) dressed and lit people before nothing; works on the covered pixels only."""
        person, row, column = (fragments.face_index >= 0).nonzero(as_tuple=True)
        corners = self.faces[fragments.face_index[person, row, column]]
        weights = fragments.barycentric[person, row, column][..., None]
        rest = (self.rest_vertices[corners] * weights).sum(1)
        normal = torch.nn.functional.normalize((normals[person[:, None], corners] * weights).sum(1), dim=1)
        photos = self.backgrounds.sample(16, 64, generator)
        colour = shade(
            albedo(outfits, self.anatomy, person, rest, photos), normal, person, draw_lights(len(normals), generator)
        )
        people = torch.zeros(*fragments.face_index.shape, 3)
        people[person, row, column] = colour
        return people.permute(0, 3, 1, 2)

    def _photograph(
        self, people: Tensor, mask: Tensor, framing: Framing, generator: Generator
    ) -> tuple[Tensor, Tensor]:
        count, _, size, _ = people.shape
        picture, mask = add_neighbours(people, mask, self.backgrounds.sample(count, size, generator), generator)
        picture, mask = add_obstacles(
            picture, mask, self.backgrounds.sample(count, size, generator), generator, self.variety.obstacles
        )
        return develop(picture, generator) * _inside_photo(framing, size)[:, None], mask

    def _label(
        self, fragments: Fragments, images: Tensor, mask: Tensor, output, framing: Framing, heading: Tensor
    ) -> TrainingBatch:
        count, size = len(mask), mask.shape[-1]
        person, row, column = (mask > 0).nonzero(as_tuple=True)
        face = fragments.face_index[person, row, column]
        uv = torch.zeros(count, size, size, 2)
        uv[person, row, column] = (self.face_uv[face] * fragments.barycentric[person, row, column][..., None]).sum(1)
        part = torch.zeros(count, size, size, dtype=torch.long)
        part[person, row, column] = self.face_part[face].long()
        front = torch.zeros(count, size, size)
        front[person, row, column] = self.face_is_front[face].float()
        joints = self.named_joints(output)
        joints_crop = project_pinhole(
            joints + framing.translation[:, None], framing.camera.focal_px, framing.camera.centre_px
        )
        joints_ndc = px_to_ndc(joints_crop, (size, size))
        known = torch.ones(count, dtype=torch.bool)
        return TrainingBatch(
            images=images,
            mask=mask,
            uv=uv.permute(0, 3, 1, 2),
            part=part,
            front=front,
            vertices=output.vertices,
            joints=joints,
            joints_ndc=joints_ndc,
            joint_confidence=(joints_ndc.abs() < 1).all(-1).float(),
            camera=framing.weak_camera,
            facing_rad=torch.remainder(heading + math.pi, 2 * math.pi) - math.pi,
            has_mask=known,
            has_iuv=known,
            has_mesh=known,
        )


@dataclass(frozen=True)
class CorrespondenceOnly:
    """Synthetic people without pictures, for training from correspondence alone."""

    people: SyntheticPeople

    def batch(self, count: int, size: int, seed: int) -> TrainingBatch:
        return self.people.batch(count, size, seed, pictures=False)


def _inside_photo(framing: Framing, size: int) -> Tensor:
    """(B, S, S) bool: the pixel belongs to the photo rather than to the empty surroundings of the crop."""
    centres = torch.arange(size) + 0.5
    left, top, right, bottom = framing.photo_edges_crop[:, :, None].unbind(1)
    across, down = (centres > left) & (centres < right), (centres > top) & (centres < bottom)
    return across[:, None, :] & down[:, :, None]
