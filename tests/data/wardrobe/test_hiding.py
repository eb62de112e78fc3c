import pytest

pytest.importorskip("scipy", reason="scipy is not installed")

from meshrec.data.wardrobe.build.hiding import covered  # noqa: E402
from tests.data.wardrobe.test_garments import limb, sleeve  # noqa: E402


@pytest.mark.parametrize("radius", [0.098, 0.104, 0.12])
def test_skin_below_close_cloth_is_hidden_but_not_near_its_rim(radius):
    surface = limb()
    hidden = covered(sleeve(radius), surface)
    height = surface.vertices[:, 1]
    # The sleeve reaches from 0.1 to 0.9, rings of the limb are 0.025 apart, two of them are the margin.
    assert hidden[(height > 0.17) & (height < 0.83)].all()
    assert not hidden[(height < 0.13) | (height > 0.87)].any()


def test_skin_below_loose_cloth_is_not_hidden():
    assert not covered(sleeve(0.14), limb()).any()


def test_skin_beside_cloth_is_not_hidden():
    # A cuff that starts where the limb ends lies close to its last ring, but not above it.
    assert not covered(sleeve(0.1, 1.01, 1.2), limb()).any()


def test_cloth_deep_inside_the_body_hides_nothing():
    assert not covered(sleeve(0.08), limb()).any()
