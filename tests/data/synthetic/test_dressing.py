"""Clothes of the wardrobe on synthetic people: they follow the body, hide what is below, and are labelled like it."""

import dataclasses

import pytest
import torch

from meshrec.build import Surface
from meshrec.data.synthetic import SyntheticPeople, SyntheticPeopleConfig
from meshrec.data.synthetic.backgrounds import Backgrounds
from meshrec.data.synthetic.dice import Dice
from meshrec.data.synthetic.figures import corner_mean
from meshrec.data.synthetic.outfits import Dresser
from meshrec.data.synthetic.pieces import Pieces
from meshrec.data.synthetic.poses import PoseSampler
from meshrec.data.synthetic.suits import PAINTS
from meshrec.data.synthetic.textures import Pictures
from meshrec.data.synthetic.views import draw_views
from meshrec.errors import InvalidInput
from meshrec.render.packed import rasterize_packed
from meshrec.structures import BodyParams, PinholeCamera
from tests.support.devices import DevicesAreNamed
from tests.support.wardrobe import SHIRT_OFFSET_M, shirt, small_wardrobe

SIZE = 160


@pytest.fixture(scope="module")
def surface():
    return Surface.load()


@pytest.fixture(scope="module")
def wardrobe(surface):
    return small_wardrobe(surface, shirt(surface))


@pytest.fixture(scope="module")
def pieces(surface, wardrobe):
    return Pieces(surface.body, surface.atlas, surface.charts, wardrobe)


@pytest.fixture(scope="module")
def posed(surface):
    """Four people in poses and shapes of their own, in front of one camera each."""
    dice = Dice(5)
    root, pose = PoseSampler().sample(4, dice)
    views = draw_views(4, dice)
    params = BodyParams(dice.normal(4, 10).clamp(-2, 2), views.rotation @ root, pose)
    offset = torch.tensor([[0.0, 0.0, 4.0]]).expand(4, 3)
    camera = PinholeCamera(torch.full((4, 2), 250.0), torch.full((4, 2), SIZE / 2), (SIZE, SIZE))
    return params, surface.body(params), offset, camera


def draw(pieces, posed, worn):
    params, output, offset, camera = posed
    dressed = pieces.dress(params, output, offset, worn, torch.zeros(output.vertices.shape[:2]))
    return dressed, rasterize_packed(dressed.meshes, camera, (SIZE, SIZE))


def test_a_shirt_stays_on_the_torso_in_every_pose_and_shape(pieces, posed):
    dressed, _ = draw(pieces, posed, [(1,)] * 4)
    output, offset = posed[1], posed[2]
    count = len(pieces.all[1].vertices)
    body_count = output.vertices.shape[1]
    for person in range(4):
        points = dressed.meshes.vertices_cam[4 * body_count + person * count :][:count] - offset[person]
        distance = torch.cdist(points, output.vertices[person]).amin(1)
        assert distance.median() == pytest.approx(SHIRT_OFFSET_M, abs=0.004) and distance.max() < 0.05


def test_people_wear_only_what_is_theirs(pieces, posed):
    dressed, fragments = draw(pieces, posed, [(1,), (), (1,), ()])
    on_shirt = dressed.worn_piece[dressed.face_worn[fragments.face]] == 1
    seen = torch.bincount(fragments.image[on_shirt], minlength=4)
    assert (seen[[0, 2]] > 200).all() and (seen[[1, 3]] == 0).all()


def test_skin_below_a_shirt_is_not_drawn_and_its_rim_is(pieces, posed):
    dressed, _ = draw(pieces, posed, [(1,), (), (), ()])
    faces = torch.bincount(dressed.meshes.face_image[dressed.face_source < len(pieces.body.faces)], minlength=4)
    hidden = int(pieces.hides_face[1].sum())
    assert hidden > 100 and faces.tolist() == [len(pieces.body.faces) - hidden] + 3 * [len(pieces.body.faces)]


def test_shirts_are_labelled_with_the_place_they_cover(pieces, posed):
    """Where the naked body shows the same pixel, its label is the place below the shirt, but for its thickness."""
    _, bare = draw(pieces, posed, [()] * 4)
    dressed, clad = draw(pieces, posed, [(1,)] * 4)
    maps = []
    for result, seen in ((draw(pieces, posed, [()] * 4)[0], bare), (dressed, clad)):
        source = result.face_source[seen.face]
        corners = pieces.corner_uv.view(-1, 3, 2)[source]
        part = pieces.face_part[source].float()
        values = torch.cat([(corners * seen.barycentric[..., None]).sum(1), part[:, None]], 1)
        maps.append(seen.spread(values, 4))
    on_shirt = clad.spread((dressed.worn_piece[dressed.face_worn[clad.face]] == 1).float(), 4) > 0
    both = on_shirt & (maps[0][:, 2] > 0)
    distance = (maps[0][:, :2] - maps[1][:, :2]).norm(dim=1)[both]
    assert both.sum() > 1500 and distance.median() < 0.02 and (distance < 0.08).float().mean() > 0.9
    assert (maps[0][:, 2] == maps[1][:, 2])[both].float().mean() > 0.8


