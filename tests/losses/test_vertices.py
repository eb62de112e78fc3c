import torch

from meshrec import losses


def test_vertex_loss_is_the_mean_absolute_difference_of_known_bodies():
    vertices, target = torch.zeros(2, 4, 3), torch.full((2, 4, 3), 0.2)
    target[1] = 9.0
    torch.testing.assert_close(losses.vertex_loss(vertices, target, torch.tensor([1.0, 0.0])), torch.tensor(0.2))


def test_edge_loss_ignores_displacement_and_sees_spikes():
    target, edges = torch.randn(1, 6, 3), torch.tensor([[0, 1], [1, 2], [2, 3]])
    moved = target + torch.tensor([0.3, -0.2, 0.1])
    assert losses.edge_loss(moved, target, edges, torch.ones(1)) < 1e-6
    spike = target.clone()
    spike[0, 1, 0] += 0.6
    torch.testing.assert_close(losses.edge_loss(spike, target, edges, torch.ones(1)), torch.tensor(2 * 0.6 / 9))
