"""Made-up scenes: labels that agree with the meshes, the nearest person in front, feet on the ground, nobody inside."""

import pytest
import torch

from meshrec.build import Surface
from meshrec.data.detection.placement import collide, footprints
from meshrec.data.detection.scene_cameras import draw_cameras
from meshrec.data.detection.synthetic_scenes import SyntheticScenes, SyntheticScenesConfig
from meshrec.data.detection.visible_people import VisiblePeople
from meshrec.data.synthetic import SyntheticPeople, SyntheticPeopleConfig
from meshrec.data.synthetic.dice import Dice
from meshrec.geometry.projection import project_pinhole
from meshrec.render import rasterize
from meshrec.render.packed import PackedFragments
from tests.support.devices import DevicesAreNamed

SIZE = 96


class Remembering(SyntheticScenes):
    """Keeps the people and cameras of the last batch, and which of the people are seen: those with labels."""

    def _label(self, images, seen, fragments, in_scene, crowd, cameras):
        self.crowd, self.cameras = crowd, cameras
        self.seen = fragments.image[seen.flatten()[fragments.pixel] > 0].unique()
        return super()._label(images, seen, fragments, in_scene, crowd, cameras)


@pytest.fixture(scope="module")
def surface():
    return Surface.load()


@pytest.fixture(scope="module")
def people(surface):
    config = SyntheticPeopleConfig(suits=8)
    return SyntheticPeople.from_config(config, surface.body, surface.atlas, surface.charts)


@pytest.fixture(scope="module")
def scenes(people):
    """Crowded scenes without obstacles."""
    return Remembering(people, SyntheticScenesConfig(people_shares=(0, 0, 1, 1, 1, 1), obstacles=0.0))


@pytest.fixture(scope="module")
def batch(scenes):
    return scenes.batch(10, SIZE, seed=4)


def test_the_same_seed_gives_the_same_scenes_and_another_does_not(scenes, batch):
    again, other = scenes.batch(10, SIZE, seed=4), scenes.batch(10, SIZE, seed=5)
    assert torch.equal(again.images, batch.images) and torch.equal(again.uv_map, batch.uv_map)
    assert torch.equal(again.boxes_xyxy_px, batch.boxes_xyxy_px)
    assert not torch.equal(other.images, batch.images)


def test_boxes_are_tight_around_the_people_and_the_padding_is_empty(batch):
    for person in (~batch.is_crowd).nonzero()[:, 0].tolist():
        own = batch.person_map[batch.image_index[person]] == 1 + person
        rows, columns = own.any(1).nonzero()[:, 0], own.any(0).nonzero()[:, 0]
        tight = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        assert batch.boxes_xyxy_px[person].tolist() == [float(edge) for edge in tight]
    assert (batch.sizes_px.amax(1) == SIZE).all() and len(batch.sizes_px.unique(dim=0)) > 2
    for image, (height, width) in enumerate(batch.sizes_px.tolist()):
        for maps in (batch.images[image].sum(0), batch.person_map[image], batch.part_map[image]):
            assert not maps[height:].any() and not maps[:, width:].any()


def test_every_named_pixel_has_a_part_and_no_other(batch):
    assert torch.equal(batch.part_map > 0, batch.person_map > 0) and batch.part_map.max() <= 24
    assert batch.uv_map.min() >= 0 and batch.uv_map.max() <= 1
    assert torch.equal(batch.has_iuv, ~batch.is_crowd) and torch.equal(batch.has_mask, ~batch.is_crowd)


def test_chart_points_are_the_places_on_the_bodies_that_the_pixels_show(surface, scenes, people):
    batch = scenes.batch(6, SIZE, seed=11)
    crowd, pinhole = scenes.crowd, scenes.cameras.pinhole
    image, row, column = (batch.person_map > 0).nonzero(as_tuple=True)
    who = scenes.seen[batch.person_map[image, row, column].long() - 1]
    part, uv = batch.part_map[image, row, column].long(), batch.uv_map[image, :, row, column]
    face, weights = surface.charts.surface_points(part, uv)
    corners = crowd.output.vertices[who[:, None], surface.body.faces[face]]
    points = (corners * weights[..., None]).sum(1) + crowd.offset_m[who]
    seen = project_pinhole(points[:, None], pinhole.focal_px[image], pinhole.centre_px[image])[:, 0]
    distance = (seen - torch.stack([column, row], 1) - 0.5).norm(dim=1)
    # Painted clothes stand off the skin by millimetres, which for a person near the camera is a pixel or two.
    assert len(distance) > 2000 and distance.median() < 0.5 and distance.quantile(0.97) < 4


def test_whoever_is_nearest_is_seen(surface, scenes):
    batch = scenes.batch(10, SIZE, seed=4)
    crowd, cameras = scenes.crowd, scenes.cameras
    bodies_cam = crowd.output.vertices + crowd.offset_m[:, None]
    fragments = rasterize(bodies_cam, surface.body.faces, cameras.pinhole[crowd.image], (SIZE, SIZE))
    depth = torch.where(fragments.mask, fragments.depth, torch.inf)
    overlapping = right = 0
    for image in range(10):
        own = (crowd.image == image).nonzero()[:, 0]
        named = batch.person_map[image].long()
        pixels = (fragments.mask[own].sum(0) > 1) & (named > 0)
        nearest = own[depth[own].argmin(0)]
        overlapping += int(pixels.sum())
        right += int((scenes.seen[named - 1] == nearest)[pixels].sum())
    assert overlapping > 200 and right > 0.97 * overlapping


