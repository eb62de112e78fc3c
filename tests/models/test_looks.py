"""Several looks at a crop: what they saw is laid on it again, left stays left, and black surroundings count nothing."""

import pytest
import torch

from meshrec.build import ModelConfig, build_net
from meshrec.models.correspondence_net import Correspondence
from meshrec.models.looks import Look, _mean_heatmaps, _mean_mask, answer_from_looks, can_mirror
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
    straight, turned = answer_from_looks(net, images, iuv), answer_from_looks(net, images.flip(-1), turned_iuv)
    expected = in_a_mirror(straight.location_map.points)
    torch.testing.assert_close(turned.location_map.points, expected, atol=1e-5, rtol=0)
    flip = torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(turned.joints, straight.joints[:, list(BODY30.mirror)] * flip, atol=1e-4, rtol=0)
    camera = straight.camera.to_vector() * torch.tensor([1.0, -1.0, 1.0])
    torch.testing.assert_close(turned.camera.to_vector(), camera, atol=1e-5, rtol=0)
    # Which would be no news if the net answered everything alike.
    alone = net(images, iuv)
    assert (alone.location_map.points - straight.location_map.points).abs().max() > 1e-4


def saw(heatmaps=None, mask=None):
    mask = torch.zeros(1, 8, 8) if mask is None else mask
    nothing = torch.zeros_like(mask)[:, None]
    iuv = IuvMap(mask, nothing.repeat(1, 2, 1, 1))
    return Correspondence(iuv, nothing[0], nothing, nothing, joint_heatmaps=heatmaps)


def test_heatmaps_are_averaged_as_distributions_under_the_joints_own_names():
    left, right = BODY30.index("left_wrist"), BODY30.index("right_wrist")
    heatmaps, turned = torch.full((1, 30, 8, 8), -60.0), torch.full((1, 30, 8, 8), -60.0)
    heatmaps[0, left, 2, 1] = 0.0
    turned[0, right, 2, 6] = 0.0  # the mirror shows the left wrist as a right one, six columns from the other edge
    looks = [(Look(), saw(heatmaps)), (Look(mirrored=True), saw(turned))]
    mean = _mean_heatmaps(looks)[0, left].flatten().softmax(0).view(8, 8)
    assert mean[2, 1] > 0.999
    turned[0, right] = -60.0
    turned[0, right, 5, 0] = 0.0
    mean = _mean_heatmaps(looks)[0, left].flatten().softmax(0).view(8, 8)
    assert mean[2, 1] == pytest.approx(0.5, abs=1e-3) and mean[5, 7] == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("look", [Look(), Look(0.8), Look(1.25), Look(mirrored=True), Look(1.25, mirrored=True)])
def test_what_a_look_sees_is_laid_where_it_was(look):
    row, column = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    blob = torch.exp(-((row - 24) ** 2 + (column - 40) ** 2) / 40)[None, None]
    again = look.undo(look.at(blob))
    torch.testing.assert_close(again, blob, atol=0.05, rtol=0)  # resampled twice
    assert (look.at(blob) - blob).abs().max() > 0.3 or look == Look()


def test_a_look_from_farther_shows_the_crop_smaller_before_black():
    white = torch.ones(1, 3, 64, 64)
    assert Look(2.0).at(white).mean() == pytest.approx(0.25, abs=0.01) and Look(0.5).at(white).min() == 1


def test_masks_are_the_mean_of_the_looks_that_saw_a_pixel():
    mask = torch.zeros(1, 32, 32)
    mask[:, :, :16] = 1
    blank = torch.zeros(1, 32, 32)
    near = (Look(0.5), saw(mask=blank))
    mean = _mean_mask([(Look(), saw(mask=mask)), (Look(mirrored=True), saw(mask=mask.flip(-1))), near])[0]
    assert mean[2, 2] == 1 and mean[16, 10] == pytest.approx(2 / 3) and not mean[:, 18:].any()


@torch.no_grad()
def test_a_net_that_is_told_nothing_looks_four_times_and_keeps_its_mesh_when_it_sees_alike(monkeypatch):
    torch.manual_seed(1)
    net = build_net(ModelConfig(), Surface.load()).eval()
    sizes = []
    net.correspondence_net.register_forward_hook(lambda module, given, out: sizes.append(given[0].shape))
    images = torch.rand(2, 3, 64, 64)
    answer = answer_from_looks(net, images)
    assert sizes == [images.shape] * 4
    assert answer.correspondence.iuv.mask.shape == net(images).correspondence.iuv.mask.shape
    monkeypatch.setattr("meshrec.models.looks._FURTHER_LOOKS", ())
    twice = answer_from_looks(net, images)
    assert (answer.joints - twice.joints).abs().max() > 1e-3
    torch.testing.assert_close(answer.camera.to_vector(), twice.camera.to_vector(), atol=0.05, rtol=0)


def test_only_nets_with_named_joints_and_a_symmetric_atlas_are_asked_twice(net):
    assert can_mirror(net)
    assert not can_mirror(build_net(ModelConfig(form="paper"), Surface.load()))
    lopsided = net.location_net.reference_map.clone()
    try:
        net.location_net.reference_map[0, :, 3] += 0.02
        assert not can_mirror(net)
    finally:
        net.location_net.reference_map.copy_(lopsided)
