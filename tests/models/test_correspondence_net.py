import socket

import pytest
import torch

from meshrec.models import FACING_BINS, light_correspondence_net, paper_correspondence_net
from meshrec.models.backbones import TimmBackbone, widen_first_convolution
from meshrec.structures import IuvMap
from tests.support.small_atlas import part_boxes


@pytest.fixture(scope="module")
def light():
    return light_correspondence_net(*part_boxes(), atlas_hash="here").eval()


def test_paper_form_has_the_published_size():
    net = paper_correspondence_net()
    assert sum(value.numel() for value in net.parameters()) == 33_513_803
    assert len(net.state_dict()) == 394


def test_paper_form_gives_a_continuous_map_features_and_a_code():
    with torch.no_grad():
        found = paper_correspondence_net().eval()(torch.rand(1, 3, 128, 128))
    assert found.iuv.uv.shape == (1, 2, 32, 32)
    assert found.features.shape == (1, 256, 32, 32)
    assert found.code.shape == (1, 2048)
    assert found.part_logits is None


@pytest.mark.parametrize("side", [112, 128, 192, 224, 256])
def test_light_form_takes_crops_of_many_sizes(light, side):
    with torch.no_grad():
        found = light(torch.rand(1, 3, side, side))
    quarter = side // 4
    assert found.iuv.mask.shape == (1, quarter, quarter)
    assert found.part_logits.shape == (1, 25, quarter, quarter)
    assert found.uv_residual.shape == (1, 48, quarter, quarter)
    assert found.front_logit.shape == (1, quarter, quarter)
    assert found.joint_heatmaps.shape == (1, 30, quarter, quarter)
    assert found.facing_logits.shape == (1, FACING_BINS)
    assert found.iuv.atlas_hash == "here"
    assert 0 <= found.iuv.uv.min() and found.iuv.uv.max() <= 1


def test_a_crop_gives_the_same_alone_and_in_a_batch(light):
    images = torch.rand(3, 3, 128, 128)
    with torch.no_grad():
        together, alone = light(images), light(images[1:2])
    torch.testing.assert_close(together.iuv.mask[1:2], alone.iuv.mask, atol=1e-5, rtol=0)
    torch.testing.assert_close(together.code[1:2], alone.code, atol=1e-5, rtol=1e-4)


def test_every_weight_of_the_light_form_gets_a_gradient():
    net = light_correspondence_net(*part_boxes()).train()
    for name, value in net.named_parameters():
        if name.endswith("bn2.weight"):  # residual branches start at zero and would hold back what precedes them
            torch.nn.init.ones_(value)
    found = net(torch.rand(2, 3, 128, 128))
    outputs = (found.mask_logit, found.part_logits, found.uv_residual, found.front_logit, found.facing_logits,
               found.joint_heatmaps)
    sum((value * torch.randn_like(value)).sum() for value in outputs).backward()
    assert [name for name, value in net.named_parameters() if value.grad is None or not value.grad.any()] == []


def test_a_net_with_iuv_input_starts_as_the_one_without_and_learns_from_it(light):
    both = light_correspondence_net(*part_boxes(), atlas_hash="here", iuv_input=True).eval()
    both.load_state_dict(widen_first_convolution(light.state_dict(), both))
    images, iuv = torch.rand(2, 3, 64, 64), IuvMap(torch.ones(2, 64, 64), torch.rand(2, 2, 64, 64), "here")
    for found in (both(images), both(images, iuv)):
        torch.testing.assert_close(found.code, light(images).code)
    both(images, iuv).code.square().sum().backward()
    gradient = next(both.backbone.parameters()).grad
    assert gradient.shape[1] == 6 and gradient[:, 3:].abs().amax((0, 2, 3)).min() > 0


def test_what_is_given_outside_the_mask_is_not_read():
    net = light_correspondence_net(*part_boxes(), iuv_input=True).eval()
    images, uv = torch.rand(1, 3, 64, 64), torch.rand(2, 1, 2, 64, 64)
    nothing = [net(images, IuvMap(torch.zeros(1, 64, 64), some, "")).code for some in uv]
    seen = [net(images, IuvMap(torch.ones(1, 64, 64), some, "")).code for some in uv]
    torch.testing.assert_close(nothing[0], nothing[1])
    torch.testing.assert_close(nothing[0], net(images).code)
    assert not torch.allclose(*seen, atol=1e-4)


def test_correspondence_for_a_net_without_that_input_or_of_another_atlas_is_refused(light):
    images = torch.rand(1, 3, 64, 64)
    elsewhere = IuvMap(torch.ones(1, 64, 64), torch.rand(1, 2, 64, 64), "elsewhere")
    with pytest.raises(ValueError, match="without iuv_input"):
        light(images, elsewhere)
    with pytest.raises(ValueError, match="of atlas elsewhere, the net of here"):
        light_correspondence_net(*part_boxes(), atlas_hash="here", iuv_input=True)(images, elsewhere)


def test_the_papers_form_takes_iuv_input_too():
    net = paper_correspondence_net(iuv_input=True).eval()
    with torch.no_grad():
        assert net(torch.rand(1, 3, 64, 64)).code.shape == (1, 2048)


def test_building_a_net_never_opens_a_connection(monkeypatch):
    def refuse(*_):
        raise AssertionError("a net tried to reach the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    light_correspondence_net(*part_boxes())
    paper_correspondence_net()


def test_an_encoder_without_the_needed_stages_is_refused():
    with pytest.raises(ValueError, match="strides"):
        TimmBackbone("resnet18", out_indices=(3, 4))