def test_people_stand_on_the_ground_and_not_inside_each_other(scenes):
    scenes.batch(8, 32, seed=8)
    crowd, cameras = scenes.crowd, scenes.cameras
    bodies_cam = crowd.output.vertices + crowd.offset_m[:, None]
    bodies = bodies_cam @ cameras.rotation[crowd.image]
    height = bodies[..., 1].amin(1) + cameras.height_m[crowd.image]
    assert (height > -1e-3).all() and (height.abs() < 1e-3).float().mean() > 0.85 and height.max() < 0.5
    pairs = 0
    for one in range(len(bodies)):
        for other in range(one):
            if crowd.image[one] == crowd.image[other]:
                pairs += 1
                assert torch.cdist(bodies[one, ::20], bodies[other, ::20]).min() > 0.015
    assert pairs > 15


def test_footprints_meet_only_in_the_same_layer():
    """Somebody's arm over somebody's feet is no collision; the same arm at the height of their chest is one."""
    stick = torch.tensor([[0.0, 0.0, 0.0], [0.1, 0.0, 0.1], [0.0, 1.6, 0.0]])
    reaching = torch.cat([stick, torch.tensor([[0.8, 1.2, 0.05]])])
    low = torch.tensor([[0.7, 0.0, 0.0], [0.8, 0.3, 0.1]])
    tall = torch.cat([low, torch.tensor([[0.7, 1.3, 0.0], [0.8, 1.3, 0.1]])])
    feet = lambda body: footprints(body[None], torch.zeros(1))[0]  # noqa: E731
    assert not collide(feet(reaching), feet(low)) and collide(feet(reaching), feet(tall))
    assert not collide(feet(stick), feet(tall))


def test_the_main_person_is_as_large_as_drawn_and_mostly_inside():
    cameras = draw_cameras(400, 320, Dice(3))
    inside = []
    for height_m in (0.85, 1.2):
        middle = torch.stack([torch.zeros(400), torch.full((400,), height_m), -cameras.main_distance_m], 1)
        points = cameras.offsets_m(middle, torch.arange(400))
        pinhole = cameras.pinhole
        px = project_pinhole(points[:, None], pinhole.focal_px, pinhole.centre_px)[:, 0]
        inside.append((px[:, 1] > 0) & (px[:, 1] < cameras.sizes_px[:, 0]))
    assert (inside[0] | inside[1]).float().mean() > 0.95
    share = 1.7 * cameras.pinhole.focal_px[:, 1] / cameras.main_distance_m / cameras.sizes_px[:, 0]
    assert share.quantile(0.03) < 0.15 and share.quantile(0.95) > 1.2


def test_a_share_of_scenes_shows_nobody_and_obstacles_hide_people(people):
    empty = SyntheticScenes(people, SyntheticScenesConfig(people_shares=(1,))).batch(3, 48, seed=0)
    assert empty.people_count == 0 and empty.images.std() > 0.05 and empty.everyone_labelled.all()
    shares = (0, 0, 0, 0, 1)
    hidden = SyntheticScenes(people, SyntheticScenesConfig(shares, obstacles=1.0)).batch(6, 64, seed=1)
    free = SyntheticScenes(people, SyntheticScenesConfig(shares, obstacles=0.0)).batch(6, 64, seed=1)
    assert (hidden.person_map > 0).sum() < 0.97 * (free.person_map > 0).sum()
    assert not ((hidden.person_map > 0) & (free.person_map == 0)).any()


def test_everything_in_a_scene_is_made_on_the_given_device(people):
    with DevicesAreNamed():
        SyntheticScenes(people).batch(6, 48, seed=2)


def test_shares_of_nothing_are_refused():
    with pytest.raises(ValueError, match="people_shares must be positive"):
        SyntheticScenesConfig(people_shares=(0.0, 0.0))


def test_people_of_whom_hardly_anything_is_seen_are_unknown_rather_than_people(surface):
    """Person 0 fills its box, of person 1 a corner looks out, nobody sees person 2, person 3 is four pixels tall."""
    cameras = draw_cameras(1, 64, Dice(0))
    size = (64, 64)
    pixels = torch.zeros(size, dtype=torch.long)
    pixels[10:50, 20:40], pixels[10:14, 41:45], pixels[60:64, 3:6] = 1, 2, 4
    pixels = pixels * cameras.inside()[0]
    covered = pixels.flatten().nonzero()[:, 0]
    order = pixels.flatten()[covered].sort(stable=True)
    pixel, person = covered[order.indices], order.values - 1
    fragments = PackedFragments(pixel, person, pixel, torch.zeros(len(pixel), 3), torch.ones(len(pixel)), size)
    # Boxes of half a metre around points that project to the middle of the picture, tall enough for person 0 and 1.
    distance = float(cameras.pinhole.focal_px[0, 0]) / 40
    corners = torch.tensor([[-0.3, -0.5, 0.0], [0.3, 0.5, 0.0]]).repeat_interleave(4, 0).expand(4, -1, -1)
    offset = torch.tensor([[0.0, 0.0, distance]]).repeat(4, 1)
    image = torch.zeros(4, dtype=torch.long)
    left = torch.ones(len(pixel), dtype=torch.bool)
    people = VisiblePeople.find(fragments, left, image, corners, offset, cameras)
    assert people.number.tolist() == [1, -1, -1, -1]
    assert people.hardly_visible.tolist() == [False, True, True]
    assert people.boxes_xyxy_px.tolist() == [[20, 10, 40, 50], [41, 10, 45, 14], [3, 60, 6, 64]]
    half = VisiblePeople.find(fragments, pixel % 64 < 30, image, corners, offset, cameras)
    assert half.boxes_xyxy_px[0].tolist() == [20, 10, 30, 50] and half.image.tolist() == [0, 0]