def test_chart_labels_of_a_shirt_name_the_same_places_as_its_atlas_labels(surface, pieces):
    generator = torch.Generator().manual_seed(0)
    first, count = len(surface.body.faces), len(pieces.all[1].faces)
    face = torch.randint(first, first + count, (2000,), generator=generator)
    weights = torch.rand(2000, 3, generator=generator)
    weights = weights / weights.sum(1, keepdim=True)
    uv, chart_uv = (corner_mean(table, face, weights) for table in (pieces.corner_uv, pieces.corner_chart_uv))
    template, corners = surface.body.template_vertices, surface.body.faces
    place = lambda face, weights: (template[corners[face]] * weights[..., None]).sum(1)  # noqa: E731
    in_atlas = place(*surface.atlas.locator(uv))
    in_chart = place(*surface.charts.surface_points(pieces.face_part[face], chart_uv))
    distance = (in_atlas - in_chart).norm(dim=1)
    # Equal but for faces across the edge of a chart, which show one of their corners.
    assert distance.median() < 1e-3 and distance.quantile(0.9) < 0.02 and distance.max() < 0.06


def test_batches_show_the_pictures_of_clothes_and_skins(surface, wardrobe):
    everybody = SyntheticPeopleConfig(suits=8, truncated=0.0, loose=0.0, obstacles=0.0)
    people = SyntheticPeople(
        surface.body, surface.atlas, surface.charts, PoseSampler(), Backgrounds(), wardrobe, everybody
    )
    batch = people.batch(24, 64, seed=1)
    greenish = (batch.images[:, 1] > 1.4 * batch.images[:, 0]) & (batch.mask > 0) & (batch.part >= 23)
    assert (
        greenish.sum() > 0.2 * ((batch.mask > 0) & (batch.part >= 23)).sum()
    )  # faces, where no hair or hat is painted


def test_everything_in_a_batch_is_made_on_the_given_device(surface, wardrobe):
    people = SyntheticPeople(
        surface.body,
        surface.atlas,
        surface.charts,
        PoseSampler(),
        Backgrounds(),
        wardrobe,
        SyntheticPeopleConfig(suits=4),
    )
    with DevicesAreNamed():
        people.batch(6, 48, seed=2)
        people.without_pictures().batch(6, 48, seed=2)


def test_a_wardrobe_of_another_body_is_refused(surface, wardrobe):
    other = dataclasses.replace(wardrobe, body_hash="0123456789abcdef")
    with pytest.raises(InvalidInput, match="belongs to body 0123456789abcdef"):
        SyntheticPeople(surface.body, surface.atlas, surface.charts, PoseSampler(), Backgrounds(), other)


def test_dressers_mind_sex_and_kind_and_follow_the_seed():
    kinds = ("body", "outfit", "dress", "hair", "hat", "shoes")
    dresser = Dresser(kinds, ("unisex", "male", "female", "unisex", "unisex", "unisex"))
    worn = dresser.dress(2000, 1)
    assert worn == dresser.dress(2000, 1) and worn != dresser.dress(2000, 2)
    share = lambda kind: sum(kinds.index(kind) in pieces for pieces in worn) / 2000  # noqa: E731
    assert 0.7 < share("shoes") < 0.9 and 0.05 < share("hat") < 0.2 and 0.1 < share("outfit") < 0.3
    assert not any({1, 2} <= set(pieces) or {3, 4} <= set(pieces) for pieces in worn)  # nobody wears both
    assert Dresser(("body",), ("unisex",)).dress(3, 0) == [()] * 3


def test_swimmers_have_no_clothes_painted_below(surface):
    swimwear = small_wardrobe(surface, shirt(surface, "swimwear"))
    people = SyntheticPeople(
        surface.body,
        surface.atlas,
        surface.charts,
        PoseSampler(),
        Backgrounds(),
        swimwear,
        SyntheticPeopleConfig(suits=20),
    )
    suits = people.figures.draw_suits([(1,), ()] * 200, Dice(0))
    hair, clothes = PAINTS.index("hair"), range(PAINTS.index("skin") + 4, PAINTS.index("hair"))
    assert suits[::2].max() < people.figures.textures.suits.bare <= suits[1::2].max()
    bare = set(people.figures.textures.suits.paint[suits[::2]].unique().tolist())
    assert hair in bare and not bare & set(clothes)


def test_pictures_are_read_at_their_place_and_level():
    checks = (torch.arange(8)[:, None] + torch.arange(8)) % 2 * 200
    ramp = torch.arange(16).repeat(4, 1) * 10
    pictures = Pictures([picture[..., None].expand(-1, -1, 3).to(torch.uint8) for picture in (checks, ramp)], "cpu")
    uv = torch.tensor([[0.01, 0.01], [0.2, 0.01], [0.99, 0.5], [0.5, 0.5]])
    found = pictures.read(torch.tensor([0, 0, 1, 0]), torch.tensor([0, 0, 0, 1]), uv)[:, 0] * 255
    assert found.tolist() == pytest.approx([0, 200, 150, 100])
