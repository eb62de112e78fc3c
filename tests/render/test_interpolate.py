"""What is seen at a pixel: barycentric weights, depths and attributes, and their gradients."""

import pytest
import torch

from meshrec.render import interpolate, rasterize
from meshrec.render.screen import screen_map
from meshrec.render.surface import normalised
from tests.support.solids import octahedron_sphere
from tests.support.views import VIEWS, pinhole_view, triangle_soup


@pytest.mark.parametrize("kind", sorted(VIEWS))
def test_interpolated_vertices_lie_on_their_pixels_rays(kind):
    view = VIEWS[kind]()
    vertices, faces = triangle_soup(0)
    vertices = vertices[None].double()
    fragments = rasterize(vertices, faces, view.camera, view.size)
    points = interpolate(fragments, faces, vertices)[0].permute(1, 2, 0)
    assert fragments.mask.sum() > 20
    row, column = fragments.mask[0].nonzero().unbind(1)
    projected = screen_map(view.camera, view.size, vertices).project(points[row, column][None])[0]
    # The camera's own numbers are float32.
    torch.testing.assert_close(projected, torch.stack([column, row], 1) + 0.5, atol=1e-5, rtol=0, check_dtype=False)
    torch.testing.assert_close(points[row, column, 2], fragments.depth[0, row, column])


def test_weights_sum_to_one_and_lie_inside_the_triangle():
    for seed in range(10):
        vertices, faces = triangle_soup(seed, count=50)
        fragments = rasterize(vertices[None], faces, pinhole_view().camera, (64, 99))
        weights = fragments.barycentric[fragments.mask]
        torch.testing.assert_close(weights.sum(-1), torch.ones(len(weights)))
        assert weights.min() > -1e-3 and weights.max() < 1 + 1e-3  # beyond 0 and 1 only by rounding at an edge


def test_weights_of_needles_stay_bounded_and_sum_to_one():
    """Areas as rounding leaves them when a triangle is a few float steps wide, or seen exactly from its edge."""
    areas = torch.tensor([[1.0, -1.0, 1e-6], [1e-9, 1e-9, -1.9e-9], [0.0, 0.0, 0.0], [3.0, -3.0, 0.0], [1.0, 2.0, 1.0]])
    areas.requires_grad_()
    weights = torch.stack(normalised(areas.unbind(1)), dim=1)
    assert weights.abs().max() < 1.1
    torch.testing.assert_close(weights.sum(1), torch.ones(5))
    torch.testing.assert_close(weights[-1], torch.tensor([0.25, 0.5, 0.25]))
    weights.square().sum().backward()
    assert areas.grad.isfinite().all()


def test_corner_attributes_equal_vertex_attributes_where_these_are_smooth():
    view = pinhole_view()
    vertices, faces = triangle_soup(0)
    fragments = rasterize(vertices[None], faces, view.camera, view.size)
    attributes = torch.randn(1, len(vertices), 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(interpolate(fragments, faces, attributes[:, faces]),
                               interpolate(fragments, faces, attributes))


def test_corner_attributes_may_jump_between_faces():
    sphere, faces = octahedron_sphere(1, torch.float32)
    fragments = rasterize((sphere + torch.tensor([0.0, 0.0, 4.0]))[None], faces, pinhole_view().camera, (40, 40))
    labels = torch.arange(len(faces), dtype=torch.float32)[:, None].expand(-1, 3)[None, ..., None]
    drawn = interpolate(fragments, faces, labels)[:, 0]
    seen = fragments.mask
    assert fragments.face_index[seen].unique().numel() > 5
    torch.testing.assert_close(drawn[seen], fragments.face_index[seen].float())
    assert (drawn[~seen] == 0).all()


def test_attributes_of_one_mesh_serve_a_whole_batch():
    view = pinhole_view()
    vertices = torch.stack([triangle_soup(seed)[0] for seed in range(3)])
    faces = triangle_soup(0)[1]
    fragments = rasterize(vertices, faces, view.camera[[0, 0, 0]], view.size)
    attributes = torch.randn(1, vertices.shape[1], 2, generator=torch.Generator().manual_seed(0))
    shared = interpolate(fragments, faces, attributes)
    assert torch.equal(shared, interpolate(fragments, faces, attributes.expand(3, -1, -1)))
    with pytest.raises(ValueError, match="batch 1 or 3, got 2"):
        interpolate(fragments, faces, attributes.expand(2, -1, -1))


@pytest.mark.parametrize("corner", [False, True])
def test_every_image_has_its_own_attributes(corner):
    view = pinhole_view()
    vertices = torch.stack([triangle_soup(seed)[0] for seed in range(2)])
    faces = triangle_soup(0)[1]
    fragments = rasterize(vertices, faces, view.camera[[0, 0]], view.size)
    attributes = torch.randn(2, vertices.shape[1], 2, generator=torch.Generator().manual_seed(0))
    attributes = attributes[:, faces] if corner else attributes
    together = interpolate(fragments, faces, attributes)
    for i in range(2):
        alone = rasterize(vertices[i : i + 1], faces, view.camera, view.size)
        assert torch.equal(together[i : i + 1], interpolate(alone, faces, attributes[i : i + 1]))


def test_an_empty_image_interpolates_to_zero():
    view = pinhole_view()
    vertices, faces = triangle_soup(0)
    fragments = rasterize(vertices[None] - 10, faces, view.camera, view.size)
    assert not fragments.mask.any()
    image = interpolate(fragments, faces, vertices[None])
    assert image.shape == (1, 3, 11, 17) and (image == 0).all()


@pytest.mark.parametrize("depth_m", [0.5, 2.5])  # 0.5: corners behind the camera
@pytest.mark.parametrize("kind", sorted(VIEWS))
def test_gradients_are_those_of_finite_differences(kind, depth_m):
    """Steps of 1e-6 m leave visibility as it is, so the differences see what autograd sees."""
    camera, size = VIEWS[kind]().camera, (10, 13)
    vertices, faces = triangle_soup(6, count=8, depth_m=depth_m)
    assert depth_m > 1 or (vertices[:, 2] < 0).any()
    vertices = vertices[None].double().requires_grad_()
    attributes = torch.randn(1, vertices.shape[1], 2, generator=torch.Generator().manual_seed(1)).double()
    seen = rasterize(vertices, faces, camera, size).mask
    assert seen.sum() >= 5

    def draw(vertices, attributes):
        fragments = rasterize(vertices, faces, camera, size)
        return fragments.barycentric[seen], fragments.depth[seen], interpolate(fragments, faces, attributes)

    assert torch.autograd.gradcheck(draw, (vertices, attributes.requires_grad_()), eps=1e-6, atol=1e-4)


def test_background_gives_no_gradient_and_no_nan():
    view = pinhole_view()
    vertices, faces = triangle_soup(0)
    vertices = vertices[None].requires_grad_()
    fragments = rasterize(vertices, faces, view.camera, view.size)
    fragments.depth[fragments.mask].sum().backward()
    assert vertices.grad.isfinite().all() and vertices.grad.abs().sum() > 0
