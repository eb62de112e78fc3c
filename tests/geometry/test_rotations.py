"""Rotations in every notation, at and away from the angles where formulas break."""

import math

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from meshrec.geometry.rotations import (
    axis_angle_to_matrix,
    cross_product_matrix,
    matrix_to_axis_angle,
    matrix_to_quat_wxyz,
    matrix_to_rotation_6d,
    quat_wxyz_to_matrix,
    random_rotation_matrix,
    rotation_6d_to_matrix,
    rotation_about_x,
    rotation_about_y,
    rotation_about_z,
    rotation_angle_rad,
)
from tests.reference import geometry_loops

EYE = torch.eye(3, dtype=torch.float64)
AXES = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (-1, 0, 0), (0.6, 0.8, 0), (0, -0.6, 0.8), (0.48, 0.6, 0.64)]
ANGLES = [0.0, 1e-9, 1e-5, 0.0316, 0.0317, 1.0, math.pi / 2, 2.5, math.pi - 1e-3, math.pi - 1e-7, math.pi]


def rotations(count: int, seed: int = 0) -> torch.Tensor:
    return random_rotation_matrix((count,), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def axis_angles() -> torch.Tensor:
    """Every axis at every angle: (77, 3), with the singular ones."""
    axes, angles = torch.tensor(AXES, dtype=torch.float64), torch.tensor(ANGLES, dtype=torch.float64)
    return (angles[:, None, None] * axes).flatten(0, 1)


def test_zero_vector_is_the_identity():
    assert torch.equal(axis_angle_to_matrix(torch.zeros(2, 3)), torch.eye(3).expand(2, 3, 3))


def test_axis_angle_agrees_with_the_matrix_exponential_beyond_pi_too():
    vectors = torch.cat([axis_angles(), 2.3 * axis_angles()])
    expected = np.array([geometry_loops.rotation_by_exponential(vector) for vector in vectors.numpy()])
    assert np.abs(axis_angle_to_matrix(vectors).numpy() - expected).max() < 1e-12


def test_axis_angle_round_trip_recovers_vectors_up_to_the_sign_at_pi():
    vectors = axis_angles()
    back = matrix_to_axis_angle(axis_angle_to_matrix(vectors))
    error = torch.minimum((back - vectors).norm(dim=-1), (back + vectors).norm(dim=-1))
    at_pi = vectors.norm(dim=-1) > math.pi - 1e-6
    assert error.max() < 1e-7  # within 1e-7 of pi half the digits of the angle are lost in the matrix
    assert (back - vectors)[~at_pi].norm(dim=-1).max() < 1e-10


def test_axis_angle_round_trip_holds_in_float32():
    vectors = axis_angles()[:56].float()
    assert (matrix_to_axis_angle(axis_angle_to_matrix(vectors)) - vectors).abs().max() < 2e-6


@pytest.mark.parametrize("angle", [0.0, 1e-8, 1e-3, 0.0316, 0.5, 3.0, math.pi, 2 * math.pi, 7.0])
def test_axis_angle_gradient_is_right_at_every_angle(angle):
    vector = (angle * torch.tensor(AXES, dtype=torch.float64)).requires_grad_()
    assert gradcheck(axis_angle_to_matrix, vector)


def test_axis_angle_to_matrix_stays_a_rotation_for_tiny_and_huge_float32_vectors():
    vectors = torch.randn(200, 3, generator=torch.Generator().manual_seed(0)) * torch.logspace(-20, 2, 200)[:, None]
    matrices = axis_angle_to_matrix(vectors)
    assert (matrices @ matrices.mT - torch.eye(3)).abs().max() < 1e-5


@pytest.mark.parametrize("angle", ANGLES)
def test_gradient_through_matrix_to_axis_angle_and_back_is_right_at_every_angle(angle):
    # The sign of the axis jumps at pi, but the rotation that it stands for does not.
    matrices = axis_angle_to_matrix(angle * torch.tensor(AXES, dtype=torch.float64)).requires_grad_()
    assert gradcheck(lambda m: axis_angle_to_matrix(matrix_to_axis_angle(m)), matrices)
    (gradient,) = torch.autograd.grad(matrix_to_axis_angle(matrices).sum(), matrices)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("angle", [0.0, 1e-6, 0.5, 2.0, 3.0])
def test_matrix_to_axis_angle_gradient_is_right_away_from_pi(angle):
    assert gradcheck(matrix_to_axis_angle, axis_angle_to_matrix(angle * torch.tensor(AXES).double()).requires_grad_())


def test_quaternion_rotates_as_the_hamilton_product_does():
    quaternions = torch.nn.functional.normalize(torch.randn(9, 4, dtype=torch.float64), dim=-1)
    point = np.array([0.3, -1.2, 0.7])
    expected = np.array([geometry_loops.rotate_by_quaternion(quaternion, point) for quaternion in quaternions.numpy()])
    assert np.abs(quat_wxyz_to_matrix(quaternions).numpy() @ point - expected).max() < 1e-12


def test_quaternion_length_and_sign_do_not_matter():
    quaternions = torch.randn(5, 4, dtype=torch.float64)
    assert torch.allclose(quat_wxyz_to_matrix(quaternions), quat_wxyz_to_matrix(-7.5 * quaternions), atol=1e-14)


def test_quaternion_round_trip_passes_every_branch():
    matrices = torch.cat([axis_angle_to_matrix(axis_angles()), rotations(100)])
    quaternions = matrix_to_quat_wxyz(matrices)
    assert set(quaternions.abs().argmax(-1).tolist()) == {0, 1, 2, 3}
    assert (quaternions[:, 0] >= 0).all() and torch.allclose(
        quaternions.norm(dim=-1), torch.ones(len(matrices)).double()
    )
    assert (quat_wxyz_to_matrix(quaternions) - matrices).abs().max() < 1e-12


def test_quaternion_gradients_are_right_near_every_branch():
    # Equal components are where the choice of the row changes hands.
    tied = [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 0, -1), (1, 1, 0, 0), (0, 1, 1, 0), (1, 1, 1, 1), (1, -1, 1, -1)]
    quaternions = torch.tensor(tied, dtype=torch.float64).requires_grad_()
    assert gradcheck(quat_wxyz_to_matrix, quaternions)
    matrices = quat_wxyz_to_matrix(quaternions.detach()).requires_grad_()
    # Off SO(3) the branches differ, so the matrix is moved along it.
    turn = torch.zeros(len(tied), 3, dtype=torch.float64, requires_grad=True)
    assert gradcheck(
        lambda t: quat_wxyz_to_matrix(matrix_to_quat_wxyz(axis_angle_to_matrix(t) @ matrices.detach())), turn
    )
    assert torch.autograd.grad(matrix_to_quat_wxyz(matrices).sum(), matrices)[0].isfinite().all()


