"""The body and every layer of a wardrobe as tables on one device, and dressed people made from them.

Piece 0 is the body; piece k + 1 is layer k. People who wear the same piece are blended together, one matrix product
each; all else happens to everything worn at once, because a GPU waits for every single call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import Field, dataclass, fields, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from meshrec.body import BodyModel
from meshrec.data.synthetic.occlusion import ambient_occlusion
from meshrec.data.wardrobe.layers import Layer, Wardrobe
from meshrec.geometry.meshes import interpolate_faces, vertex_normals
from meshrec.geometry.skinning import blend_planes, blend_shapes, joint_transforms, move_points, turn_directions
from meshrec.render.packed import PackedMeshes
from meshrec.structures import BodyOutput, BodyParams
from meshrec.uv import PartCharts, UvAtlas

_SEAM_JUMP_UV = 0.06  # corners of one garment face further apart than this in the atlas lie on both sides of a seam
_SEAM_JUMP_CHART_UV = 0.35  # the same in a chart, where a hand is as large as a torso
# How much nearer the depth test takes each layer, metres: what is worn outside wins where surfaces touch.
_LEAD_M = {"underwear": 0.003, "swimwear": 0.003, "trousers": 0.006, "shorts": 0.006, "coat": 0.018, "hat": 0.02}
_LEAD_OF_OTHERS_M = 0.01


@dataclass(frozen=True)
class Piece:
    """The body or one layer.

    Attributes:
        vertices, normals: (V, 3) at rest.
        shape_directions: (V, 3, S); skinning_weights: (V, J); faces: (F, 3).
        occlusion: (V,) share of the surroundings' light that arrives, 0 to 1.
        lead_m: see PackedMeshes.
    """

    kind: str
    sex: str
    vertices: Tensor
    normals: Tensor
    shape_directions: Tensor
    skinning_weights: Tensor
    faces: Tensor
    occlusion: Tensor
    lead_m: float


@dataclass(frozen=True)
class DressedPeople:
    """B people in what they wear, ready to be drawn.

    Attributes:
        meshes: of all of them.
        normals: (N, 3) unit normals of the packed vertices, camera axes.
        occlusion: (N,) of the packed vertices.
        face_source: (T,) long, index of each packed face among the faces of all pieces.
        face_worn: (T,) long, which of the worn pieces it belongs to.
        worn_person, worn_piece: (W,) long.
    """

    meshes: PackedMeshes
    normals: Tensor
    occlusion: Tensor
    face_source: Tensor
    face_worn: Tensor
    worn_person: Tensor
    worn_piece: Tensor


class Pieces:
    """Tables of the body and the layers.

    Args:
        body, atlas, charts: they must belong together.
        wardrobe: None leaves people in painted clothes.
        device: where people are made.
        paint_atlas: the body's textures are painted in; `atlas` without one.
    """

    def __init__(
        self,
        body: BodyModel,
        atlas: UvAtlas,
        charts: PartCharts,
        wardrobe: Wardrobe | None = None,
        device: torch.device | str = "cpu",
        paint_atlas: UvAtlas | None = None,
    ) -> None:
        self.body = body
        rest = body(BodyParams.rest(betas=body.beta_count).to(body.template_vertices.device)).vertices[0]
        occlusion = ambient_occlusion(body)
        layers = () if wardrobe is None else wardrobe.layers
        self.all = [_body_piece(body, rest, occlusion, device)]
        for layer in layers:
            self.all.append(_layer_piece(layer, body, occlusion, device))
        surface = _Surface(atlas.face_texcoords, charts.corner_uv, charts.face_part, charts.face_is_front)
        islands = _parts_are_islands(atlas, charts)
        labels = [surface, *(_layer_surface(layer, surface, islands) for layer in layers)]
        self.corner_uv = torch.cat([label.corner_uv for label in labels]).flatten(0, 1).to(device)
        self.corner_chart_uv = torch.cat([label.corner_chart_uv for label in labels]).flatten(0, 1).to(device)
        self.face_part = torch.cat([label.part for label in labels]).to(device)
        self.face_is_front = torch.cat([label.is_front for label in labels]).to(device)
        texcoords = [(paint_atlas or atlas).face_texcoords, *(layer.face_texcoords for layer in layers)]
        self.corner_texcoords = torch.cat(texcoords).flatten(0, 1).to(device)
        self.corners = torch.cat([piece.faces for piece in self.all])
        self.normals = torch.cat([piece.normals for piece in self.all])
        self.occlusion = torch.cat([piece.occlusion for piece in self.all])
        self.lead_m = torch.tensor([piece.lead_m for piece in self.all], device=device)
        self.vertices = _Rows.joined([len(piece.vertices) for piece in self.all], device)
        self.faces = _Rows.joined([len(piece.faces) for piece in self.all], device)
        hidden = [torch.zeros(body.vertex_count, dtype=torch.bool), *(layer.hidden_vertices for layer in layers)]
        hidden_corners = torch.stack(hidden)[:, body.faces.cpu()]
        self.hides_face = hidden_corners.all(-1).to(device)
        # Joints follow linearly from the shape, so their regression is done once.
        regress = body.joint_regressor.to(device)
        self.rest_joints = regress @ self.all[0].vertices
        self.joint_directions = torch.einsum("jv,vcs->jcs", regress, self.all[0].shape_directions)
        self.parents = tuple(body.parents.tolist())

    def dress(
        self, params: BodyParams, output: BodyOutput, offset_m: Tensor, worn: list[tuple[int, ...]], thickness_m: Tensor
    ) -> DressedPeople:
        """Pose what people wear with their bodies.

        Args:
            params, output: B bodies, camera axes, body origin.
            offset_m: (B, 3) of the body's origin in the camera frame.
            worn: pieces above the skin of each person.
            thickness_m: (B, V) how far painted clothes stand off the skin along the normals.
        """
        joints = self.rest_joints + blend_shapes(params.betas, self.joint_directions)
        rotations = torch.cat([params.global_orient[:, None], params.body_pose], 1)
        transforms, _ = joint_transforms(rotations, joints, self.parents)
        people = self._undressed(transforms, output, offset_m, thickness_m, worn)
        wearers = _wearers(worn)
        return _join(people, self._worn(wearers, transforms, params, offset_m)) if wearers else people

    def _undressed(
        self, transforms: Tensor, output: BodyOutput, offset_m: Tensor, thickness_m: Tensor, worn: list[tuple[int, ...]]
    ) -> DressedPeople:
        body, device = self.all[0], offset_m.device
        count, vertices = len(offset_m), len(body.vertices)
        normals = F.normalize(turn_directions(blend_planes(transforms, body.skinning_weights), body.normals), dim=-1)
        points = output.vertices + offset_m[:, None] + normals * thickness_m[..., None]
        image, face = self._shown(worn).nonzero(as_tuple=True)
        people = torch.arange(count, device=device)
        meshes = PackedMeshes(
            points.flatten(0, 1),
            people.repeat_interleave(vertices),
            body.faces.index_select(0, face) + (image * vertices)[:, None],
            image,
            torch.zeros_like(image, dtype=torch.bool),
            points.new_zeros(count * vertices),
        )
        return DressedPeople(
            meshes, normals.flatten(0, 1), body.occlusion.repeat(count), face, image, people, torch.zeros_like(people)
        )

    def _shown(self, worn: list[tuple[int, ...]]) -> Tensor:
        """(B, F) bool, the faces of each person's skin that nothing worn hides."""
        wears = [[float(number in pieces) for number in range(len(self.all))] for pieces in worn]
        return torch.tensor(wears, device=self.hides_face.device) @ self.hides_face.float() == 0

    def _worn(
        self, wearers: dict[int, list[int]], transforms: Tensor, params: BodyParams, offset_m: Tensor
    ) -> DressedPeople:
        """Everything that anybody wears, piece by piece."""
        device = offset_m.device
        pieces = [number for number, people in wearers.items() for _ in people]
        piece, person = torch.tensor([pieces, sum(wearers.values(), [])], device=device)
        planes, shaped = [], []
        for who, number in zip(person.split([len(people) for people in wearers.values()]), wearers, strict=True):
            table = self.all[number]
            entries = transforms.index_select(0, who).permute(2, 3, 0, 1).flatten(0, 1)
            planes.append((entries @ table.skinning_weights.mT).flatten(1))
            offsets = blend_shapes(params.betas.index_select(0, who), table.shape_directions)
            shaped.append((table.vertices + offsets).flatten(0, 1))
        planes, shaped = torch.cat(planes, 1), torch.cat(shaped)
        owner, vertex, first = self.vertices.of(piece, len(shaped))
        image = person.index_select(0, owner)
        face_owner, face, _ = self.faces.of(piece, sum(len(self.all[number].faces) for number in pieces))
        meshes = PackedMeshes(
            move_points(planes, shaped) + offset_m.index_select(0, image),
            image,
            self.corners.index_select(0, face) + first.index_select(0, face_owner)[:, None],
            person.index_select(0, face_owner),
            torch.ones_like(face, dtype=torch.bool),
            self.lead_m.index_select(0, piece).index_select(0, owner),
        )
        normals = F.normalize(turn_directions(planes, self.normals.index_select(0, vertex)), dim=-1)
        return DressedPeople(meshes, normals, self.occlusion.index_select(0, vertex), face, face_owner, person, piece)


