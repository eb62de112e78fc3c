import pytest
import torch
from torch import nn

from meshrec.body import BodyModel
from meshrec.models import Hmr, IterativeRegressor
from meshrec.models.hmr_variants import light_hmr, paper_hmr, spin_hmr

MIB = 2**20


class TinyBackbone(nn.Module):
    """Two maps, with batch statistics and a gradient of their own."""

    channels = (4, 8)

    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 4, 3, 4, 1), nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 8, 3, 2, 1)

    def forward(self, x):
        fine = self.norm(self.first(x))
        return [fine, self.second(fine)]


def tiny(seed=1, **options):
    torch.manual_seed(seed)
    return Hmr(TinyBackbone(), IterativeRegressor(8, width=32, relu=True), **options)


def count(net, *left_out):
    return sum(weights.numel() for name, weights in net.named_parameters() if not name.startswith(left_out or ("\n",)))


def test_published_forms_have_the_published_sizes():
    assert count(spin_hmr()) == 23_508_032 + 3_469_469  # ResNet-50 without classifier, and the regressor
    assert count(paper_hmr()) == count(spin_hmr()) + 157  # the mean is learnt
    assert paper_hmr().regressor.relu and not spin_hmr().regressor.relu


def test_light_form_adds_at_most_three_mebibytes_to_the_net_whose_weights_it_shares():
    net = light_hmr()
    assert 2 * count(net, "backbone.") <= 3 * MIB
    assert count(net, "backbone.") < count(net) / 5


def test_output_is_the_last_step_and_remembers_the_others():
    output = tiny().eval()(torch.rand(2, 3, 32, 32))
    assert len(output.steps) == 3
    assert output.params is output.steps[-1].params and output.camera is output.steps[-1].camera
    every = output.every_params
    assert len(every) == 6
    assert torch.equal(every.body_pose[2:4], output.steps[1].params.body_pose)
    assert torch.equal(every.global_orient[4:], output.params.global_orient)
    assert not torch.equal(every.betas[:2], every.betas[4:])


def test_pictures_are_normalised_as_the_encoders_expect():
    net, seen = tiny().eval(), []
    net.backbone.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    grey = torch.tensor([0.485, 0.456, 0.406])[:, None, None].expand(1, 3, 32, 32)
    net(grey)
    net(grey + torch.tensor([0.229, 0.224, 0.225])[:, None, None])
    torch.testing.assert_close(seen[0], torch.zeros(1, 3, 32, 32))
    torch.testing.assert_close(seen[1], torch.ones(1, 3, 32, 32))


def test_a_shared_net_gets_pictures_as_they_are():
    net, seen, images = tiny(frozen_backbone=True).eval(), [], torch.rand(1, 3, 32, 32)
    net.backbone.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    net(images)
    assert torch.equal(seen[0], images)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_frozen_backbone_neither_learns_nor_counts_batches(frozen):
    net = tiny(frozen_backbone=frozen).train()
    before = net.backbone.norm.running_mean.clone()
    params = net(torch.rand(4, 3, 32, 32)).params
    params.body_pose.sum().backward()
    gradients = [weights.grad is not None and bool(weights.grad.abs().max() > 0)
                 for weights in net.backbone.parameters()]  # fmt: skip
    assert any(gradients) != frozen
    assert torch.equal(net.backbone.norm.running_mean, before) == frozen
    assert net.regressor.fc1.weight.grad.abs().max() > 0


def test_bodies_are_those_of_the_parameters():
    body = BodyModel.from_file()
    output = tiny().eval()(torch.rand(2, 3, 32, 32))
    found = output.bodies(body)
    torch.testing.assert_close(found.vertices, body(output.params).vertices)
    assert found.params is output.params and found.camera is output.camera


def test_light_form_reads_crops_of_any_size_and_one_by_one():
    torch.manual_seed(3)
    net = light_hmr().eval()
    for size in (96, 128, 224):
        images = torch.rand(2, 3, size, size)
        both = net(images).params
        assert both.body_pose.shape == (2, 23, 3, 3)
        torch.testing.assert_close(net(images[1:]).params.body_pose[0], both.body_pose[1], atol=1e-5, rtol=1e-4)


def test_every_weight_that_learns_gets_a_gradient():
    net = light_hmr().train()
    output = net(torch.rand(2, 3, 96, 96))
    (output.every_params.body_pose.square().sum() + output.params.global_orient[:, 0].sum()
     + output.params.betas.square().sum() + output.camera.to_vector().sum()).backward()  # fmt: skip
    without = [name for name, weights in net.named_parameters() if weights.grad is None]
    assert without and all(name.startswith("backbone.") for name in without)
