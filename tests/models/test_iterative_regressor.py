import pytest
import torch

from meshrec.geometry.rotations import random_rotation_matrix, rotation_6d_to_matrix
from meshrec.models import IterativeRegressor, MeanBody


def small(seed=1, *, gain=1.0, **options):
    """A regressor of five joints and three betas with weights large enough for every step to matter."""
    torch.manual_seed(seed)
    mean = MeanBody(random_rotation_matrix((5,))[..., :2].clone(), torch.randn(3), torch.tensor([0.9, 0.1, -0.2]))
    net = IterativeRegressor(7, joints=5, betas=3, width=16, mean=mean, **options)
    for head in (net.pose_head, net.betas_head, net.camera_head):
        torch.nn.init.normal_(head.weight, std=gain * 0.2)
        torch.nn.init.normal_(head.bias, std=gain * 0.2)
    return net.eval()


def slow_twin(net, feature, relu):
    """The estimates for one feature vector, in the words of the paper: one list of numbers, corrected three times."""

    def layer(name, x):
        weight, bias = (net.state_dict()[f"{name}.{kind}"] for kind in ("weight", "bias"))
        return [
            sum(w * v for w, v in zip(row.tolist(), x, strict=True)) + b
            for row, b in zip(weight, bias.tolist(), strict=True)
        ]

    theta = [*net.mean_pose.flatten().tolist(), *net.mean_betas.tolist(), *net.mean_camera.tolist()]
    for _ in range(3):
        x = [*feature.tolist(), *theta]
        for name in ("fc1", "fc2"):
            x = [max(v, 0.0) if relu else v for v in layer(name, x)]
        change = layer("pose_head", x) + layer("betas_head", x) + layer("camera_head", x)
        theta = [a + b for a, b in zip(theta, change, strict=True)]
        yield theta


@pytest.mark.parametrize("relu", [True, False])
def test_regressor_equals_its_slow_twin_after_every_step(relu):
    net, features = small(relu=relu), torch.randn(2, 7)
    estimates = net(features)
    assert len(estimates) == 3
    for person in range(2):
        for estimate, theta in zip(estimates, slow_twin(net, features[person], relu), strict=True):
            rotations = rotation_6d_to_matrix(torch.tensor(theta[:30]).reshape(5, 3, 2))
            params = estimate.params[person]
            torch.testing.assert_close(params.global_orient[0], rotations[0], atol=1e-5, rtol=0)
            torch.testing.assert_close(params.body_pose[0], rotations[1:], atol=1e-5, rtol=0)
            torch.testing.assert_close(params.betas[0], torch.tensor(theta[30:33]), atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(estimate.camera.to_vector()[person], torch.tensor(theta[33:]), atol=1e-5, rtol=0)


def test_the_two_forms_give_different_bodies_with_the_same_weights():
    features = torch.randn(2, 7)
    with_relu, without = (small(relu=relu)(features)[-1].params.body_pose for relu in (True, False))
    assert (with_relu - without).abs().max() > 1e-2


def test_without_corrections_every_step_is_the_mean_body():
    net = small(relu=False, gain=0.0)
    for estimate in net(torch.randn(2, 7)):
        torch.testing.assert_close(estimate.params.global_orient[1], rotation_6d_to_matrix(net.mean_pose[0]))
        torch.testing.assert_close(estimate.params.betas, net.mean_betas.expand(2, 3))
        torch.testing.assert_close(estimate.camera.to_vector(), net.mean_camera.expand(2, 3))


def test_an_untrained_regressor_starts_close_to_the_mean_body():
    torch.manual_seed(2)
    net = IterativeRegressor(64, relu=True).eval()
    params = net(torch.rand(4, 64))[-1].params
    mean = rotation_6d_to_matrix(net.mean_pose)
    assert (params.body_pose - mean[1:]).abs().max() < 0.1


def test_batch_equals_single_people():
    net, features = small(relu=True), torch.randn(3, 7)
    whole = net(features)[-1]
    for person in range(3):
        alone = net(features[person : person + 1])[-1]
        torch.testing.assert_close(alone.params.body_pose[0], whole.params.body_pose[person])
        torch.testing.assert_close(alone.camera.scale[0], whole.camera.scale[person])


def test_the_mean_is_learnt_only_where_that_is_asked_for():
    for learn_mean in (False, True):
        net = small(relu=True, learn_mean=learn_mean)
        assert {"mean_pose", "mean_betas", "mean_camera"} <= net.state_dict().keys()
        learnt = {name for name, _ in net.named_parameters() if name.startswith("mean_")}
        assert len(learnt) == (3 if learn_mean else 0)
    last = net(torch.randn(2, 7))[-1]
    (last.params.body_pose.sum() + last.params.global_orient.sum() + last.params.betas.sum()
     + last.camera.to_vector().sum()).backward()  # fmt: skip
    assert [name for name, weights in net.named_parameters() if weights.grad is None] == []


def test_training_leaves_out_values_and_evaluation_does_not():
    net, features = small(relu=False).train(), torch.randn(2, 7)
    assert (net(features)[-1].params.betas - net(features)[-1].params.betas).abs().max() > 1e-3
    net.eval()
    assert torch.equal(net(features)[-1].params.betas, net(features)[-1].params.betas)


def test_rotations_stay_exact_in_half_precision():
    net, features = small(relu=True), torch.randn(2, 7)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        params = net(features)[-1].params
    assert params.body_pose.dtype == torch.float32
    identity = params.body_pose @ params.body_pose.mT
    torch.testing.assert_close(identity, torch.eye(3).expand_as(identity), atol=1e-5, rtol=0)


def test_a_mean_of_another_body_and_features_of_another_length_are_refused():
    with pytest.raises(ValueError, match="mean_pose"):
        IterativeRegressor(7, joints=22, relu=True)
    with pytest.raises(ValueError, match="features"):
        small(relu=True)(torch.randn(2, 8))