@dataclass(frozen=True)
class _Rows:
    """Where each piece's rows lie in a table that joins those of all pieces: (K,) counts and first rows."""

    count: Tensor
    first: Tensor

    @classmethod
    def joined(cls, counts: list[int], device: torch.device | str) -> _Rows:
        count = torch.tensor(counts, device=device)
        return cls(count, count.cumsum(0) - count)

    def of(self, piece: Tensor, total: int) -> tuple[Tensor, Tensor, Tensor]:
        """The rows of some pieces end to end: (total,) which of the pieces each belongs to and its row in the table,
        and (W,) where each piece begins.
        """
        count = self.count.index_select(0, piece)
        begin = count.cumsum(0) - count
        owner = torch.arange(len(piece), device=piece.device).repeat_interleave(count, output_size=total)
        shift = self.first.index_select(0, piece) - begin
        return owner, torch.arange(total, device=piece.device) + shift.index_select(0, owner), begin


@dataclass(frozen=True)
class _Surface:
    """Where the faces of a piece lie on the body.

    Attributes:
        corner_uv: (F, 3, 2) atlas coordinates; corner_chart_uv: (F, 3, 2) coordinates in the face's chart.
        part: (F,) chart; is_front: (F,) front half.
    """

    corner_uv: Tensor
    corner_chart_uv: Tensor
    part: Tensor
    is_front: Tensor


