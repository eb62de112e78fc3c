"""Finding the triangle at a point: against the search through all triangles."""

import numpy as np
import pytest
import torch

from meshrec.uv.locate import PointLocator, count_cover, cover_grid
from tests.reference.uv_loops import triangle_at

# A fan around (0.5, 0.45) that leaves the square's corners free.
ANGLES = np.linspace(0, 2 * np.pi, 8)[:-1]
RIM = np.stack([0.5 + 0.45 * np.cos(ANGLES), 0.45 + 0.4 * np.sin(ANGLES)], axis=1)
FAN = np.stack([np.broadcast_to([0.5, 0.45], RIM.shape), RIM, np.roll(RIM, -1, axis=0)], axis=1)


@pytest.fixture
def points():
    return torch.rand(300, 2, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("cells", [1, 7, 64])
@pytest.mark.parametrize("turned", [False, True])
def test_points_inside_are_found_as_by_searching_everything(points, cells, turned):
    corners = torch.from_numpy(FAN[:, ::-1].copy() if turned else FAN)
    face, weights = PointLocator(corners.numpy(), cells=cells)(points)
    found = [triangle_at(point, corners) for point in points.tolist()]
    inside = torch.tensor([number >= 0 for number, _ in found])
    assert 0.3 < inside.float().mean() < 0.9
    expected = torch.tensor([number for number, _ in found])
    assert torch.equal(face[inside], expected[inside])
    torch.testing.assert_close(weights[inside], torch.tensor([w for _, w in found])[inside], atol=1e-4, rtol=0)


def test_points_outside_take_a_near_place_on_the_mesh(points):
    face, weights = PointLocator(FAN, cells=32)(points)
    corners = torch.from_numpy(FAN).float()
    place = (corners[face] * weights[..., None]).sum(1)
    boundary = torch.from_numpy(np.concatenate([RIM + t * (np.roll(RIM, -1, 0) - RIM) for t in np.linspace(0, 1, 50)]))
    outside = torch.tensor([triangle_at(point, corners)[0] < 0 for point in points.tolist()])
    nearest = torch.cdist(points[outside], boundary.float()).amin(1)
    taken = (place - points)[outside].norm(dim=1)
    assert (taken >= nearest - 1e-2).all()
    assert (taken <= 2.5 * nearest + 0.05).all()


def test_sheets_do_not_mix(points):
    moved = FAN * 0.5 + 0.5
    locator = PointLocator(np.concatenate([FAN, moved]), np.repeat([0, 1], len(FAN)), cells=16)
    sheet = torch.arange(len(points)) % 2
    face, _ = locator(points, sheet)
    assert torch.equal((face >= len(FAN)).long(), sheet)


def test_grid_nodes_are_covered_as_by_searching_everything():
    index, weights = cover_grid(FAN, 17)
    for row in range(17):
        for column in range(17):
            number, expected = triangle_at((column / 16, row / 16), FAN)
            assert (index[row, column] >= 0) == (number >= 0)
            if number >= 0 and min(expected) > 1e-6:
                assert index[row, column] == number
                np.testing.assert_allclose(weights[row, column], expected, atol=1e-9)


def test_overlap_is_counted():
    assert count_cover(FAN, 65).max() == 1
    assert count_cover(np.concatenate([FAN, FAN[:2]]), 65).max() == 2


def test_no_points_give_no_faces():
    face, weights = PointLocator(FAN, cells=8)(torch.zeros(0, 2))
    assert face.shape == (0,) and weights.shape == (0, 3)
