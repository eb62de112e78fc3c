"""Masks, parts and IUV as evidence."""

from dataclasses import replace

import pytest
import torch

from meshrec.body import BodyModel
from meshrec.body.pose_prior import PosePrior
from meshrec.errors import CheckpointMismatch, InvalidInput
from meshrec.fitting.image_terms import LabelImageTerm, part_labels, seen_vertices
from meshrec.fitting.levenberg_marquardt import minimise
from meshrec.fitting.normal_equations import NormalEquations
from meshrec.fitting.smplify import FitOptions, fit_to_joints
from meshrec.geometry.projection import project_pinhole
from meshrec.metrics.joints import pa_mpjpe_mm
from meshrec.render.rasterize import rasterize
from meshrec.structures import COCO17, IuvMap
from meshrec.uv import PartCharts, UvAtlas
from tests.support.seen_bodies import SeenBodies, see_bodies

PEOPLE = 2


@pytest.fixture(scope="module")
def body():
    return BodyModel.from_file()


@pytest.fixture(scope="module")
def prior():
    return PosePrior.from_file()


@pytest.fixture(scope="module")
def atlas():
    return UvAtlas.from_file()


@pytest.fixture(scope="module")
def charts():
    return PartCharts.from_file()


@pytest.fixture(scope="module")
def seen(body, prior, atlas, charts) -> SeenBodies:
    """People with everything that can be known of them, exactly."""
    seen = see_bodies(body, prior, PEOPLE, seed=3)
    vertices_cam = body(seen.state.params).vertices + seen.state.translation[:, None]
    fragments = rasterize(vertices_cam, body.faces, seen.evidence.camera, (224, 224))
    face = fragments.face_index.clamp_min(0)
    uv = (fragments.barycentric[..., None] * atlas.face_texcoords[face]).sum(-2).permute(0, 3, 1, 2)
    mask = fragments.mask.float()
    parts = charts.face_part[face] * fragments.mask
    return replace(seen, evidence=replace(seen.evidence, masks=mask, iuv=IuvMap(mask, uv, atlas.hash), parts=parts))


def mask_term(body: BodyModel, seen: SeenBodies, weight: float = 100.0, **options) -> LabelImageTerm:
    return LabelImageTerm(
        body, seen.evidence.camera, seen.evidence.masks[:, None], torch.ones(len(body.faces), 1), weight, **options
    )


def shifted(seen: SeenBodies, x_m: float):
    step = torch.zeros(PEOPLE, seen.state.step_size)
    step[:, 0] = x_m
    return seen.state.moved(step)


def test_the_right_body_misses_nothing_and_one_far_away_everything(body, seen):
    term = mask_term(body, seen)
    assert term.energy(seen.state).tolist() == [0.0, 0.0]
    assert torch.allclose(term.energy(shifted(seen, 50.0)), torch.tensor(50.0))


def test_a_picture_of_nobody_says_nothing(body, seen):
    empty = replace(seen, evidence=replace(seen.evidence, masks=torch.zeros_like(seen.evidence.masks)))
    assert mask_term(body, empty).energy(seen.state).tolist() == [0.0, 0.0]


def test_the_gradient_of_an_outline_is_that_of_its_area(body, seen):
    term, away = mask_term(body, seen), 0.05
    equations = NormalEquations(seen.state)
    term.add_to(equations, shifted(seen, away))
    ahead, behind = term.energy(shifted(seen, away + 0.02)), term.energy(shifted(seen, away - 0.02))
    assert torch.allclose(equations.energy, term.energy(shifted(seen, away)))
    assert torch.allclose(equations.gradient[:, 0], (ahead - behind) / 0.04, rtol=0.2)


def test_with_less_blur_a_small_shift_misses_more(body, seen):
    near = shifted(seen, 0.02)
    assert (mask_term(body, seen, blur=1 / 40).energy(near) > 1.5 * mask_term(body, seen).energy(near)).all()


def test_what_lies_beyond_the_known_part_counts_nothing(body, seen):
    known = torch.zeros(PEOPLE, 224, 224)
    known[:, :, :112] = 1
    half = mask_term(body, seen, known=known)
    assert half.energy(seen.state).tolist() == [0.0, 0.0]
    elsewhere = replace(seen, evidence=replace(seen.evidence, masks=seen.evidence.masks * known))
    assert torch.equal(half.energy(seen.state), mask_term(body, elsewhere, known=known).energy(seen.state))
    assert (mask_term(body, elsewhere).energy(seen.state) > 1).all()


