"""The 24 DensePose-style charts and the way between them and the atlas."""

import time

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from meshrec.body.model import BodyModel
from meshrec.errors import InvalidInput
from meshrec.structures import IuvMap
from meshrec.uv import MIRROR_PART, PART_COUNT, PART_NAMES, PartCharts, UvAtlas, atlas_to_charts, charts_to_atlas
from meshrec.uv.build.flatten import euler_number, signed_areas

PARTS = range(1, PART_COUNT + 1)
SIZE = 256


@pytest.fixture(scope="module")
def atlas():
    return UvAtlas.from_file()


@pytest.fixture(scope="module")
def charts():
    return PartCharts.from_file()


@pytest.fixture(scope="module")
def body():
    return BodyModel.from_file()


@pytest.fixture(scope="module")
def person(atlas, body):
    """A 256 px image whose person pixels hold random surface points, and those points (N, 3) and faces (N,)."""
    generator = torch.Generator().manual_seed(0)
    corners = body.template_vertices[body.faces]
    area = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]).norm(dim=1)
    face = torch.multinomial(area, SIZE * SIZE, replacement=True, generator=generator)
    weights = -torch.rand(SIZE * SIZE, 3, generator=generator).log()
    weights = (weights / weights.sum(1, keepdim=True))[..., None]
    uv = (atlas.face_texcoords[face] * weights).sum(1)
    mask = torch.rand(1, SIZE, SIZE, generator=generator) < 0.4
    points = (corners[face] * weights).sum(1)
    return (
        IuvMap(mask.float(), uv.T.reshape(1, 2, SIZE, SIZE), atlas.hash),
        points[mask.flatten()],
        face[mask.flatten()],
    )


def surface_points(iuv, atlas, body):
    face, weights = atlas.locator(iuv.uv.permute(0, 2, 3, 1)[iuv.mask > 0.5])
    return (body.template_vertices[body.faces[face]] * weights[..., None]).sum(1)


def chart_faces(charts, part):
    """Faces over merged corners of a chart, and the corners' coordinates."""
    corners = charts.corner_uv[charts.face_part == part].double().numpy().reshape(-1, 2)
    points, index = np.unique(corners, axis=0, return_inverse=True)
    return points, index.reshape(-1, 3)


@pytest.mark.parametrize("part", PARTS)
def test_every_chart_is_a_disc_without_flips_that_fills_the_square(charts, part):
    points, faces = chart_faces(charts, part)
    assert len(faces) > 200
    assert euler_number(faces) == 1
    areas = signed_areas(points, faces)
    assert (areas > 0).all()
    assert areas.sum() > 0.45
    np.testing.assert_allclose([points.min(0), points.max(0)], [[0, 0], [1, 1]], atol=1e-6)


def test_parts_lie_where_densepose_has_them(charts, body):
    centre = body.template_vertices[body.faces].mean(1)
    mean = {PART_NAMES[part]: centre[charts.face_part == part].mean(0) for part in PARTS}
    for name, (x, _, _) in mean.items():
        assert not name.startswith("left") or x > 0.05, name
        assert not name.startswith("right") or x < -0.05, name
    assert mean["torso front"][2] > mean["torso back"][2] + 0.1
    assert mean["head left"][0] > 0 > mean["head right"][0]
    for side in ("left", "right"):
        for limb in ("upper leg", "lower leg"):
            assert mean[f"{side} {limb} front"][2] > mean[f"{side} {limb} back"][2] + 0.03
        for limb in ("upper arm", "lower arm"):  # palms look down in the T-pose
            assert mean[f"{side} {limb} front"][1] < mean[f"{side} {limb} back"][1] - 0.03
        heights = [mean[f"{side} {part}"][1] for part in ("foot", "lower leg back", "upper leg back", "upper arm back")]
        assert heights == sorted(heights)
        reach = [abs(mean[f"{side} {part}"][0]) for part in ("upper arm back", "lower arm back", "hand")]
        assert reach == sorted(reach)


def test_numbering_is_that_of_the_densepose_annotations():
    # "1, 2 = Torso, 3 = Right Hand, ..." in the description of dp_I.
    region = {
        1: "torso",
        3: "right hand",
        4: "left hand",
        5: "left foot",
        6: "right foot",
        7: "right upper leg",
        8: "left upper leg",
        9: "right upper leg",
        10: "left upper leg",
        11: "right lower leg",
        12: "left lower leg",
        13: "right lower leg",
        14: "left lower leg",
        15: "left upper arm",
        16: "right upper arm",
        17: "left upper arm",
        18: "right upper arm",
        19: "left lower arm",
        20: "right lower arm",
        21: "left lower arm",
        22: "right lower arm",
        23: "head",
        24: "head",
    }
    assert all(PART_NAMES[number].startswith(name) for number, name in region.items())


