"""The body and every layer of a wardrobe as tables on one device, and dressed people made from them.

Piece 0 is the body; piece k + 1 is layer k. People who wear the same piece are posed together, one matrix product each.
"""

from __future__ import annotations

from dataclasses import dataclass

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
        first_face: of this piece among the faces of all pieces.
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
    first_face: int


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
        transforms: (B, J, 3, 4) of the joints, camera axes, body origin.
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
    """

    def __init__(
        self,
        body: BodyModel,
        atlas: UvAtlas,
        charts: PartCharts,
        wardrobe: Wardrobe | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.body = body
        rest = body(BodyParams.rest(betas=body.beta_count).to(body.template_vertices.device)).vertices[0]
        occlusion = ambient_occlusion(body)
        layers = () if wardrobe is None else wardrobe.layers
        self.all = [_body_piece(body, rest, occlusion, device)]
        for layer in layers:
            first = self.all[-1].first_face + len(self.all[-1].faces)
            self.all.append(_layer_piece(layer, body, occlusion, first, device))
        surface = _Surface(atlas.face_texcoords, charts.face_part, charts.face_is_front)
        labels = [surface, *(_layer_surface(layer, surface) for layer in layers)]
        self.corner_uv = torch.cat([label.corner_uv for label in labels]).flatten(0, 1).to(device)
        self.face_part = torch.cat([label.part for label in labels]).to(device)
        self.face_is_front = torch.cat([label.is_front for label in labels]).to(device)
        texcoords = [atlas.face_texcoords, *(layer.face_texcoords for layer in layers)]
        self.corner_texcoords = torch.cat(texcoords).flatten(0, 1).to(device)
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
        wearers = _wearers(worn)
        joints = self.rest_joints + blend_shapes(params.betas, self.joint_directions)
        rotations = torch.cat([params.global_orient[:, None], params.body_pose], 1)
        transforms, _ = joint_transforms(rotations, joints, self.parents)
        parts = [self._undressed(transforms, output, offset_m, thickness_m, worn)]
        parts += [self._worn(number, people, transforms, params, offset_m) for number, people in wearers.items()]
        return _join(parts)

    def _undressed(
        self, transforms: Tensor, output: BodyOutput, offset_m: Tensor, thickness_m: Tensor, worn: list[tuple[int, ...]]
    ) -> DressedPeople:
        body, device = self.all[0], offset_m.device
        count, vertices = len(offset_m), len(body.vertices)
        normals = F.normalize(turn_directions(blend_planes(transforms, body.skinning_weights), body.normals), dim=-1)
        points = output.vertices + offset_m[:, None] + normals * thickness_m[..., None]
        shown = torch.stack([~self.hides_face[list(pieces) or [0]].any(0) for pieces in worn])
        image, face = shown.nonzero(as_tuple=True)
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

    def _worn(
        self, number: int, people: list[int], transforms: Tensor, params: BodyParams, offset_m: Tensor
    ) -> DressedPeople:
        piece, who = self.all[number], torch.tensor(people, device=offset_m.device)
        count, vertices, faces = len(people), len(piece.vertices), len(piece.faces)
        planes = blend_planes(transforms.index_select(0, who), piece.skinning_weights)
        shaped = piece.vertices + blend_shapes(params.betas.index_select(0, who), piece.shape_directions)
        points = move_points(planes, shaped) + offset_m.index_select(0, who)[:, None]
        normals = F.normalize(turn_directions(planes, piece.normals), dim=-1)
        wearer = torch.arange(count, device=who.device)
        first = (wearer * vertices).repeat_interleave(faces)
        meshes = PackedMeshes(
            points.flatten(0, 1),
            who.repeat_interleave(vertices),
            piece.faces.repeat(count, 1) + first[:, None],
            who.repeat_interleave(faces),
            torch.ones(count * faces, dtype=torch.bool, device=who.device),
            points.new_full((count * vertices,), piece.lead_m),
        )
        source = torch.arange(piece.first_face, piece.first_face + faces, device=who.device).repeat(count)
        return DressedPeople(
            meshes,
            normals.flatten(0, 1),
            piece.occlusion.repeat(count),
            source,
            wearer.repeat_interleave(faces),
            who,
            torch.full_like(who, number),
        )


@dataclass(frozen=True)
class _Surface:
    """Where the faces of a piece lie on the body: (F, 3, 2) atlas coordinates, (F,) chart, (F,) front half."""

    corner_uv: Tensor
    part: Tensor
    is_front: Tensor


def _body_piece(body: BodyModel, rest: Tensor, occlusion: Tensor, device: torch.device | str) -> Piece:
    tensors = (
        body.template_vertices, vertex_normals(rest, body.faces), body.shape_directions, body.skinning_weights,
        body.faces, occlusion,
    )  # fmt: skip
    return Piece("body", "unisex", *(tensor.to(device) for tensor in tensors), 0.0, 0)


def _layer_piece(layer: Layer, body: BodyModel, occlusion: Tensor, first: int, device: torch.device | str) -> Piece:
    arriving = interpolate_faces(occlusion[:, None], body.faces.cpu(), layer.body_face, layer.body_barycentric)[:, 0]
    tensors = (
        layer.vertices, vertex_normals(layer.vertices, layer.faces), layer.shape_directions, layer.skinning_weights,
        layer.faces, arriving,
    )  # fmt: skip
    lead = _LEAD_M.get(layer.kind, _LEAD_OF_OTHERS_M)
    return Piece(layer.kind, layer.sex, *(tensor.to(device) for tensor in tensors), lead, first)


def _layer_surface(layer: Layer, body: _Surface) -> _Surface:
    """What a layer's faces cover: each vertex stands for the place on the body that it is bound to."""
    place = (body.corner_uv[layer.body_face] * layer.body_barycentric[..., None]).sum(1)
    corners = place[layer.faces]
    spread = (corners.amax(1) - corners.amin(1)).amax(1)
    # Across a seam there is nothing between the corners; such a face shows one of them.
    corners = torch.where((spread > _SEAM_JUMP_UV)[:, None, None], corners[:, :1], corners)
    below = layer.body_face[layer.faces[:, 0]]
    return _Surface(corners, body.part[below], body.is_front[below])


def _wearers(worn: list[tuple[int, ...]]) -> dict[int, list[int]]:
    wearers: dict[int, list[int]] = {}
    for person, pieces in enumerate(worn):
        for number in pieces:
            wearers.setdefault(number, []).append(person)
    return wearers


def _join(parts: list[DressedPeople]) -> DressedPeople:
    """All parts as one, their vertices and worn pieces renumbered."""
    vertex, worn, moved = 0, 0, []
    for part in parts:
        meshes = part.meshes
        moved.append((meshes.faces + vertex, part.face_worn + worn))
        vertex, worn = vertex + len(meshes.vertices_cam), worn + len(part.worn_person)
    join = lambda read: torch.cat([read(part) for part in parts])  # noqa: E731
    meshes = PackedMeshes(
        join(lambda part: part.meshes.vertices_cam),
        join(lambda part: part.meshes.vertex_image),
        torch.cat([faces for faces, _ in moved]),
        join(lambda part: part.meshes.face_image),
        join(lambda part: part.meshes.two_sided),
        join(lambda part: part.meshes.lead_m),
    )
    return DressedPeople(
        meshes,
        join(lambda part: part.normals),
        join(lambda part: part.occlusion),
        join(lambda part: part.face_source),
        torch.cat([worn for _, worn in moved]),
        join(lambda part: part.worn_person),
        join(lambda part: part.worn_piece),
    )
