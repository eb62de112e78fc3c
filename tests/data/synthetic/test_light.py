"""Light on synthetic people: harmonics against the integrals they stand for, and shadows where geometry puts them."""

import math

import pytest
import torch

from meshrec.body import BodyModel
from meshrec.data.synthetic.dice import Dice
from meshrec.data.synthetic.light import Lights, _basis, _hemisphere, _lobe, draw_lights, shade
from meshrec.data.synthetic.occlusion import ambient_occlusion, lit
from meshrec.structures import SMPL24
from tests.support.solids import octahedron_sphere


def directions(count: int) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(count, 3, generator=torch.Generator().manual_seed(0)), dim=1)


def test_a_lobe_is_the_clamped_cosine_to_second_order():
    normals, towards = directions(500), directions(1)
    found = (_basis(normals) @ _lobe(towards, torch.ones(1, 3))[0])[:, 0]
    cosine = normals @ towards[0]
    assert (found - (0.25 + cosine / 2 + 5 / 32 * (3 * cosine**2 - 1))).abs().max() < 1e-6
    assert (found - cosine.clamp_min(0)).abs().max() < 0.11  # the bound of Ramamoorthi and Hanrahan for two orders


def test_a_hemisphere_is_its_integral():
    """Cosine-weighted sky above each normal, summed over many directions, against the closed form."""
    normals, sky = directions(20), directions(200_000)
    up = directions(3)[2]
    cosine = (normals @ sky.T).clamp_min(0)
    summed = (cosine * (sky @ up > 0)).sum(1) / cosine.sum(1)
    found = (_basis(normals) @ _hemisphere(up[None], torch.ones(1, 3))[0])[:, 0]
    assert (found - summed).abs().max() < 0.01


def test_shading_adds_surroundings_and_lamp_person_by_person():
    normals = torch.tensor([[0.0, 0, -1], [0, 0, -1], [0, 0, 1]])
    harmonics = torch.zeros(2, 9, 3)
    harmonics[0] = _hemisphere(torch.tensor([[0.0, 0, -1]]), torch.full((1, 3), 0.4))[0]
    lights = Lights(harmonics, torch.tensor([[0.0, 0, -1], [0, 0, 1]]), torch.tensor([[0.5] * 3, [0.25] * 3]))
    albedo = torch.tensor([[0.5, 1.0, 0.0]] * 3)
    seen = shade(albedo, normals, torch.tensor([1.0, 0.5, 1.0]), torch.tensor([1.0, 0.0, 0.5]), lights, [2, 1])
    # (0.4 + 0.5) * albedo; half of the surroundings and no lamp; the second person's lamp at half
    expected = torch.tensor([[0.45, 0.9, 0.0], [0.1, 0.2, 0.0], [0.0625, 0.125, 0.0]])
    assert torch.allclose(seen, expected, atol=1e-6)


def test_most_people_are_neither_black_nor_burnt_out():
    up = torch.tensor([0.0, -1, 0]).expand(400, 3)
    lights = draw_lights(up, torch.full((400, 3), 0.45), Dice(3))
    normals = torch.tensor([[0.0, 0, -1]]).expand(400, 3)
    ones = torch.ones(400)
    grey = shade(torch.full((400, 3), 0.5), normals, ones, ones, lights, [1] * 400).mean(1)
    assert 0.25 < grey.median() < 0.6 and (grey < 0.1).float().mean() < 0.05 and (grey > 0.95).float().mean() < 0.05


def test_a_ball_shades_the_points_behind_it_and_no_others():
    ball, faces = octahedron_sphere(3, torch.float32)
    towards = torch.nn.functional.normalize(torch.tensor([[1.0, -2.0, 0.5]]), dim=1)
    away = torch.linalg.cross(towards[0], torch.tensor([0.0, 0, 1]))
    away = away / away.norm()
    points = torch.stack(
        [-1.5 * towards[0], -1.5 * towards[0] + 0.8 * away, -1.5 * towards[0] + 1.3 * away, 1.5 * towards[0]]
    )
    found = lit(0.9 * ball[None], faces, towards, points, torch.zeros(4, dtype=torch.long), size=96)
    assert found.tolist() == [0.0, 0.0, 1.0, 1.0]


def test_each_body_casts_its_own_shadow():
    ball, faces = octahedron_sphere(2, torch.float32)
    towards = torch.tensor([[0.0, -1.0, 0.0], [0.0, 1.0, 0.0]])
    points = torch.tensor([[0.0, 1.4, 0], [0.0, 1.4, 0]])
    found = lit(ball.expand(2, -1, -1), faces, towards, points, torch.tensor([0, 1]), size=64)
    assert found.tolist() == [0.0, 1.0]


def test_hidden_places_get_less_of_the_sky_than_open_ones():
    body = BodyModel.from_file()
    arriving = ambient_occlusion(body, directions=32)
    pelvis = (body.joint_regressor @ body.template_vertices)[SMPL24.index("pelvis")]
    below = (body.template_vertices - pelvis - torch.tensor([0.0, -0.12, 0.0])).norm(dim=1)
    crotch, crown = below.argmin(), body.template_vertices[:, 1].argmax()
    assert arriving[crown] > 0.9 and arriving[crotch] < 0.6
    assert arriving.min() >= 0 and arriving.max() <= 1 and arriving.mean() == pytest.approx(0.8, abs=0.12)
    assert math.isfinite(float(arriving.sum()))