def test_outlines_alone_bring_a_shifted_body_back(body, seen):
    class Anchor:
        """Curvature, which outlines do not bring."""

        def energy(self, state):
            return torch.zeros(PEOPLE)

        def add_to(self, equations, state):
            equations.curvature.diagonal(dim1=1, dim2=2).add_(3e3)

    terms, start = [mask_term(body, seen), Anchor()], shifted(seen, 0.08)
    with torch.no_grad():
        back, energy = minimise(terms, start, 15, columns=[0, 1])
    assert (energy < 0.3 * mask_term(body, seen).energy(start)).all()
    assert (back.translation - seen.state.translation).norm(dim=1).max() < 0.03


def test_parts_tell_more_than_the_mask(body, charts, seen):
    labels = part_labels(seen.evidence.parts, torch.zeros(1)).permute(0, 3, 1, 2)
    faces = part_labels(charts.face_part, torch.zeros(1))
    assert torch.equal(labels.sum(1), seen.evidence.masks)
    term = LabelImageTerm(body, seen.evidence.camera, labels, faces, 100.0)
    assert term.energy(seen.state).tolist() == [0.0, 0.0]
    assert (term.energy(shifted(seen, 0.05)) > mask_term(body, seen).energy(shifted(seen, 0.05))).all()


def test_iuv_finds_the_vertices_that_are_seen(body, atlas, seen):
    seen_px, visible = seen_vertices(seen.evidence.iuv, atlas)
    vertices_cam = body(seen.state.params).vertices + seen.state.translation[:, None]
    camera = seen.evidence.camera
    true_px = project_pinhole(vertices_cam, camera.focal_px, camera.centre_px)
    away_px = (seen_px - true_px).norm(dim=-1)[visible > 0]
    assert 0.2 < visible.mean() < 0.7
    assert away_px.median() < 1.5 and away_px.quantile(0.95) < 5


@pytest.mark.parametrize("kind", ["masks", "parts", "iuv"])
def test_pictures_help_where_joints_are_missing(body, prior, atlas, charts, seen, kind):
    """Without the joints of arms and legs, the body that is fitted to a picture looks more like the person."""
    confidence = torch.zeros(PEOPLE, len(COCO17))
    for name in ("nose", "left_shoulder", "right_shoulder", "left_hip", "right_hip"):
        confidence[:, COCO17.index(name)] = 1
    blind = replace(seen.evidence, confidence=confidence, masks=None, parts=None, iuv=None)
    seeing = replace(blind, **{kind: getattr(seen.evidence, kind)})
    surface = {"atlas": atlas, "charts": charts}
    before = fit_to_joints(blind, body, prior, FitOptions(), **surface)
    after = fit_to_joints(seeing, body, prior, FitOptions(image_iterations=8), before, **surface)
    mm = [pa_mpjpe_mm(body(fits.params).joints, seen.joints).mean().item() for fits in (before, after)]
    mask = [
        rasterize(fits.vertices_cam(body), body.faces, fits.camera, (224, 224)).mask.float() for fits in (before, after)
    ]
    missed = [(image - seen.evidence.masks).abs().sum().item() for image in mask]
    assert missed[1] < 0.8 * missed[0]
    assert kind != "iuv" or mm[1] < 0.8 * mm[0]


def test_pictures_without_what_they_need_are_refused(body, prior, atlas, charts, seen):
    with pytest.raises(InvalidInput, match="charts of the body"):
        fit_to_joints(seen.evidence, body, prior, atlas=atlas)
    with pytest.raises(InvalidInput, match="atlas of the body"):
        fit_to_joints(seen.evidence, body, prior, charts=charts)
    with pytest.raises(CheckpointMismatch, match="charts belong to body 0123"):
        fit_to_joints(seen.evidence, body, prior, atlas=atlas, charts=replace(charts, body_hash="0123"))
    other = replace(seen.evidence, iuv=replace(seen.evidence.iuv, atlas_hash="0123"))
    with pytest.raises(InvalidInput, match="IUV speaks of atlas 0123"):
        fit_to_joints(other, body, prior, atlas=atlas, charts=charts)
