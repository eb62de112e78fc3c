import numpy as np
import pytest

pytest.importorskip("scipy", reason="scipy is not installed")

from meshrec.data.wardrobe.build.binding import bind, heights  # noqa: E402
from tests.support.tubes import tube  # noqa: E402


def nearest_by_search(point, triangle):
    """Distance from a point to a triangle by ever finer search of barycentric coordinates."""
    centre, width = np.full(2, 1 / 3), 1.0
    for _ in range(40):
        steps = np.stack(np.meshgrid(*[np.linspace(-width, width, 9)] * 2), -1).reshape(-1, 2) + centre
        steps = steps.clip(0, 1)
        steps = steps[steps.sum(1) <= 1]
        places = (1 - steps.sum(1))[:, None] * triangle[0] + steps[:, :1] * triangle[1] + steps[:, 1:] * triangle[2]
        distance = np.linalg.norm(places - point, axis=1)
        centre, width = steps[distance.argmin()], 0.6 * width
    return distance.min()


def test_nearest_points_agree_with_a_search_over_all_faces():
    random = np.random.default_rng(1)
    vertices, faces = random.normal(size=(9, 3)), np.array([[0, 1, 2], [2, 3, 4], [4, 5, 6], [6, 7, 8], [8, 0, 3]])
    points = 1.5 * random.normal(size=(20, 3))
    binding = bind(points, vertices, faces)
    slow = [min(nearest_by_search(point, vertices[face]) for face in faces) for point in points]
    np.testing.assert_allclose(binding.distance, slow, atol=1e-5)
    found = np.linalg.norm(binding.read(vertices, faces) - points, axis=1)
    np.testing.assert_allclose(found, binding.distance, atol=1e-12)


def test_barycentric_coordinates_are_inside_the_face():
    vertices, faces = tube(0.1, 0, 1)
    points = np.random.default_rng(0).uniform(-0.3, 1.2, (200, 3))
    weights = bind(points, vertices, faces).barycentric
    assert weights.min() >= 0
    np.testing.assert_allclose(weights.sum(1), 1)


def test_the_surface_point_and_the_height_give_the_position_back():
    vertices, faces = tube(0.1, 0, 1, rings=30, segments=60)
    normals = vertices * [10, 0, 10]
    points = np.array([[0.13, 0.4, 0.0], [0.0, 0.6, -0.08], [0.06, 0.5, 0.08]])
    binding = bind(points, vertices, faces)
    height, normal = heights(points, binding, vertices, faces, normals)
    np.testing.assert_allclose(binding.read(vertices, faces) + height[:, None] * normal, points, atol=1e-3)
    np.testing.assert_allclose(height, [0.03, -0.02, 0.0], atol=1e-3)


def test_a_face_without_area_does_no_harm():
    vertices = np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0], [0, 1, 0]], float)
    binding = bind(np.array([[0.5, -1, 0]]), vertices, np.array([[0, 1, 2], [0, 1, 3]]))
    assert binding.distance[0] == pytest.approx(1)