def test_zero_quaternion_is_the_identity_with_a_finite_gradient():
    quaternion = torch.zeros(4, requires_grad=True)
    matrix = quat_wxyz_to_matrix(quaternion)
    matrix.sum().backward()
    assert torch.equal(matrix, torch.eye(3)) and quaternion.grad.isfinite().all()


def test_6d_round_trip_ignores_lengths_and_shear():
    matrices = rotations(20)
    assert torch.allclose(rotation_6d_to_matrix(matrix_to_rotation_6d(matrices)), matrices)
    sheared = matrix_to_rotation_6d(matrices) @ torch.tensor([[3.0, -2.0], [0.0, 0.5]], dtype=torch.float64)
    assert torch.allclose(rotation_6d_to_matrix(sheared), matrices)


def test_6d_keeps_the_direction_of_the_first_column():
    columns = torch.randn(10, 3, 2)
    first = rotation_6d_to_matrix(columns)[..., 0]
    assert torch.allclose(first, torch.nn.functional.normalize(columns[..., 0], dim=-1), atol=1e-6)


@pytest.mark.parametrize("second", [(0, 0, 0), (2, 4, 6), (-1e-3, -2e-3, -3e-3)])
@pytest.mark.parametrize("first", [(0, 0, 0), (1, 2, 3), (1e-20, 2e-20, 3e-20)])
def test_degenerate_6d_still_gives_a_rotation_and_a_finite_gradient(first, second):
    columns = torch.tensor([first, second], dtype=torch.float32).T.contiguous().requires_grad_()
    matrix = rotation_6d_to_matrix(columns)
    matrix.sum().backward()
    assert torch.allclose(matrix @ matrix.T, torch.eye(3), atol=1e-6) and torch.linalg.det(matrix) > 0.99
    assert columns.grad.isfinite().all()


def test_6d_gradient_is_right():
    assert gradcheck(rotation_6d_to_matrix, torch.randn(4, 3, 2, dtype=torch.float64, requires_grad=True))


