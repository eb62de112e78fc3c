"""Charts of found people as atlas coordinates of the correspondence net's crops."""

import time

import pytest
import torch

from meshrec.geometry.crops import crop_from_image, square_crop_from_box
from meshrec.iuv.atlas_crop import chart_to_atlas, people_to_atlas
from meshrec.iuv.quantised import dequantise, quantise
from meshrec.iuv.results import PersonIuv
from meshrec.uv import PartCharts, UvAtlas
from tests.support.charts import chart_person
from tests.support.rendered_charts import render_charts

SIZE = (300, 400)
TEXELS = 127  # steps between the texels of a location map of 128


@pytest.fixture(scope="module")
def surface():
    return PartCharts.from_file(), UvAtlas.from_file()


@pytest.fixture(scope="module")
def scene():
    return render_charts(torch.tensor([[-0.9, 0.0, 3.0], [0.7, 0.1, 3.4], [0.2, 0.9, 1.6]]), SIZE)


def whole_photo(people):
    """A square crop of the whole photo for each person, in the photo's own pixels."""
    side = float(max(SIZE))
    return torch.tensor([[side / 2, side / 2]]).expand(len(people), 2), torch.full((len(people),), side), max(SIZE)


def in_photo(iuv):
    return iuv.mask[:, : SIZE[0], : SIZE[1]], iuv.uv[:, :, : SIZE[0], : SIZE[1]]


def texels_off(uv, expected, shown):
    return TEXELS * (uv - expected).norm(dim=1)[shown]


def test_rendered_charts_become_the_rendered_atlas_coordinates(scene, surface):
    mask, uv = in_photo(people_to_atlas(scene.people, *whole_photo(scene.people), *surface))
    assert torch.equal(mask, scene.atlas.mask)
    off = texels_off(uv, scene.atlas.uv, mask > 0)
    assert len(off) > 20_000
    assert off.mean() < 1e-4 and off.max() < 1e-2  # measured 4e-6 and 2e-5; only rounding is in between


def test_eight_bits_cost_a_fraction_of_a_texel(scene, surface):
    people = [PersonIuv(p.box_xyxy_px, p.score, dequantise(quantise(p.chart))) for p in scene.people]
    mask, uv = in_photo(people_to_atlas(people, *whole_photo(people), *surface))
    off = texels_off(uv, scene.atlas.uv, mask > 0)
    # Measured: mean 0.06, 99 in 100 below 0.12; a pixel right on the seam may change sides and land far away.
    assert 0.01 < off.mean() < 0.1 and off.quantile(0.99) < 0.2


def test_a_turned_and_shrunk_crop_shows_what_the_photo_shows_there(scene, surface):
    charts, atlas = surface
    size, turn = 56, torch.tensor([0.4, -0.9, 2.0])
    boxes = torch.stack([person.box_xyxy_px for person in scene.people])
    boxes = torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)
    centre, side = square_crop_from_box(boxes, 1.2)
    crops = people_to_atlas(scene.people, centre, side, size, charts, atlas, turn)
    affine = crop_from_image(centre, side, size, turn)
    for number in range(3):
        rows, columns = crops.mask[number].nonzero().unbind(1)
        assert len(rows) > 200
        in_crop = torch.stack([columns, rows], 1) + 0.5
        at_px = torch.linalg.solve(affine[number, :, :2], (in_crop - affine[number, :, 2]).T).T
        column, row = at_px.floor().long().unbind(1)
        assert (scene.atlas.mask[number, row, column] == 1).all()
        off = TEXELS * (crops.uv[number, :, rows, columns] - scene.atlas.uv[number, :, row, column]).norm(dim=0)
        assert off.mean() < 0.01
        ours, theirs = crops.mask[number].mean() * side[number] ** 2, scene.atlas.mask[number].sum()
        assert ours.item() == pytest.approx(theirs.item(), rel=0.05)


def test_a_chart_converts_in_its_own_pixels(scene, surface):
    person = scene.people[1]
    iuv = chart_to_atlas(person.chart, *surface)
    left, top = person.chart.origin_xy_px
    height, width = person.chart.labels.shape
    assert torch.equal(iuv.mask, (person.chart.labels > 0).float()[None])
    there = scene.atlas.uv[1:2, :, top : top + height, left : left + width]
    assert texels_off(iuv.uv, there, iuv.mask > 0).mean() < 0.01


def test_crops_beside_the_person_and_no_people_are_empty(scene, surface):
    far = people_to_atlas(scene.people[:1], torch.tensor([[900.0, 900.0]]), torch.tensor([50.0]), 8, *surface)
    assert far.mask.shape == (1, 8, 8) and not far.mask.any() and not far.uv.any()
    none = people_to_atlas([], torch.zeros(0, 2), torch.zeros(0), 8, *surface)
    assert none.mask.shape == (0, 8, 8) and none.uv.shape == (0, 2, 8, 8)


def test_coordinates_that_a_net_put_outside_the_chart_are_clamped(surface):
    person = chart_person((0, 0), (8, 8), 0.5, filled=1)
    crop = torch.tensor([[4.0, 4.0]]), torch.tensor([8.0]), 8
    person.chart.uv.mul_(1.4).sub_(0.2)
    alone, in_crop = chart_to_atlas(person.chart, *surface), people_to_atlas([person], *crop, *surface)
    person.chart.uv.clamp_(0, 1)
    inside = chart_to_atlas(person.chart, *surface).uv
    assert torch.equal(alone.uv, inside) and torch.equal(in_crop.uv, inside)


def test_a_person_of_224_px_takes_milliseconds(scene, surface):
    person = scene.people[:1]
    box = person[0].box_xyxy_px
    centre, side = (box[:2] + box[2:])[None] / 2, (box[2:] - box[:2]).max()[None] * 1.2

    def seconds():
        start = time.thread_time()
        people_to_atlas(person, centre, side, 224, *surface)
        return time.thread_time() - start

    seconds()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert min(seconds() for _ in range(5)) <= 0.03
    finally:
        torch.set_num_threads(threads)
