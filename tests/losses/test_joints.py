import torch

from meshrec import losses


def test_joint_loss_2d_weighs_squares_by_confidence():
    joints = torch.zeros(1, 2, 2)
    target = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])
    value = losses.joint_loss_2d(joints, target, torch.tensor([[3.0, 1.0]]))
    torch.testing.assert_close(value, torch.tensor((3 * 1 + 1 * 4) / (2 * 4.0)))


def test_joint_loss_3d_ignores_translation_and_sees_rotation():
    joints = torch.randn(2, 5, 3)
    target = joints + torch.tensor([1.0, -2.0, 3.0])
    assert losses.joint_loss_3d(joints, target, torch.ones(2, 5), (1, 2)) < 1e-6
    assert losses.joint_loss_3d(joints, target.flip(-1), torch.ones(2, 5), (1, 2)) > 0.1


def test_joint_loss_3d_is_centred_between_the_hips():
    joints = torch.zeros(1, 3, 3)
    target = torch.zeros(1, 3, 3)
    target[0, 1, 0] = 0.4  # a hip moves, so the centre moves by 0.2
    value = losses.joint_loss_3d(joints, target, torch.ones(1, 3), (1, 2))
    torch.testing.assert_close(value, torch.tensor(3 * 0.2 / 9))


def test_absolute_joint_loss_2d_weighs_lengths_by_confidence():
    joints = torch.zeros(1, 2, 2)
    target = torch.tensor([[[1.0, 0.0], [0.0, -2.0]]])
    value = losses.joint_loss_2d_l1(joints, target, torch.tensor([[3.0, 1.0]]))
    torch.testing.assert_close(value, torch.tensor((3 * 1 + 1 * 2) / (2 * 4.0)))


def test_squared_joint_loss_3d_is_centred_between_the_hips():
    joints = torch.zeros(1, 3, 3)
    target = torch.zeros(1, 3, 3)
    target[0, 1, 0] = 0.4  # a hip moves, so the centre moves by 0.2
    value = losses.squared_joint_loss_3d(joints, target, torch.ones(1, 3), (1, 2))
    torch.testing.assert_close(value, torch.tensor(3 * 0.04 / 9))


def test_robust_loss_is_the_square_near_zero_and_bounded_far_away():
    target, confidence = torch.zeros(1, 1, 2), torch.ones(1, 1)
    near = losses.robust_joint_loss_2d(torch.tensor([[[0.003, 0.004]]]), target, confidence, sigma=0.5)
    torch.testing.assert_close(near, torch.tensor(2.5e-5), atol=1e-8, rtol=1e-3)
    at_sigma = losses.robust_joint_loss_2d(torch.tensor([[[0.5, 0.0]]]), target, confidence, sigma=0.5)
    torch.testing.assert_close(at_sigma, torch.tensor(0.125))
    far = torch.tensor([[[50.0, 0.0]]], requires_grad=True)
    value = losses.robust_joint_loss_2d(far, target, confidence, sigma=0.5)
    value.backward()
    assert value < 0.25
    assert far.grad.abs().max() < 1e-4


def test_heatmap_loss_vanishes_for_the_true_gaussian_and_grows_with_distance():
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    target = torch.tensor([[[0.125, -0.25]]])  # column 8.5, row 5.5 in pixel centres
    values = []
    for shift in (0.0, 1.0, 3.0):
        logits = -0.5 * ((columns - 8.5 - shift) ** 2 + (rows - 5.5) ** 2)
        values.append(losses.heatmap_loss(logits[None, None], target, torch.ones(1, 1)).item())
    assert abs(values[0]) < 1e-5
    assert values[0] < values[1] < values[2]
    assert abs(values[1] - 0.5) < 0.01  # two unit Gaussians one apart: half a nat


def test_joints_outside_the_crop_are_left_out_of_the_heatmaps():
    heatmaps = torch.randn(1, 2, 8, 8, requires_grad=True)
    target = torch.tensor([[[0.0, 0.0], [1.2, 0.0]]])
    losses.heatmap_loss(heatmaps, target, torch.ones(1, 2)).backward()
    assert heatmaps.grad[0, 0].abs().max() > 0
    assert heatmaps.grad[0, 1].abs().max() == 0
