"""The shipped atlas: one chart, no flips, symmetric, of the shipped body; and the rules of atlas files."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from meshrec.body.model import BodyModel
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.uv import PartCharts, UvAtlas
from meshrec.uv.build.flatten import euler_number, signed_areas
from meshrec.uv.locate import count_cover
from tests.reference.uv_loops import triangle_at
from tests.support.small_atlas import small_atlas


@pytest.fixture(scope="module")
def atlas():
    return UvAtlas.from_file()


@pytest.fixture(scope="module")
def body():
    return BodyModel.from_file()


def boundary_edges(faces):
    edges = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    edges, count = np.unique(edges, axis=0, return_counts=True)
    return edges[count == 1]


def test_atlas_has_the_faces_and_hash_of_the_shipped_body(atlas, body):
    assert torch.equal(atlas.faces, body.faces)
    assert atlas.body_hash == body.hash


def test_atlas_is_one_disc_with_one_boundary(atlas):
    faces = atlas.texture_faces.numpy()
    assert euler_number(faces) == 1
    following = {}
    for a, b in boundary_edges(faces).tolist():
        following.setdefault(a, []).append(b)
        following.setdefault(b, []).append(a)
    assert all(len(ends) == 2 for ends in following.values())
    start = next(iter(following))
    walked, here, before = 1, following[start][0], start
    while here != start:
        here, before = next(end for end in following[here] if end != before), here
        walked += 1
    assert walked == len(following)


def test_no_triangle_is_flipped_or_empty(atlas):
    areas = signed_areas(atlas.texcoords.double().numpy(), atlas.texture_faces.numpy())
    assert (areas < 0).all()  # v points down, so counter-clockwise on the body is clockwise here


def test_atlas_keeps_a_margin_inside_the_square(atlas):
    assert atlas.texcoords.min() >= 1 / 127  # a texel of the 128 px map
    assert atlas.texcoords.max() <= 1 - 1 / 127


def test_atlas_hardly_overlaps_itself(atlas):
    cover = count_cover(atlas.face_texcoords.double().numpy(), 1024)
    assert (cover > 1).sum() <= 2e-4 * (cover > 0).sum()
    assert (cover > 0).mean() >= 0.38


def test_mirrored_faces_have_mirrored_texture_coordinates(atlas, body):
    centres = body.template_vertices[body.faces].mean(1)
    uv = atlas.face_texcoords.mean(1)
    mirror = torch.from_numpy(cKDTree(centres).query(centres * torch.tensor([-1.0, 1.0, 1.0]))[1])
    assert (mirror != torch.arange(len(mirror))).float().mean() > 0.9
    torch.testing.assert_close(uv[mirror], torch.stack([1 - uv[:, 0], uv[:, 1]], 1), atol=1e-6, rtol=0)


def test_head_is_at_small_v_and_the_left_hand_at_large_u(atlas, body):
    vertices = body.template_vertices[atlas.texture_to_vertex]
    assert atlas.texcoords[vertices[:, 1].argmax(), 1] < 0.3
    assert atlas.texcoords[vertices[:, 0].argmax(), 0] > 0.7


def test_texels_hold_the_triangle_that_a_search_finds(atlas):
    table = atlas.texels(64)
    corners = atlas.face_texcoords.double()
    for row, column in [(10, 32), (30, 31), (20, 15), (40, 22), (5, 5), (55, 20)]:
        number, weights = triangle_at((column / 63, row / 63), corners)
        assert bool(table.covered[row, column]) == (number >= 0)
        if number >= 0:
            assert torch.equal(table.vertex_index[row, column], atlas.faces[number])
            torch.testing.assert_close(
                table.barycentric[row, column].double(), torch.tensor(weights, dtype=torch.float64), atol=1e-5, rtol=0
            )


def test_every_texel_that_reading_touches_carries_a_value(atlas):
    table = atlas.texels(128)
    position = atlas.texcoords * 127
    base = position.floor().long()
    for column, row in [(0, 0), (1, 0), (0, 1), (1, 1)]:
        part = position - base
        share = (part[:, 0] if column else 1 - part[:, 0]) * (part[:, 1] if row else 1 - part[:, 1])
        read = share > 1e-4
        assert table.mask[base[read, 1] + row, base[read, 0] + column].all()
    assert (table.mask & ~table.covered).sum() > 100
    torch.testing.assert_close(table.barycentric[table.mask].sum(-1), torch.ones(int(table.mask.sum())))


def test_atlas_file_round_trip_keeps_everything(tmp_path):
    atlas = dataclasses.replace(small_atlas(), body_hash="0123456789abcdef")
    atlas.save(tmp_path / "atlas.npz")
    again = UvAtlas.from_file(tmp_path / "atlas.npz")
    assert again.hash == atlas.hash and again.body_hash == atlas.body_hash
    assert torch.equal(again.texcoords, atlas.texcoords) and torch.equal(again.faces, atlas.faces)


def test_hash_follows_the_texture_coordinates():
    atlas = small_atlas()
    moved = dataclasses.replace(atlas, texcoords=atlas.texcoords + 1e-3)
    assert moved.hash != atlas.hash


def test_changed_atlas_file_is_refused(tmp_path):
    small_atlas().save(tmp_path / "atlas.npz")
    arrays = dict(np.load(tmp_path / "atlas.npz"))
    arrays["texcoords"] = arrays["texcoords"] * 0.9
    np.savez(tmp_path / "atlas.npz", **arrays)
    with pytest.raises(InvalidInput, match="damaged"):
        UvAtlas.from_file(tmp_path / "atlas.npz")


@pytest.mark.parametrize("reader", [UvAtlas.from_file, PartCharts.from_file])
@pytest.mark.parametrize("content", [b"", b"no zip at all", b"PK\x03\x04 cut short"])
def test_file_of_something_else_is_refused_with_a_sentence(tmp_path, reader, content):
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(InvalidInput, match="build_uv_atlas"):
        reader(tmp_path / "x.npz")
    with pytest.raises(AssetNotFound, match="build_uv_atlas"):
        reader(tmp_path / "absent.npz")


def test_atlas_of_another_body_is_refused(atlas):
    atlas.check_body(atlas.body_hash)
    with pytest.raises(InvalidInput, match="another|belongs to body"):
        atlas.check_body("ffffffffffffffff")


def test_both_shipped_files_stay_small():
    from meshrec.assets import asset_path

    total = sum(asset_path(f"uv/{name}").stat().st_size for name in ("meshrec_atlas.npz", "densepose_charts.npz"))
    assert total <= 1.5e6
