"""Procrustes alignment, also of reflected, planar and collapsed point sets."""

import pytest
import torch
from torch.autograd import gradcheck

from meshrec.geometry.alignment import Similarity, align_roots, nearest_rotation, procrustes
from meshrec.geometry.rotations import random_rotation_matrix
from tests.reference import geometry_loops


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def similarity(batch: int, seed: int = 5) -> Similarity:
    generator = torch.Generator().manual_seed(seed)
    rotation = random_rotation_matrix((batch,), generator=generator, dtype=torch.float64)
    scale = 0.5 + torch.rand(batch, generator=generator, dtype=torch.float64)
    return Similarity(scale, rotation, torch.randn(batch, 3, generator=generator, dtype=torch.float64))


def residual(found: Similarity, source: torch.Tensor, target: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    return (weights / weights.sum() * (found.apply(source) - target).square().sum(-1)).sum(-1)


def test_aligning_points_with_themselves_changes_nothing():
    points = normal(2, 10, 3)
    found = procrustes(points, points)
    assert torch.allclose(found.rotation, torch.eye(3).double().expand(2, 3, 3))
    assert torch.allclose(found.apply(points), points) and torch.allclose(found.scale, torch.ones(2).double())


def test_known_similarity_is_recovered():
    source, true = normal(4, 10, 3), similarity(4)
    found = procrustes(source, true.apply(source))
    assert torch.allclose(found.scale, true.scale) and torch.allclose(found.rotation, true.rotation)
    assert torch.allclose(found.translation, true.translation)


def test_aligned_points_do_not_depend_on_the_sources_similarity():
    source, target = normal(3, 10, 3), normal(3, 10, 3, seed=1)
    moved = similarity(3).apply(source)
    assert torch.allclose(procrustes(source, target).apply(source), procrustes(moved, target).apply(moved))


def test_residual_is_the_least_possible_also_for_reflected_points():
    mirror = torch.tensor([-1.0, 1, 1], dtype=torch.float64)
    for seed in range(6):
        source, weights = normal(9, 3, seed=seed), normal(9, seed=seed + 50).abs()
        target = (mirror if seed % 2 else 1) * source + 0.3 * normal(9, 3, seed=seed + 100)
        found = procrustes(source, target, weights)
        expected = geometry_loops.best_similarity_residual(source.numpy(), target.numpy(), weights.numpy())
        assert torch.linalg.det(found.rotation).item() == pytest.approx(1)
        assert residual(found, source, target, weights).item() == pytest.approx(expected, rel=1e-9)


def test_weightless_points_do_not_matter():
    source, true = normal(1, 10, 3), similarity(1)
    target, weights = true.apply(source), torch.ones(1, 10, dtype=torch.float64)
    target[:, 3] += 5
    weights[:, 3] = 0
    assert torch.allclose(procrustes(source, target, weights).rotation, true.rotation)
    assert not torch.allclose(procrustes(source, target).rotation, true.rotation)


def test_scale_can_be_kept_at_one():
    source, true = normal(2, 10, 3), similarity(2)
    found = procrustes(source, true.apply(source), with_scale=False)
    assert torch.equal(found.scale, torch.ones(2).double()) and torch.allclose(found.rotation, true.rotation)


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_collapsed_points_give_a_rotation_and_finite_gradients(rank):
    keep = (torch.arange(3) < rank).double()
    source = (normal(8, 3) * keep).requires_grad_()
    target = (normal(8, 3, seed=1) * keep).requires_grad_()
    found = procrustes(source, target)
    found.apply(source).square().sum().backward()
    identity = found.rotation @ found.rotation.T
    assert torch.allclose(identity, torch.eye(3).double()) and torch.linalg.det(found.rotation) > 0.99
    assert source.grad.isfinite().all() and target.grad.isfinite().all()


def test_gradient_is_right_for_general_and_mirrored_points():
    source = normal(6, 3).requires_grad_()
    for target in (normal(6, 3, seed=1), source.detach() * torch.tensor([1.0, 1, -1])):
        target = target.requires_grad_()
        weights = normal(6, seed=2).abs().requires_grad_()
        assert gradcheck(lambda s, t, w: procrustes(s, t, w).apply(s), (source, target, weights))


@pytest.mark.parametrize("values", [(1, 1, 1), (2, 1, 1), (2, 2, 1), (3, 2, 0), (3, 2, -1)])
def test_nearest_rotation_gradient_is_right_where_singular_values_coincide_or_vanish(values):
    turn = random_rotation_matrix((2,), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    matrix = turn[0] @ torch.diag(torch.tensor(values, dtype=torch.float64)) @ turn[1]
    assert gradcheck(nearest_rotation, matrix.requires_grad_())


def test_turn_that_the_points_leave_open_gets_no_gradient():
    matrix = torch.diag(torch.tensor([1.0, 0, 0], dtype=torch.float64))
    jacobian = torch.autograd.functional.jacobian(nearest_rotation, matrix)
    assert (
        torch.equal(jacobian[..., 1:, 1:], torch.zeros(3, 3, 2, 2).double()) and jacobian[..., 0, 1].abs().max() > 0.5
    )


def test_coinciding_source_points_keep_scale_one_and_meet_the_targets_mean():
    target = normal(5, 3)
    found = procrustes(torch.ones(5, 3, dtype=torch.float64), target)
    assert found.scale == 1 and torch.allclose(found.apply(torch.ones(1, 3).double()), target.mean(0))


def test_nearest_rotation_of_a_rotation_is_itself():
    rotation = random_rotation_matrix((5,), dtype=torch.float64)
    assert torch.allclose(nearest_rotation(3 * rotation), rotation)


def test_batch_equals_singles():
    source, target = normal(2, 3, 7, 3), normal(2, 3, 7, 3, seed=1)
    together = procrustes(source, target).apply(source)
    assert torch.allclose(together[1, 2], procrustes(source[1, 2], target[1, 2]).apply(source[1, 2]))


def test_aligned_roots_coincide_and_the_shape_is_kept():
    source, target = normal(2, 5, 3), normal(2, 5, 3, seed=1)
    aligned = align_roots(source, target, root=(1, 3))
    assert torch.allclose(aligned[:, [1, 3]].mean(1), target[:, [1, 3]].mean(1))
    assert torch.allclose(aligned - aligned[:, :1], source - source[:, :1]) and not torch.allclose(aligned, source)


def test_different_point_counts_are_named():
    with pytest.raises(ValueError, match=r"target .*N = 4.*\(5, 3\)"):
        procrustes(torch.zeros(4, 3), torch.zeros(5, 3))
