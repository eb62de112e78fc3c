"""Packed meshes are drawn exactly as they would be one by one."""

import torch

from meshrec.render import rasterize
from meshrec.render.packed import PackedMeshes, rasterize_packed
from meshrec.structures import PinholeCamera
from tests.support.solids import octahedron_sphere

SIZE = (48, 64)


def camera(count: int) -> PinholeCamera:
    return PinholeCamera(torch.full((count, 2), 60.0), torch.tensor([[32.0, 24.0]]).expand(count, 2), SIZE)


def packed(meshes, two_sided: bool = True, lead_m=None) -> PackedMeshes:
    vertices, faces, vertex_image, face_image, start = [], [], [], [], 0
    for number, (points, corners) in enumerate(meshes):
        vertices.append(points), faces.append(corners + start)
        vertex_image.append(torch.full((len(points),), number)), face_image.append(torch.full((len(corners),), number))
        start += len(points)
    faces = torch.cat(faces)
    return PackedMeshes(
        torch.cat(vertices), torch.cat(vertex_image), faces, torch.cat(face_image),
        torch.full((len(faces),), two_sided), torch.zeros(start) if lead_m is None else lead_m,
    )  # fmt: skip


def solids():
    ball, box = (octahedron_sphere(detail, torch.float32) for detail in (3, 0))
    return [
        (ball[0] * 0.5 + torch.tensor([0.1, 0.0, 2.0]), ball[1]),
        (box[0] * 0.4 + torch.tensor([-0.2, 0.1, 2.5]), box[1]),
    ]


def test_meshes_of_different_topology_are_drawn_as_each_would_be_alone():
    meshes = solids()
    for two_sided in (True, False):
        together = rasterize_packed(packed(meshes, two_sided), camera(2), SIZE)
        face, depth = together.spread(together.face + 1, 2) - 1, together.spread(together.depth, 2)
        first_face = 0
        for number, (vertices, faces) in enumerate(meshes):
            alone = rasterize(vertices[None], faces, camera(1), SIZE, two_sided=two_sided)
            expected = torch.where(alone.mask[0], alone.face_index[0] + first_face, -1)
            assert alone.mask.sum() > 150
            assert torch.equal(face[number], expected)
            assert torch.equal(depth[number][alone.mask[0]], alone.depth[0][alone.mask[0]])
            own = together.image == number
            assert torch.equal(together.barycentric[own], alone.barycentric[0][alone.mask[0]])
            first_face += len(faces)


def test_a_lead_lets_the_farther_of_two_close_surfaces_win():
    ball, (_, faces) = solids()[0], solids()[0]
    behind = ball[0] + torch.tensor([0.0, 0.0, 0.005])
    both = PackedMeshes(
        torch.cat([ball[0], behind]), torch.zeros(2 * len(behind), dtype=torch.long),
        torch.cat([faces, faces + len(behind)]), torch.zeros(2 * len(faces), dtype=torch.long),
        torch.zeros(2 * len(faces), dtype=torch.bool), torch.zeros(2 * len(behind)),
    )  # fmt: skip
    share = lambda meshes: (rasterize_packed(meshes, camera(1), SIZE).face >= len(faces)).float().mean()  # noqa: E731
    lead = torch.cat([torch.zeros(len(behind)), torch.full((len(behind),), 0.01)])
    leading = PackedMeshes(both.vertices_cam, both.vertex_image, both.faces, both.face_image, both.two_sided, lead)
    assert share(both) < 0.05 and share(leading) > 0.95
    depth = rasterize_packed(leading, camera(1), SIZE).depth
    assert depth.min() > 1.5  # the lead decides who is seen, not where


def test_faces_that_reach_behind_the_near_plane_are_dropped():
    vertices = torch.tensor([[-1.0, -1, 2], [1, -1, 2], [0, 1, -1], [-1, -1, 2], [1, -1, 2], [0, 1, 2]])
    faces = torch.tensor([[0, 1, 2], [3, 4, 5]])
    seen = rasterize_packed(packed([(vertices, faces)]), camera(1), SIZE)
    assert set(seen.face.tolist()) == {1}


def test_values_are_spread_to_their_own_pixels():
    seen = rasterize_packed(packed(solids()), camera(2), SIZE)
    place = torch.stack([seen.pixel.float(), seen.image.float(), seen.depth], 1)
    spread = seen.spread(place, 2)
    one_by_one = torch.stack([seen.spread(column, 2) for column in place.unbind(1)], 1)
    assert torch.equal(spread, one_by_one) and spread[1, 1].max() == 1
