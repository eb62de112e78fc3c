"""The losses of an HMR's step: which there are, whom they pull on, and that they teach a tiny net."""

import pytest
import torch
from torch import nn

from meshrec.body import BodyModel
from meshrec.data.synthetic.poses import PoseSampler
from meshrec.engine.hmr_task import LOSSES, HmrTask
from meshrec.engine.stages import HMR_NETS, HmrStage
from meshrec.errors import InvalidInput
from meshrec.geometry.projection import project_weak_perspective
from meshrec.models.body_discriminator import BodyDiscriminator
from meshrec.models.hmr import Hmr
from meshrec.models.hmr_in_training import HmrInTraining
from meshrec.models.iterative_regressor import IterativeRegressor
from meshrec.structures import BodyParams, TrainingBatch

ADVERSARIAL = ("adversarial", "discriminator")


class OneMap(nn.Conv2d):
    """A backbone of one layer."""

    def forward(self, x):
        return [super().forward(x)]


class NormedMap(OneMap):
    """The same with batch normalisation."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.norm = nn.BatchNorm2d(self.out_channels)

    def forward(self, x):
        return [self.norm(nn.Conv2d.forward(self, x))]


@pytest.fixture(scope="module")
def task():
    return HmrTask(BodyModel.from_file(), PoseSampler())


def tiny_net(discriminator=True):
    torch.manual_seed(0)
    net = Hmr(OneMap(3, 8, 4, stride=4), IterativeRegressor(8, width=32, relu=True, dropout=0.0))
    return HmrInTraining(net, BodyDiscriminator(pose_width=16) if discriminator else None)


@pytest.fixture(scope="module")
def batch(task):
    """Two people whose brightness tells them apart, everything known of them."""
    rotations = torch.eye(3).expand(2, 24, 3, 3).clone()
    rotations[:, 0] = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    params = BodyParams(
        torch.stack([torch.full((10,), 1.0), torch.full((10,), -1.0)]), rotations[:, 0], rotations[:, 1:]
    )
    posed = task.body(params)
    joints, camera = task.named_joints(posed), torch.tensor([[0.8, 0.1, 0.2], [1.1, -0.1, 0.1]])
    known = torch.ones(2, dtype=torch.bool)
    images = torch.tensor([0.9, 0.1])[:, None, None, None].expand(2, 3, 16, 16).clone()
    return TrainingBatch.unlabelled(images, task.body.vertex_count).replace(
        vertices=posed.vertices, joints=joints, camera=camera, has_mesh=known,
        joints_ndc=project_weak_perspective(joints, camera[:, 0], camera[:, 1:]),
        joint_confidence=torch.ones(2, 30), joint_confidence_3d=torch.ones(2, 30),
    ).with_params(params, known)  # fmt: skip


def stage(*names, nets=HMR_NETS):
    return HmrStage("learn", 1, nets=nets, losses={name: 1.0 for name in names})


def test_a_stage_gets_the_losses_that_it_names(task, batch):
    names = ("rotations", "joints_2d", "betas")
    losses = task.losses(tiny_net(), batch, stage(*names), seed=1)
    assert tuple(losses) == names and all(value.item() > 0 for value in losses.values())
    with pytest.raises(InvalidInput, match="no loss 'pose'; there are adversarial, betas"):
        task.losses(tiny_net(), batch, stage("pose"), seed=1)
    with pytest.raises(InvalidInput, match="set model.discriminator"):
        task.losses(tiny_net(discriminator=False), batch, stage("adversarial"), seed=1)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_reaches_the_net_alone_and_the_discriminators_own_the_discriminator_alone(task, batch, loss):
    net = tiny_net()
    task.losses(net, batch, stage(loss), seed=1)[loss].backward()
    pulled = {
        name for name in HMR_NETS if any(p.grad is not None and p.grad.any() for p in getattr(net, name).parameters())
    }
    assert pulled == ({"discriminator"} if loss == "discriminator" else {"backbone", "regressor"})


def test_a_backbone_that_does_not_learn_keeps_its_batch_statistics(task, batch):
    net = tiny_net()
    net.backbone = NormedMap(3, 8, 4, stride=4)
    for nets, moves in ((("regressor",), False), (("backbone", "regressor"), True)):
        net.train()
        before = net.backbone.norm.running_mean.clone()
        task.losses(net, batch, stage("betas", nets=nets), seed=1)
        assert torch.equal(net.backbone.norm.running_mean, before) != moves
        assert net.regressor.training


@pytest.mark.parametrize("loss", [name for name in LOSSES if name not in (*ADVERSARIAL, "camera_prior")])
def test_nothing_known_costs_nothing(task, loss):
    unknown = TrainingBatch.unlabelled(torch.rand(2, 3, 16, 16), task.body.vertex_count)
    assert task.losses(tiny_net(), unknown, stage(loss), seed=1)[loss].item() == 0


@pytest.mark.parametrize("loss", [name for name in LOSSES if name not in ADVERSARIAL])
def test_the_truth_costs_nothing(task, batch, loss):
    """A net that says exactly what is true; a positive scale has no cost either."""

    class Knowing(nn.Module):
        def forward(self, images):
            from meshrec.models.hmr import HmrOutput
            from meshrec.models.iterative_regressor import BodyEstimate
            from meshrec.structures import WeakPerspectiveCamera

            return HmrOutput((BodyEstimate(batch.params, WeakPerspectiveCamera.from_vector(batch.camera)),))

    assert task.losses(Knowing(), batch, stage(loss), seed=1)[loss].item() == pytest.approx(0, abs=1e-6)


def test_recorded_bodies_follow_from_the_seed_and_have_shapes(task, batch):
    net = tiny_net()
    values = [task.losses(net, batch, stage("discriminator"), seed)["discriminator"].item() for seed in (5, 5, 6)]
    assert values[0] == values[1] != values[2]


def test_a_tiny_net_learns_two_people_and_a_discriminator_to_tell_them_from_recorded_ones(task, batch):
    net = tiny_net()
    names = ("rotations", "betas", "joints_2d", "joints_3d", "camera", "discriminator")
    optimizer = torch.optim.AdamW(net.parameters(), 3e-3)
    history = []
    for seed in range(150):
        optimizer.zero_grad()
        losses = task.losses(net, batch, stage(*names), seed)
        sum(losses.values()).backward()
        optimizer.step()
        history.append({name: value.item() for name, value in losses.items()})
    for name in names:
        first, last = (sum(line[name] for line in lines) for lines in (history[:5], history[-5:]))
        assert last < 0.5 * first, f"{name} went from {first / 5:.3f} to {last / 5:.3f}"
