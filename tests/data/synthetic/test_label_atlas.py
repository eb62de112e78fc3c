"""Nets may speak through another atlas than the one that people are painted in: same pictures, other labels."""

import pytest
import torch

from meshrec.build import build_people
from meshrec.data.synthetic import SyntheticPeople, SyntheticPeopleConfig
from meshrec.data.synthetic.backgrounds import Backgrounds
from meshrec.data.synthetic.figures import corner_mean
from meshrec.data.synthetic.pieces import Pieces
from meshrec.data.synthetic.poses import PoseSampler
from meshrec.errors import InvalidInput
from meshrec.surface import Surface
from tests.support.wardrobe import leggings, shirt, small_wardrobe

_GAP_UV = 1 / 40  # between charts
CONFIG = SyntheticPeopleConfig(suits=8)


@pytest.fixture(scope="module")
def surface():
    return Surface.load()


@pytest.fixture(scope="module")
def many():
    return Surface.load(atlas="charts")


@pytest.fixture(scope="module")
def batches(surface, many):
    return [build_people(CONFIG, one).batch(6, 96, seed=4) for one in (surface, many)]


def places(surface, batch):
    """(N, 3) points of the rest body at the visible pixels."""
    face, weights = surface.atlas.locator(batch.uv.permute(0, 2, 3, 1)[batch.mask > 0.5])
    return (surface.body.template_vertices[surface.body.faces[face]] * weights[..., None]).sum(1)


def test_pictures_do_not_depend_on_the_atlas_of_the_labels(batches):
    shipped, packed = batches
    for name in ("images", "mask", "part", "front", "vertices", "joints_ndc", "camera"):
        assert torch.equal(getattr(packed, name), getattr(shipped, name)), name
    assert (packed.uv - shipped.uv).abs().amax(1)[packed.mask > 0.5].median() > 0.05


def test_labels_of_both_atlases_name_the_same_places_of_the_body(surface, many, batches):
    distance = (places(surface, batches[0]) - places(many, batches[1])).norm(dim=1)
    assert len(distance) > 5000 and distance.median() < 1e-4 and distance.quantile(0.99) < 2e-3


def test_a_garment_is_never_labelled_with_what_lies_between_two_charts(many):
    """A face of leggings may reach from the front to the back; in the many-chart atlas nothing lies on the way."""
    layer = leggings(many)
    pieces = Pieces(many.body, many.atlas, many.charts, small_wardrobe(many, layer))
    first, count = len(many.body.faces), len(layer.faces)
    face = torch.arange(first, first + count).repeat(20)
    weights = -torch.rand(len(face), 3, generator=torch.Generator().manual_seed(0)).log()
    uv = corner_mean(pieces.corner_uv, face, weights / weights.sum(1, keepdim=True))
    found = many.atlas.locator(uv)[0]
    assert torch.equal(many.charts.face_part[found], pieces.face_part[face])
    shown = many.atlas.face_texcoords[found]
    beyond = torch.maximum(shown.amin(1) - uv, uv - shown.amax(1)).amax(1)  # where a chart's border is hollow
    assert beyond.max() < 0.005 < _GAP_UV / 2


def test_a_wardrobe_must_fit_the_atlas_that_is_painted_in(surface, many):
    wardrobe = small_wardrobe(surface, shirt(surface))
    known = many.body, many.atlas, many.charts, PoseSampler(), Backgrounds(), wardrobe, CONFIG
    with pytest.raises(InvalidInput, match="wardrobe belongs to atlas"):
        SyntheticPeople(*known)
    assert SyntheticPeople(*known, paint_atlas=surface.atlas).batch(2, 32, seed=1).has_iuv.all()