def test_angle_is_that_of_the_vector_and_ignores_a_common_turn():
    vectors = axis_angles()
    matrices, common = axis_angle_to_matrix(vectors), rotations(1)[0]
    assert torch.allclose(rotation_angle_rad(matrices), vectors.norm(dim=-1), atol=1e-12)
    assert torch.allclose(rotation_angle_rad(common @ matrices, common), vectors.norm(dim=-1), atol=1e-12)
    assert torch.allclose(rotation_angle_rad(matrices @ common, common), vectors.norm(dim=-1), atol=1e-12)


def test_small_angles_survive_float32():
    # The arc cosine of the trace would give 0 or 3.5e-4 here.
    assert rotation_angle_rad(rotation_about_z(torch.tensor(1e-4))).item() == pytest.approx(1e-4, rel=1e-3)


@pytest.mark.parametrize("angle", [0.0, 1e-3, 1.0, 3.0, math.pi])
def test_angle_gradient_is_finite_everywhere_and_right_off_the_kinks(angle):
    matrices = axis_angle_to_matrix(angle * torch.tensor(AXES, dtype=torch.float64)).requires_grad_()
    (gradient,) = torch.autograd.grad(rotation_angle_rad(matrices).sum(), matrices)
    assert gradient.isfinite().all()
    if 0 < angle < math.pi:
        assert gradcheck(rotation_angle_rad, matrices, eps=1e-8, atol=1e-4)


@pytest.mark.parametrize("rotate, axis", [(rotation_about_x, 0), (rotation_about_y, 1), (rotation_about_z, 2)])
def test_rotation_about_an_axis_is_its_axis_angle(rotate, axis):
    angle = torch.tensor([0.3, -2.0], dtype=torch.float64)
    assert torch.allclose(rotate(angle), axis_angle_to_matrix(angle[:, None] * EYE[axis]))


def test_cross_product_matrix_crosses():
    vector, point = torch.randn(2, 6, 3)
    product = (cross_product_matrix(vector) @ point[..., None]).squeeze(-1)
    assert torch.allclose(product, torch.linalg.cross(vector, point), atol=1e-6)


def test_random_rotations_are_uniform_and_repeat_with_the_generator():
    matrices = rotations(20000, seed=3)
    assert torch.allclose(torch.linalg.det(matrices), torch.ones(20000, dtype=torch.float64))
    assert matrices.mean(0).abs().max() < 0.02  # four standard errors of 1 / sqrt(3 * 20000)
    # Haar measure: the mean angle is pi / 2 + 2 / pi.
    assert rotation_angle_rad(matrices).mean().item() == pytest.approx(math.pi / 2 + 2 / math.pi, abs=0.02)
    assert torch.equal(rotations(5, seed=3), rotations(5, seed=3))
    assert not torch.equal(rotations(5, seed=3), rotations(5, seed=4))


@pytest.mark.parametrize(
    "convert, shape",
    [(axis_angle_to_matrix, (3,)), (quat_wxyz_to_matrix, (4,)), (rotation_6d_to_matrix, (3, 2))],
)
def test_batches_of_any_rank_equal_singles_and_keep_the_dtype(convert, shape):
    for dtype in (torch.float32, torch.float64):
        batch = torch.randn(2, 3, *shape, dtype=dtype)
        result = convert(batch)
        singles = torch.stack([torch.stack([convert(item) for item in row]) for row in batch])
        assert result.shape == (2, 3, 3, 3) and result.dtype == dtype
        assert torch.allclose(result, singles, atol=1e-6)


@pytest.mark.parametrize(
    "convert, shape, pattern",
    [
        (axis_angle_to_matrix, (5, 4), r"axis_angle .*\(\.\.\., 3\).*\(5, 4\)"),
        (quat_wxyz_to_matrix, (5, 3), r"quaternion .*\(\.\.\., 4\).*\(5, 3\)"),
        (rotation_6d_to_matrix, (5, 6), r"columns .*\(\.\.\., 3, 2\).*\(5, 6\)"),
        (matrix_to_quat_wxyz, (4, 4), r"rotation .*\(\.\.\., 3, 3\).*\(4, 4\)"),
    ],
)
def test_wrong_shape_is_named(convert, shape, pattern):
    with pytest.raises(ValueError, match=pattern):
        convert(torch.zeros(shape))
