"""From a made-up pack to layers, on a tube that stands for MakeHuman's base mesh and for our body alike."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("scipy", reason="scipy is not installed")

from meshrec.data.wardrobe.build.assemble import make_layers  # noqa: E402
from meshrec.data.wardrobe.build.garments import Surface  # noqa: E402
from meshrec.data.wardrobe.build.packs import read_pack  # noqa: E402
from meshrec.errors import InvalidInput  # noqa: E402
from tests.support.tubes import tube, write_pack  # noqa: E402

_SHIFT = np.array([0.0, 0.3, 0.0])


@pytest.fixture
def figure():
    vertices, faces = tube(0.1, 0, 0.9)
    share = np.clip(vertices[:, 1:2] / 0.9, 0, 1)
    weights = np.zeros((len(vertices), 24))
    weights[:, [18, 16]] = np.hstack([share, 1 - share])
    surface = Surface(vertices + _SHIFT, vertices * [10, 0, 10], faces, np.zeros((len(vertices), 3, 2)), weights)
    return SimpleNamespace(
        surface=surface,
        base_rest=vertices,
        base=SimpleNamespace(weights=weights),
        hm08_vertex=np.arange(len(vertices))[::-1],
        posed=lambda points, weights: points + _SHIFT,
    )


@pytest.fixture
def folder(tmp_path, figure):
    return write_pack(tmp_path / "pack", 10 * figure.base_rest, figure.surface.faces)


def test_a_pack_on_disk_becomes_a_layer_over_the_body(folder, figure):
    (layer,) = make_layers(read_pack(folder)[0], figure)
    assert (layer.name, layer.kind, layer.licence, layer.author) == ("sleeve", "sleeves", "CC0-1.0", "nobody")
    radius = layer.vertices[:, [0, 2]].norm(dim=1)
    np.testing.assert_allclose(radius, 0.12, atol=1e-5)
    np.testing.assert_allclose(layer.skinning_weights.sum(1), 1, rtol=1e-6)
    share = (layer.vertices[:, 1] - 0.3) / 0.9
    np.testing.assert_allclose(layer.skinning_weights[:, 18], share, atol=0.06)


def test_what_the_texture_shows_as_transparent_is_not_there(folder, figure):
    (layer,) = make_layers(read_pack(folder)[0], figure)
    # The picture's upper half is transparent: OBJ coordinates above 0.5, the upper half of the sleeve.
    assert layer.vertices[:, 1].min() == pytest.approx(0.3) and layer.vertices[:, 1].max() == pytest.approx(
        0.75, abs=0.03
    )
    assert layer.face_texcoords[..., 1].min() > 0.45
    assert layer.texture.float().sub(layer.texture.new_tensor([200, 0, 0])).abs().max() <= 1


def test_each_vertex_knows_the_skin_below_it(folder, figure):
    (layer,) = make_layers(read_pack(folder)[0], figure)
    corners = figure.surface.vertices[figure.surface.faces[layer.body_face]]
    below = np.einsum("vk,vkc->vc", layer.body_barycentric.numpy(), corners)
    np.testing.assert_allclose(np.linalg.norm(layer.vertices.numpy() - below, axis=1), 0.02, atol=1e-3)


def test_deleted_base_vertices_are_hidden_on_our_body_and_so_is_skin_under_close_cloth(folder, figure):
    (layer,) = make_layers(read_pack(folder)[0], figure)
    last, height = len(figure.base_rest) - 1, figure.base_rest[:, 1]
    # The cloth of the upper half is cut away, and the rows next to its rim are never hidden.
    hidden = layer.hidden_vertices.numpy()
    above = np.flatnonzero(hidden & (height > 0.45))
    assert above.tolist() == sorted(last - vertex for vertex in (2, 4, 5, 6, 9))
    assert hidden[height < 0.25].all()


def test_a_mesh_that_does_not_belong_to_its_mhclo_is_refused(folder, figure):
    with (folder / "clothes/sleeve.obj").open("a") as file:
        file.write("v 0 0 0\n")
    with pytest.raises(InvalidInput, match="has 313 vertices, but its .mhclo places 312"):
        make_layers(read_pack(folder)[0], figure)
