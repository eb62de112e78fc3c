import cv2
import numpy as np
import pytest
import torch

from meshrec.body.model import BodyModel
from meshrec.data.wardrobe.build import sheets
from meshrec.geometry.rotations import axis_angle_to_matrix
from meshrec.structures import BodyParams
from meshrec.uv.atlas import UvAtlas
from tests.support.wardrobe import shirt, small_wardrobe


@pytest.fixture
def surface():
    class Surface:
        body = BodyModel.from_file()
        atlas = UvAtlas.from_file()

    return Surface


def test_every_layer_and_skin_gets_its_picture(surface, tmp_path, monkeypatch):
    monkeypatch.setattr(sheets, "_SIZE", 40)
    sheets.draw_sheets(small_wardrobe(surface, shirt(surface, "top")), tmp_path, torch.zeros(1, 24, 3))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["skin_green.png", "top_shirt.png"]
    dressed, bare = (
        cv2.imread(str(tmp_path / name))[..., ::-1].astype(int) for name in ("top_shirt.png", "skin_green.png")
    )
    assert dressed.shape == (80, 240, 3) and bare.shape == (40, 240, 3)
    red = (dressed[..., 0] > dressed[..., 1] + 50).mean()
    green = (dressed[..., 1] > dressed[..., 0] + 50).mean()
    assert red > 0.01 and green > 0.02
    assert not (bare[..., 0] > bare[..., 1] + 50).any()


def test_layers_are_posed_as_the_body_is(surface):
    body, layer = surface.body, shirt(surface)
    generator = torch.Generator().manual_seed(0)
    rotations = axis_angle_to_matrix(0.4 * torch.randn(2, 24, 3, generator=generator))
    betas = torch.randn(2, 10, generator=generator)
    vertices, worn = sheets.dressed(body, layer, betas, rotations)
    expected = body(BodyParams(betas, rotations[:, 0], rotations[:, 1:])).vertices
    torch.testing.assert_close(vertices, expected, atol=1e-5, rtol=0)
    # The shirt is cut from the body and moved off by 2 cm, a distance that skinning hardly changes.
    corners = expected[:, body.faces[layer.body_face]]
    below = (corners * layer.body_barycentric[:, :, None]).sum(2)
    distance = (worn - below).norm(dim=-1).numpy()
    assert np.median(distance) == pytest.approx(0.02, abs=0.001) and distance.max() < 0.03
