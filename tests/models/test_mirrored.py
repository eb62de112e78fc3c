"""A crop and its mirror image are looked at together, so the answer to either is the mirror image of the other's."""

import pytest
import torch

from meshrec.build import ModelConfig, build_net
from meshrec.models.mirrored import _mean_heatmaps, answer_with_mirror, can_mirror
from meshrec.structures import BODY30, IuvMap
from meshrec.surface import Surface


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(1)
    net = build_net(ModelConfig(iuv_input=True), Surface.load())
    torch.nn.init.normal_(net.location_net.camera_layers[-1].weight, std=0.1)
    return net.eval()


def given_iuv(net):
    uv = torch.rand(2, 2, 64, 64)
    return IuvMap((torch.rand(2, 64, 64) > 0.5).float(), uv, net.atlas.hash)


def in_a_mirror(points):
    return points.flip(-1) * torch.tensor([-1.0, 1.0, 1.0])[:, None, None]


@torch.no_grad()
def test_the_answer_to_a_mirror_image_is_the_mirror_image_of_the_answer(net):
    torch.manual_seed(2)
    images, iuv = torch.rand(2, 3, 64, 64), given_iuv(net)
    turned_iuv = IuvMap(iuv.mask.flip(-1), iuv.uv.flip(-1), iuv.atlas_hash)
    turned_iuv.uv[:, 0] = 1 - turned_iuv.uv[:, 0]
    straight, turned = answer_with_mirror(net, images, iuv), answer_with_mirror(net, images.flip(-1), turned_iuv)
    expected = in_a_mirror(straight.location_map.points)
    torch.testing.assert_close(turned.location_map.points, expected, atol=1e-5, rtol=0)
    flip = torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(turned.joints, straight.joints[:, list(BODY30.mirror)] * flip, atol=1e-4, rtol=0)
    camera = straight.camera.to_vector() * torch.tensor([1.0, -1.0, 1.0])
    torch.testing.assert_close(turned.camera.to_vector(), camera, atol=1e-5, rtol=0)
    # Which would be no news if the net answered everything alike.
    alone = net(images, iuv)
    assert (alone.location_map.points - straight.location_map.points).abs().max() > 1e-4


def test_heatmaps_are_averaged_as_distributions_under_the_joints_own_names():
    left, right = BODY30.index("left_wrist"), BODY30.index("right_wrist")
    heatmaps, turned = torch.full((1, 30, 8, 8), -60.0), torch.full((1, 30, 8, 8), -60.0)
    heatmaps[0, left, 2, 1] = 0.0
    turned[0, right, 2, 6] = 0.0  # the mirror shows the left wrist as a right one, six columns from the other edge
    mean = _mean_heatmaps(heatmaps, turned)[0, left].flatten().softmax(0).view(8, 8)
    assert mean[2, 1] > 0.999
    turned[0, right] = -60.0
    turned[0, right, 5, 0] = 0.0
    mean = _mean_heatmaps(heatmaps, turned)[0, left].flatten().softmax(0).view(8, 8)
    assert mean[2, 1] == pytest.approx(0.5, abs=1e-3) and mean[5, 7] == pytest.approx(0.5, abs=1e-3)


def test_only_nets_with_named_joints_and_a_symmetric_atlas_are_asked_twice(net):
    assert can_mirror(net)
    assert not can_mirror(build_net(ModelConfig(form="paper"), Surface.load()))
    lopsided = net.location_net.reference_map.clone()
    try:
        net.location_net.reference_map[0, :, 3] += 0.02
        assert not can_mirror(net)
    finally:
        net.location_net.reference_map.copy_(lopsided)
