"""Gradients at outlines, judged by finite differences of images sampled many times per pixel."""

import pytest
import torch
from torch.nn import functional

from meshrec.render import add_edge_gradient, face_neighbours, interpolate, rasterize, silhouette
from meshrec.structures import PinholeCamera, WeakPerspectiveCamera
from tests.support.solids import octahedron_sphere

SIZE = 48
SAMPLES = 6  # per pixel and axis, in the images that stand for exact coverage

CAMERAS = {
    "pinhole": PinholeCamera(torch.tensor([[2.2 * SIZE] * 2]), torch.tensor([[SIZE / 2] * 2]), (SIZE, SIZE)),
    "weak_perspective": WeakPerspectiveCamera(torch.tensor([0.8]), torch.tensor([[0.05, 0.0]])),
}


def smooth_weights(size=SIZE):
    """(size, size) weights of the pixels in the loss; smooth, so that a crossing per row and column sums well."""
    y, x = torch.meshgrid(*[torch.arange(size, dtype=torch.float64) + 0.5] * 2, indexing="ij")
    return torch.sin(x / 7) + torch.cos(y / 9) + 0.5


def overlapping_triangles(seed):
    """Two triangles, one partly in front of the other."""
    outline = torch.tensor([[-0.8, -0.7], [0.9, -0.5], [0.1, 0.8], [-0.9, 0.6], [0.5, -0.9], [0.8, 0.9]])
    noise = torch.randn(6, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    vertices = torch.cat([outline * 0.8, torch.tensor([4.0, 4, 4, 5, 5, 5])[:, None]], dim=1).double() + 0.1 * noise
    return vertices, torch.tensor([[0, 1, 2], [3, 4, 5]])


def picture(vertices, faces, camera, size, colours):
    fragments = rasterize(vertices[None], faces, camera, (size, size))
    if colours is None:
        return fragments, fragments.mask[:, None].double()
    return fragments, interpolate(fragments, faces, colours)


def loss_of_exact_coverage(vertices, faces, camera, colours, weights):
    fine = picture(vertices, faces, camera, SIZE * SAMPLES, colours)[1]
    return (functional.avg_pool2d(fine, SAMPLES)[0, 0] * weights).sum()


def gradients(vertices, faces, camera, colours, *, estimate):
    weights = smooth_weights()
    vertices = vertices.clone().requires_grad_()
    fragments, image = picture(vertices, faces, camera, SIZE, colours)
    if estimate:
        image = add_edge_gradient(image, fragments, vertices[None], faces, camera)
    (image[0, 0] * weights).sum().backward() if image.requires_grad else None
    return vertices.grad


def finite_differences(vertices, faces, camera, colours, step_m=0.02):
    weights, result = smooth_weights(), torch.zeros_like(vertices)
    for index in range(vertices.numel()):
        shift = torch.zeros(vertices.numel(), dtype=vertices.dtype)
        shift[index] = step_m
        plus, minus = (
            loss_of_exact_coverage(vertices + sign * shift.view_as(vertices), faces, camera, colours, weights)
            for sign in (1, -1)
        )
        result.view(-1)[index] = (plus - minus) / (2 * step_m)
    return result


# One crossing per row or column stands for the whole stretch of outline between two of them; for outlines of 20 to 40
# pixels that leaves 2 to 9 percent, measured over six scenes.
RELATIVE_TOLERANCE = 0.12


@pytest.mark.parametrize("kind", sorted(CAMERAS))
def test_silhouette_gradient_matches_exact_coverage(kind):
    vertices, faces = overlapping_triangles(0)
    estimate = gradients(vertices, faces, CAMERAS[kind], None, estimate=True)
    exact = finite_differences(vertices, faces, CAMERAS[kind], None)
    assert exact.norm() > 100
    assert (estimate - exact).norm() < RELATIVE_TOLERANCE * exact.norm()


@pytest.mark.parametrize("kind", sorted(CAMERAS))
def test_one_surface_in_front_of_another_matches_exact_coverage(kind):
    vertices, faces = overlapping_triangles(1)
    colours = torch.tensor([1.0, 1, 1, 0.3, 0.3, 0.3], dtype=torch.float64)[None, :, None]
    estimate = gradients(vertices, faces, CAMERAS[kind], colours, estimate=True)
    exact = finite_differences(vertices, faces, CAMERAS[kind], colours)
    assert (estimate - exact).norm() < RELATIVE_TOLERANCE * exact.norm()
    interior_only = gradients(vertices, faces, CAMERAS[kind], colours, estimate=False)
    assert (interior_only - exact).norm() > 0.9 * exact.norm()  # flat colours: all of it happens at outlines


@pytest.mark.parametrize("kind", sorted(CAMERAS))
def test_a_closed_mesh_of_small_faces_moves_as_a_whole(kind):
    """Faces of about a pixel: the walk over the surface must find the outline beyond the faces that are seen."""
    sphere, faces = octahedron_sphere(4)
    shape = torch.tensor([0.55, 0.75, 0.4], dtype=torch.float64)
    centre = torch.tensor([0.07, -0.04, 4.0], dtype=torch.float64)

    def place(parameters):
        shift, stretch = functional.pad(parameters[:2], (0, 1)), functional.pad(parameters[2:], (0, 1))
        return sphere * (shape + stretch) + centre + shift

    parameters = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    vertices = place(parameters)
    fragments = rasterize(vertices[None], faces, CAMERAS[kind], (SIZE, SIZE))
    coverage = silhouette(fragments, vertices[None], faces, CAMERAS[kind])
    (coverage[0, 0] * smooth_weights()).sum().backward()
    exact = torch.stack([
        sum(sign * loss_of_exact_coverage(place(0.01 * sign * axis), faces, CAMERAS[kind], None, smooth_weights())
            for sign in (1, -1)) / 0.02
        for axis in torch.eye(4, dtype=torch.float64)
    ])
    assert (parameters.grad - exact).norm() < RELATIVE_TOLERANCE * exact.norm()


@pytest.mark.parametrize("edge_px", [10.3, 10.7])
@pytest.mark.parametrize("axis", [0, 1])
def test_the_pixel_that_the_outline_crosses_is_the_one_that_changes(edge_px, axis):
    """A square up to column (or row) 10.3 or 10.7: coverage changes in pixel 10, whichever centres are covered."""
    camera = WeakPerspectiveCamera(torch.tensor([1.0]), torch.zeros(1, 2))
    end = edge_px / 10 - 1  # 20 pixels across 2 m
    corners = torch.tensor([[-0.5, -0.5], [-0.5, 0.5], [end, 0.5], [end, -0.5]], dtype=torch.float64)
    vertices = functional.pad(corners if axis == 0 else corners.flip(1), (0, 1))[None].requires_grad_()
    faces = torch.tensor([[0, 1, 2], [0, 2, 3]])
    fragments = rasterize(vertices, faces, camera, (20, 20))
    coverage = silhouette(fragments, vertices, faces, camera)[0, 0]
    lines = coverage.sum(axis)
    for pixel, expected in ((9, 0.0), (10, 100.0), (11, 0.0)):  # 10 px long, 10 px per metre
        gradient, = torch.autograd.grad(lines[pixel], vertices, retain_graph=True)
        torch.testing.assert_close(gradient[0, 2:, axis].sum().item(), expected)


def test_the_image_itself_is_unchanged_and_keeps_its_own_gradient():
    vertices, faces = overlapping_triangles(0)
    fragments, image = picture(vertices, faces, CAMERAS["pinhole"], SIZE, torch.rand(1, 6, 3, dtype=torch.float64))
    image.requires_grad_()
    result = add_edge_gradient(image, fragments, vertices[None].requires_grad_(), faces, CAMERAS["pinhole"])
    assert torch.equal(result, image)
    upstream = torch.randn_like(image)
    assert torch.equal(torch.autograd.grad((result * upstream).sum(), image)[0], upstream)


def test_inside_a_surface_there_is_no_edge_gradient():
    """A sphere that covers the whole image, coloured at random: many faces meet, no outline is seen."""
    sphere, faces = octahedron_sphere(3)
    vertices = (sphere * 3 + torch.tensor([0.0, 0.0, 6.0])).requires_grad_()
    fragments = rasterize(vertices[None], faces, CAMERAS["pinhole"], (SIZE, SIZE))
    assert fragments.mask.all() and fragments.face_index.unique().numel() > 10
    image = torch.rand(1, 3, SIZE, SIZE, dtype=torch.float64)
    add_edge_gradient(image, fragments, vertices[None], faces, CAMERAS["pinhole"]).sum().backward()
    assert (vertices.grad == 0).all()


def test_an_empty_image_has_a_zero_gradient():
    vertices, faces = overlapping_triangles(0)
    vertices = (vertices - 20).requires_grad_()
    fragments = rasterize(vertices[None], faces, CAMERAS["pinhole"], (SIZE, SIZE))
    silhouette(fragments, vertices[None], faces, CAMERAS["pinhole"]).sum().backward()
    assert (vertices.grad == 0).all()


def test_batch_gradients_equal_those_of_single_images():
    vertices = torch.stack([overlapping_triangles(seed)[0] for seed in range(3)])
    faces, camera = overlapping_triangles(0)[1], CAMERAS["pinhole"]

    def gradient(vertices, camera):
        vertices = vertices.clone().requires_grad_()
        fragments = rasterize(vertices, faces, camera, (SIZE, SIZE))
        (silhouette(fragments, vertices, faces, camera)[:, 0] * smooth_weights()).sum().backward()
        return vertices.grad

    together = gradient(vertices, camera[[0, 0, 0]])
    alone = torch.cat([gradient(vertices[i : i + 1], camera) for i in range(3)])
    torch.testing.assert_close(together, alone)


def test_descending_the_gradient_puts_a_sphere_over_its_target():
    sphere, faces = octahedron_sphere(2)
    target = rasterize((sphere + torch.tensor([0.3, -0.2, 5.0]))[None], faces, CAMERAS["pinhole"], (SIZE, SIZE)).mask
    shift = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([shift], lr=0.03)
    neighbours = face_neighbours(faces)
    for _ in range(40):
        vertices = (sphere + torch.tensor([0.0, 0.0, 5.0]) + shift)[None]
        fragments = rasterize(vertices, faces, CAMERAS["pinhole"], (SIZE, SIZE))
        coverage = silhouette(fragments, vertices, faces, CAMERAS["pinhole"], neighbours=neighbours)
        loss = (coverage[:, 0] - target.double()).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert (shift[:2] - torch.tensor([0.3, -0.2])).norm() < 0.02  # a pixel is 0.05 m there
    assert shift[2].abs() < 0.15


def test_face_neighbours_share_the_edge_opposite_the_corner():
    _, faces = octahedron_sphere(1)
    neighbours = face_neighbours(faces)
    assert (neighbours >= 0).all()
    for face, across in zip(faces.tolist(), neighbours.tolist(), strict=True):
        for corner, other in enumerate(across):
            edge = set(face) - {face[corner]}
            assert edge <= set(faces[other].tolist()) and face != faces[other].tolist()


def test_borders_and_edges_of_more_than_two_faces_have_no_neighbour():
    faces = torch.tensor([[0, 1, 2], [1, 0, 3], [0, 1, 4], [5, 6, 7], [7, 6, 8]])
    expected = torch.tensor([[-1, -1, -1], [-1, -1, -1], [-1, -1, -1], [4, -1, -1], [-1, -1, 3]])
    assert torch.equal(face_neighbours(faces), expected)
    assert face_neighbours(faces[:0]).shape == (0, 3)
