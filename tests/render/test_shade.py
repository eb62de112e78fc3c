"""Normals, textures and light."""

import math

import pytest
import torch

from meshrec.geometry.meshes import face_normals
from meshrec.render import (
    environment_light,
    interpolate,
    lambert_light,
    normal_image,
    over_background,
    rasterize,
    sample_texture,
    spherical_harmonics,
    turned_to_camera,
)
from tests.support.solids import octahedron_sphere
from tests.support.views import VIEWS, height_field, pinhole_view, weak_view


def seen_sphere(view, size=(48, 48)):
    sphere, faces = octahedron_sphere(4, torch.float32)
    vertices = (sphere * 0.8 + torch.tensor([0.0, 0.0, 3.0]))[None]
    return rasterize(vertices, faces, view.camera, size), faces, vertices


@pytest.mark.parametrize("kind", sorted(VIEWS))
def test_smooth_normals_of_a_sphere_point_away_from_its_centre(kind):
    fragments, faces, vertices = seen_sphere(VIEWS[kind]())
    normals = normal_image(fragments, faces, vertices).permute(0, 2, 3, 1)
    points = interpolate(fragments, faces, vertices).permute(0, 2, 3, 1) - torch.tensor([0.0, 0.0, 3.0])
    radial = torch.nn.functional.normalize(points[fragments.mask], dim=-1)
    assert len(radial) > 200
    # Facets are 5 degrees wide; interpolated vertex normals were measured to follow the sphere within 1.4 degrees.
    assert (normals[fragments.mask] * radial).sum(-1).min() > math.cos(math.radians(2))
    assert (normals[~fragments.mask] == 0).all()


def test_flat_normals_are_constant_on_a_face_and_differ_from_smooth_ones():
    fragments, faces, vertices = seen_sphere(pinhole_view())
    flat = normal_image(fragments, faces, vertices, smooth=False).permute(0, 2, 3, 1)[fragments.mask]
    smooth = normal_image(fragments, faces, vertices).permute(0, 2, 3, 1)[fragments.mask]
    own = face_normals(vertices, faces)[0, fragments.face_index[fragments.mask]]
    torch.testing.assert_close(flat, own)
    assert (flat - smooth).abs().max() > 0.01


@pytest.mark.parametrize("kind", sorted(VIEWS))
def test_normals_seen_from_behind_are_turned_to_the_camera(kind):
    vertices, faces = height_field()
    faces = faces.flip(1)
    camera = VIEWS[kind]().camera
    fragments = rasterize(vertices[None], faces, camera, (20, 20))
    normals = normal_image(fragments, faces, vertices[None])
    turned = turned_to_camera(normals, fragments, faces, vertices[None], camera)
    seen = fragments.mask
    assert (normals[:, 2][seen] > 0).all() and (turned[:, 2][seen] < 0).all()
    assert torch.equal(turned_to_camera(turned, fragments, faces.flip(1), vertices[None], camera), turned)


def test_textures_are_sampled_between_the_centres_of_the_outer_texels():
    height, width = 5, 4
    v, u = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    texture = torch.stack([u, v, u * v])[None]  # bilinear, so that sampling has nothing to round
    uv = torch.rand(2, 2, 6, 7, generator=torch.Generator().manual_seed(0))
    expected = torch.stack([uv[:, 0], uv[:, 1], uv[:, 0] * uv[:, 1]], dim=1)
    sampled = sample_texture(uv, texture)
    torch.testing.assert_close(sampled[:, :2], expected[:, :2])
    # u v is bilinear only inside a cell.
    torch.testing.assert_close(sampled[:, 2], expected[:, 2], atol=1e-5, rtol=0)
    outside = sample_texture(torch.tensor([1.7, -0.4]).view(1, 2, 1, 1), texture)
    torch.testing.assert_close(outside.flatten(), torch.tensor([1.0, 0.0, 0.0]))


def test_lambert_light_is_brightest_towards_the_lamp_and_ambient_behind():
    normals = torch.nn.functional.normalize(torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    to_light = torch.tensor([0.0, -3.0, -4.0])
    light = lambert_light(normals, to_light, ambient=0.2, diffuse=0.5)
    cosine = (normals * (to_light / 5).view(1, 3, 1, 1)).sum(1, keepdim=True)
    assert (cosine < 0).any() and (cosine > 0).any()
    torch.testing.assert_close(light[cosine <= 0], torch.full_like(light[cosine <= 0], 0.2))
    torch.testing.assert_close(light[cosine > 0], 0.2 + 0.5 * cosine[cosine > 0])


def test_spherical_harmonics_are_orthonormal_over_the_sphere():
    samples = 200_000
    normals = torch.randn(3, samples, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    normals = torch.nn.functional.normalize(normals, dim=0).view(1, 3, 1, samples)
    basis = spherical_harmonics(normals)[0, :, 0]
    products = basis @ basis.T * (4 * math.pi / samples)
    # Sampled integrals: about 1 / sqrt(200,000), times the largest value of the functions.
    torch.testing.assert_close(products, torch.eye(9, dtype=torch.float64), atol=0.02, rtol=0)


def test_environment_light_from_above_lights_what_faces_up():
    coefficients = torch.zeros(1, 9, 3)
    coefficients[:, 0], coefficients[:, 1, 0] = 2.0, -1.0  # even light, and red from above (y points down)
    up, down = (torch.tensor([0.0, y, 0.0]).view(1, 3, 1, 1) for y in (-1.0, 1.0))
    red_up, red_down = (environment_light(n, coefficients)[0, 0].item() for n in (up, down))
    assert red_up > red_down > 0
    assert environment_light(up, coefficients)[0, 1] == environment_light(down, coefficients)[0, 1]
    assert environment_light(up, -coefficients).min() == 0


def test_composition_keeps_the_background_where_nothing_is_seen():
    fragments, faces, vertices = seen_sphere(weak_view())
    picture = over_background(torch.full((1, 3, 48, 48), 0.25), fragments.mask, torch.tensor(0.75))
    assert (picture[:, 0][fragments.mask] == 0.25).all() and (picture[:, 0][~fragments.mask] == 0.75).all()


def test_shading_is_differentiable_in_vertices_texture_and_light():
    fragments, faces, vertices = seen_sphere(pinhole_view())
    vertices = vertices.clone().requires_grad_()
    fragments = rasterize(vertices, faces, pinhole_view().camera, (24, 24))
    texture = torch.rand(1, 3, 8, 8, requires_grad=True)
    to_light = torch.tensor([0.3, -1.0, -1.0], requires_grad=True)
    uv = interpolate(fragments, faces, vertices[..., :2].detach() * 0.5 + 0.5)
    colours = sample_texture(uv, texture) * lambert_light(normal_image(fragments, faces, vertices), to_light)
    over_background(colours, fragments.mask, torch.zeros(())).square().sum().backward()
    for leaf in (vertices, texture, to_light):
        assert leaf.grad.isfinite().all() and leaf.grad.abs().sum() > 0
