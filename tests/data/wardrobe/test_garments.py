import numpy as np
import pytest

pytest.importorskip("scipy", reason="scipy is not installed")

from meshrec.data.wardrobe.build.binding import bind, heights  # noqa: E402
from meshrec.data.wardrobe.build.garments import Surface, dress, neighbour_means, pushed_out  # noqa: E402
from meshrec.data.wardrobe.build.proxy_files import TexturedMesh  # noqa: E402
from tests.support.tubes import tube  # noqa: E402


def limb(radius=0.1, x=0.0) -> Surface:
    """A limb of one metre whose upper half follows joint 0 and its lower half joint 1, growing thicker with beta."""
    vertices, faces = tube(radius, 0, 1, rings=41, segments=32, x=x)
    outwards = (vertices - [x, 0, 0]) * [1, 0, 1] / radius
    upper = np.clip((vertices[:, 1] - 0.4) / 0.2, 0, 1)
    return Surface(vertices, outwards, faces, 0.05 * outwards[..., None], np.stack([upper, 1 - upper], 1))


def sleeve(radius, low=0.1, high=0.9, **kwargs) -> TexturedMesh:
    vertices, faces = tube(radius, low, high, **kwargs)
    return TexturedMesh(vertices, faces, np.zeros((len(faces), 3, 2)))


def bent(points, weights, angle):
    """Linear blend skinning about the elbow at half height: joint 1 turns about x."""
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    elbow = np.array([0, 0.5, 0])
    return weights[:, :1] * points + weights[:, 1:] * ((points - elbow) @ turn.T + elbow)


def shown(surface):
    return np.zeros(len(surface.vertices), bool)


def heights_over(points, vertices, faces):
    corner = [vertices[faces[:, k]] for k in range(3)]
    cross = np.cross(corner[1] - corner[0], corner[2] - corner[0])
    normals = np.zeros_like(vertices)
    np.add.at(normals, faces.ravel(), np.repeat(cross, 3, axis=0))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return heights(points, bind(points, vertices, faces), vertices, faces, normals)[0]


def test_cloth_inside_the_skin_is_pushed_out_to_a_gap():
    surface, mesh = limb(), sleeve(0.09)
    points = pushed_out(mesh.vertices, neighbour_means(mesh.faces, mesh.vertices), surface, ~shown(surface))
    radius = np.linalg.norm(points[:, [0, 2]], axis=1)
    assert radius.min() > 0.1025 and radius.max() < 0.106


def test_cloth_outside_the_skin_stays_where_it_is():
    surface, mesh = limb(), sleeve(0.12)
    points = pushed_out(mesh.vertices, neighbour_means(mesh.faces, mesh.vertices), surface, ~shown(surface))
    np.testing.assert_array_equal(points, mesh.vertices)


def test_cloth_may_lie_below_skin_that_it_hides():
    surface, mesh = limb(), sleeve(0.09)
    hidden = np.ones(len(surface.vertices), bool)
    points = pushed_out(mesh.vertices, neighbour_means(mesh.faces, mesh.vertices), surface, ~hidden)
    np.testing.assert_array_equal(points, mesh.vertices)


def test_a_vertex_that_is_pushed_out_takes_its_neighbours_along():
    surface, mesh = limb(), sleeve(0.104, rings=33, segments=64)
    dent = mesh.vertices.copy()
    middle = 16 * 64
    dent[middle, 2] -= 0.02
    points = pushed_out(dent, neighbour_means(mesh.faces, mesh.vertices), surface, ~shown(surface))
    lifted = np.linalg.norm(points - dent, axis=1)
    assert lifted[middle] > 0.015
    assert 0.1 * lifted[middle] < lifted[middle + 1] < lifted[middle] and lifted[middle + 32] == 0


