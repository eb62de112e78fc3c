import pytest
import torch

from meshrec.models.blocks import Bottleneck, Hourglass, ResidualBlock, UpBlock, make_norm


@pytest.mark.parametrize("norm", ["group", "batch", "layer"])
def test_bottleneck_changes_channels_only(norm):
    assert Bottleneck(16, 32, norm)(torch.randn(2, 16, 5, 7)).shape == (2, 32, 5, 7)


def test_bottleneck_of_equal_width_skips_without_weights():
    names = Bottleneck(16, 16).state_dict()
    assert not any(name.startswith("skip") for name in names)
    assert any(name.startswith("skip") for name in Bottleneck(16, 32).state_dict())


def test_up_block_doubles_or_meets_the_size_asked_for():
    x = torch.randn(1, 16, 4, 4)
    assert UpBlock(16, 16)(x).shape[-2:] == (8, 8)
    assert UpBlock(16, 16)(x, (7, 7)).shape[-2:] == (7, 7)


def test_hourglass_keeps_shape_and_sees_far():
    torch.manual_seed(0)
    net = Hourglass(16, levels=3).eval()
    x = torch.randn(1, 16, 16, 16)
    changed = x.clone()
    changed[..., 0, 0] += 1.0
    assert net(x).shape == x.shape
    assert (net(changed) - net(x))[..., -1, -1].abs().max() > 0


def test_residual_block_halves_when_strided():
    assert ResidualBlock(8, 16, 2)(torch.randn(1, 8, 6, 6)).shape == (1, 16, 3, 3)


def test_layer_norm_does_not_see_the_rest_of_the_batch():
    block = Bottleneck(16, 16, "layer").train()
    x = torch.randn(4, 16, 6, 6)
    torch.testing.assert_close(block(x)[:1], block(x[:1]))


@pytest.mark.parametrize(("kind", "channels", "told"), [("rms", 16, "group"), ("group", 12, "multiple of 8")])
def test_unusable_norms_are_explained(kind, channels, told):
    with pytest.raises(ValueError, match=told):
        make_norm(kind, channels)
