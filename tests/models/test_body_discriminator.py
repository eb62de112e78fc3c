import torch

from meshrec.geometry.rotations import axis_angle_to_matrix, random_rotation_matrix
from meshrec.losses import discriminator_loss
from meshrec.models import BodyDiscriminator
from meshrec.structures import BodyParams

JOINT, POSE, SHAPE = 3, 23, 24


def random_bodies(count=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    rotations = random_rotation_matrix((count, 24), generator=generator)
    return BodyParams(torch.randn(count, 10, generator=generator), rotations[:, 0], rotations[:, 1:])


def judge(seed=1):
    torch.manual_seed(seed)
    return BodyDiscriminator()


def test_there_are_25_judgements_and_as_many_weights_as_in_the_paper():
    net = judge()
    assert net(random_bodies()).shape == (4, 25)
    shared, joints = (9 * 32 + 32) + (32 * 32 + 32), 23 * 33
    pose = (23 * 32 * 1024 + 1024) + (1024 * 1024 + 1024) + 1025
    shape = (10 * 10 + 10) + (10 * 5 + 5) + 6
    assert sum(weights.numel() for weights in net.parameters()) == shared + joints + pose + shape


def test_each_judgement_reads_its_own_part_of_the_body():
    net, bodies, others = judge(), random_bodies(seed=2), random_bodies(seed=3)
    before = net(bodies)
    body_pose = bodies.body_pose.clone()
    body_pose[:, JOINT] = others.body_pose[:, JOINT]
    changed = net(BodyParams(bodies.betas, bodies.global_orient, body_pose)) != before
    assert changed.all(dim=0).nonzero().flatten().tolist() == [JOINT, POSE]
    changed = net(BodyParams(others.betas, bodies.global_orient, bodies.body_pose)) != before
    assert changed.any(dim=0).nonzero().flatten().tolist() == [SHAPE]
    changed = net(BodyParams(bodies.betas, others.global_orient, bodies.body_pose)) != before
    assert not changed.any(), "the way a person turns was read"


def test_joints_share_two_layers_but_not_the_last():
    net = judge()
    same = torch.eye(3).expand(1, 23, 3, 3)
    judged = net(BodyParams(torch.zeros(1, 10), torch.eye(3)[None], same))[0, :POSE]
    by_hand = [
        weight @ net.of_rotation(torch.eye(3).flatten()) + bias
        for weight, bias in zip(net.each_joint.weight[..., 0], net.each_joint.bias, strict=True)
    ]
    torch.testing.assert_close(judged, torch.stack(by_hand))
    assert judged.unique().numel() == POSE


def test_every_weight_gets_a_gradient():
    net = judge()
    net(random_bodies(64)).square().sum().backward()
    assert [name for name, weights in net.named_parameters() if not weights.grad.abs().max() > 0] == []


def test_a_few_steps_tell_bent_bodies_from_random_ones():
    torch.manual_seed(4)
    net = BodyDiscriminator(pose_width=64)
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)

    def recorded(seed):
        """Every joint is bent by less than half a radian or so."""
        bodies = random_bodies(32, seed)
        bend = axis_angle_to_matrix(0.3 * torch.randn(32, 23, 3, generator=torch.Generator().manual_seed(seed)))
        return BodyParams(0.5 * bodies.betas, bodies.global_orient, bend)

    for step in range(60):
        optimizer.zero_grad()
        discriminator_loss(net(recorded(step)), net(random_bodies(32, 1000 + step))).backward()
        optimizer.step()
    real, made = net(recorded(5000))[:, POSE], net(random_bodies(32, 6000))[:, POSE]
    assert real.min() > made.max()