def test_tight_cloth_follows_the_skin_below_it():
    surface, mesh = limb(), sleeve(0.104)
    fit = dress(mesh, surface, shown(surface))
    expected = np.clip((mesh.vertices[:, 1] - 0.4) / 0.2, 0, 1)
    np.testing.assert_allclose(fit.skinning_weights[:, 0], expected, atol=0.02)
    outwards = mesh.vertices * [1, 0, 1] / 0.104
    np.testing.assert_allclose(fit.shape_directions[..., 0], 0.05 * outwards, atol=1e-3)


@pytest.mark.parametrize("radius", [0.09, 0.104, 0.13, 0.2])
def test_weights_sum_to_one_and_none_is_negative(radius):
    surface = limb()
    weights = dress(sleeve(radius), surface, shown(surface)).skinning_weights
    np.testing.assert_allclose(weights.sum(1), 1)
    assert weights.min() >= 0


@pytest.mark.parametrize("angle", [0.0, 0.6, 1.2])
def test_a_posed_garment_stays_outside_the_posed_body(angle):
    surface, mesh = limb(), sleeve(0.095, rings=41, segments=48)
    fit = dress(mesh, surface, shown(surface))
    body = bent(surface.vertices, surface.skinning_weights, angle)
    worn = bent(fit.vertices, fit.skinning_weights, angle)
    assert heights_over(worn, body, surface.faces).min() > 0.0005


def test_a_garment_stays_outside_of_thicker_and_thinner_bodies():
    surface = limb()
    fit = dress(sleeve(0.095), surface, shown(surface))
    for beta in (-1, 1):
        body = surface.vertices + beta * surface.shape_directions[..., 0]
        worn = fit.vertices + beta * fit.shape_directions[..., 0]
        assert heights_over(worn, body, surface.faces).min() > 0.002


def two_legs() -> Surface:
    left, right = limb(0.08, 0.1), limb(0.08, -0.1)
    one = np.ones((len(left.vertices), 1))
    return Surface(
        np.concatenate([left.vertices, right.vertices]),
        np.concatenate([left.normals, right.normals]),
        np.concatenate([left.faces, right.faces + len(left.vertices)]),
        np.concatenate([left.shape_directions, right.shape_directions]),
        np.concatenate([np.hstack([one, 0 * one]), np.hstack([0 * one, one])]),
    )


def test_a_skirt_does_not_tear_between_the_legs():
    surface = two_legs()
    mesh = sleeve(0.24, segments=96)
    weights = dress(mesh, surface, shown(surface)).skinning_weights
    x = mesh.vertices[:, 0]
    edges = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]])
    step = np.abs(weights[edges[:, 0]] - weights[edges[:, 1]]).max()
    nearest = surface.skinning_weights[surface.faces[bind(mesh.vertices, surface.vertices, surface.faces).face, 0]]
    torn = np.abs(nearest[edges[:, 0]] - nearest[edges[:, 1]]).max()
    assert torn == 1 and step < 0.35
    assert weights[x > 0.2, 0].min() > 0.95 and weights[x < -0.2, 1].min() > 0.95
    np.testing.assert_allclose(weights[np.abs(x) < 1e-9], 0.5, atol=0.07)


def test_only_carriers_move_what_they_carry():
    surface = limb()
    weights = dress(sleeve(0.104), surface, shown(surface), carriers=[1]).skinning_weights
    np.testing.assert_array_equal(weights, np.tile([0.0, 1.0], (len(weights), 1)))


def test_a_garment_that_is_cut_open_along_a_seam_hangs_together():
    vertices, faces = tube(0.1, 0, 1)
    whole = neighbour_means(faces, vertices)
    # Every face gets vertices of its own, in the same places.
    apart, alone = vertices[faces].reshape(-1, 3), np.arange(3 * len(faces)).reshape(-1, 3)
    values = np.random.default_rng(0).normal(size=len(vertices))
    np.testing.assert_allclose(neighbour_means(alone, apart) @ values[faces.ravel()], (whole @ values)[faces.ravel()])