def _body_piece(body: BodyModel, rest: Tensor, occlusion: Tensor, device: torch.device | str) -> Piece:
    tensors = (
        body.template_vertices, vertex_normals(rest, body.faces), body.shape_directions, body.skinning_weights,
        body.faces, occlusion,
    )  # fmt: skip
    return Piece("body", "unisex", *(tensor.to(device) for tensor in tensors), 0.0)


def _layer_piece(layer: Layer, body: BodyModel, occlusion: Tensor, device: torch.device | str) -> Piece:
    arriving = interpolate_faces(occlusion[:, None], body.faces.cpu(), layer.body_face, layer.body_barycentric)[:, 0]
    tensors = (
        layer.vertices, vertex_normals(layer.vertices, layer.faces), layer.shape_directions, layer.skinning_weights,
        layer.faces, arriving,
    )  # fmt: skip
    lead = _LEAD_M.get(layer.kind, _LEAD_OF_OTHERS_M)
    return Piece(layer.kind, layer.sex, *(tensor.to(device) for tensor in tensors), lead)


def _parts_are_islands(atlas: UvAtlas, charts: PartCharts) -> bool:
    """Whether every part lies in the atlas on its own, so that there is nothing between two of them."""
    a_part = charts.face_part.new_zeros(len(atlas.texcoords))
    a_part[atlas.texture_faces] = charts.face_part[:, None].expand(-1, 3)
    return bool((a_part[atlas.texture_faces] == charts.face_part[:, None]).all())


def _layer_surface(layer: Layer, body: _Surface, islands: bool) -> _Surface:
    """What a layer's faces cover: each vertex stands for the place on the body that it is bound to."""
    weights = layer.body_barycentric[..., None]
    first = layer.body_face[layer.faces[:, 0]]
    place, chart_place = ((uv[layer.body_face] * weights).sum(1) for uv in (body.corner_uv, body.corner_chart_uv))
    corners, chart_corners = place[layer.faces], chart_place[layer.faces]
    # Across a seam, or the edge of a chart, there is nothing between the corners; such a face shows the first of them.
    other_chart = body.part[layer.body_face][layer.faces] != body.part[first][:, None]
    torn = other_chart.any(1) | (_spread(chart_corners) > _SEAM_JUMP_CHART_UV)
    torn_in_atlas = (_spread(corners) > _SEAM_JUMP_UV) | (other_chart.any(1) & islands)
    return _Surface(
        torch.where(torn_in_atlas[:, None, None], corners[:, :1], corners),
        torch.where(torn[:, None, None], chart_corners[:, :1], chart_corners),
        body.part[first],
        body.is_front[first],
    )


def _spread(corners: Tensor) -> Tensor:
    """(F,) the larger extent of the corners (F, 3, 2) of every face."""
    return (corners.amax(1) - corners.amin(1)).amax(1)


def _wearers(worn: list[tuple[int, ...]]) -> dict[int, list[int]]:
    wearers: dict[int, list[int]] = {}
    for person, pieces in enumerate(worn):
        for number in pieces:
            wearers.setdefault(number, []).append(person)
    return wearers


def _join(people: DressedPeople, more: DressedPeople) -> DressedPeople:
    """Both, the second one's vertices and worn pieces renumbered."""
    vertices, worn = len(people.meshes.vertices_cam), len(people.worn_person)
    moved = replace(
        more, meshes=replace(more.meshes, faces=more.meshes.faces + vertices), face_worn=more.face_worn + worn
    )
    meshes = PackedMeshes(*_concatenated(people.meshes, moved.meshes, fields(PackedMeshes)))
    return DressedPeople(meshes, *_concatenated(people, moved, fields(DressedPeople)[1:]))


def _concatenated(one: object, other: object, members: Iterable[Field]) -> Iterator[Tensor]:
    return (torch.cat([getattr(one, member.name), getattr(other, member.name)]) for member in members)