def test_parts_and_charts_are_mirror_symmetric(charts, body):
    centre = body.template_vertices[body.faces].mean(1)
    mirror = torch.from_numpy(cKDTree(centre).query(centre * torch.tensor([-1.0, 1.0, 1.0]))[1])
    assert torch.equal(charts.face_part[mirror], torch.tensor(MIRROR_PART)[charts.face_part])
    assert torch.equal(charts.face_is_front[mirror], charts.face_is_front)
    uv = charts.corner_uv.mean(1)
    torch.testing.assert_close(uv[mirror], torch.stack([1 - uv[:, 0], uv[:, 1]], 1), atol=1e-5, rtol=0)


def test_front_faces_look_forward_and_back_faces_backward(charts, body):
    corners = body.template_vertices[body.faces]
    normal = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert normal[charts.face_is_front, 2].sum() > 0.8 * normal[charts.face_is_front, 2].abs().sum() > 0
    assert normal[~charts.face_is_front, 2].sum() < -0.8 * normal[~charts.face_is_front, 2].abs().sum()


def test_chart_round_trip_returns_to_the_surface_point(charts, atlas, body, person):
    iuv, points, face = person
    part, uv = atlas_to_charts(iuv, charts, atlas)
    assert torch.equal(part > 0, iuv.mask > 0.5)
    assert (part[part > 0] == charts.face_part[face]).float().mean() > 0.999
    assert uv.min() >= 0 and uv.max() <= 1
    back = charts_to_atlas(part, uv, charts, atlas)
    assert torch.equal(back.mask, iuv.mask) and back.atlas_hash == atlas.hash
    error_mm = 1000 * (surface_points(back, atlas, body) - points).norm(dim=1)
    assert error_mm.mean() <= 0.05


def test_chart_round_trip_survives_eight_bits(charts, atlas, body, person):
    iuv, points, _ = person
    part, uv = atlas_to_charts(iuv, charts, atlas)
    back = charts_to_atlas(part, (uv * 255).round() / 255, charts, atlas)
    error_mm = 1000 * (surface_points(back, atlas, body) - points).norm(dim=1)
    assert 0.1 < error_mm.mean() <= 3  # the project's bar; a chart of 0.5 m in 255 steps


def test_conversion_of_a_256_px_image_takes_at_most_50_ms(charts, atlas, person):
    iuv = person[0]
    part, uv = atlas_to_charts(iuv, charts, atlas)
    charts_to_atlas(part, uv, charts, atlas)

    def seconds(function, *arguments):
        # Processor time of one thread: the machine that runs the tests may be busy.
        start = time.thread_time()
        function(*arguments)
        return time.thread_time() - start

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert min(seconds(atlas_to_charts, iuv, charts, atlas) for _ in range(5)) <= 0.05
        assert min(seconds(charts_to_atlas, part, uv, charts, atlas) for _ in range(5)) <= 0.05
    finally:
        torch.set_num_threads(threads)


def test_points_off_a_chart_go_to_the_nearest_face_of_the_same_part(charts):
    part = torch.arange(1, PART_COUNT + 1).repeat(4)
    uv = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]).repeat_interleave(PART_COUNT, 0)
    face, weights = charts.surface_points(part, uv)
    assert torch.equal(charts.face_part[face], part)
    assert weights.min() >= 0
    torch.testing.assert_close(weights.sum(1), torch.ones(len(part)))
    found = (charts.corner_uv[face] * weights[..., None]).sum(1)
    assert (found - uv).norm(dim=1).max() < 0.75


def test_empty_image_converts_to_an_empty_image(charts, atlas):
    part, uv = torch.zeros(2, 8, 6, dtype=torch.long), torch.rand(2, 2, 8, 6)
    iuv = charts_to_atlas(part, uv, charts, atlas)
    assert not iuv.mask.any() and not iuv.uv.any()
    part, uv = atlas_to_charts(iuv, charts, atlas)
    assert not part.any() and not uv.any()


def test_charts_of_another_body_are_refused(charts, atlas):
    other = PartCharts(charts.face_part, charts.corner_uv, charts.face_is_front, "ffffffffffffffff")
    with pytest.raises(InvalidInput, match="belongs to body"):
        charts_to_atlas(torch.zeros(1, 4, 4, dtype=torch.long), torch.zeros(1, 2, 4, 4), other, atlas)


def test_charts_file_round_trip_keeps_everything(charts, tmp_path):
    charts.save(tmp_path / "charts.npz")
    again = PartCharts.from_file(tmp_path / "charts.npz")
    assert again.hash == charts.hash and again.body_hash == charts.body_hash
    assert torch.equal(again.face_is_front, charts.face_is_front)
