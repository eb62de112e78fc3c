"""Linear blend skinning against a loop over vertices, smplx, and what must hold for any body."""

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from meshrec.geometry.rotations import axis_angle_to_matrix, random_rotation_matrix
from meshrec.geometry.skinning import blend_shapes, kinematic_chain, linear_blend_skinning
from tests.reference import geometry_loops
from tests.support.solids import random_body


def random_state(batch: tuple[int, ...], joints: int = 6, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    betas = torch.randn(*batch, 4, generator=generator, dtype=torch.float64)
    return betas, random_rotation_matrix((*batch, joints), generator=generator, dtype=torch.float64)


def skin(body: dict, betas: torch.Tensor, rotations: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return linear_blend_skinning(
        **body, betas=betas, global_orient=rotations[..., 0, :, :], body_pose=rotations[..., 1:, :, :]
    )


def test_rest_pose_and_mean_shape_give_the_template():
    body = random_body()
    vertices, joints = skin(body, torch.zeros(1, 4).double(), torch.eye(3).double().expand(1, 6, 3, 3))
    assert torch.allclose(vertices[0], body["template_vertices"])
    assert torch.allclose(joints[0], body["joint_regressor"] @ body["template_vertices"])


def test_skinning_agrees_with_a_loop_over_vertices_and_joints():
    body = random_body()
    arrays = {name: np.asarray(value) for name, value in body.items()}
    betas, rotations = random_state((3,))
    vertices, joints = skin(body, betas, rotations)
    for i in range(3):
        expected = geometry_loops.skinned_body(arrays, betas[i].numpy(), rotations[i].numpy())
        assert np.abs(vertices[i].numpy() - expected[0]).max() < 1e-12
        assert np.abs(joints[i].numpy() - expected[1]).max() < 1e-12


def test_skinning_agrees_with_smplx():
    lbs = pytest.importorskip("smplx.lbs", reason="needs the smplx package")
    body = random_body(dtype=torch.float32)
    betas, rotations = (part.float() for part in random_state((4,)))
    vertices, joints = skin(body, betas, rotations)
    names = ("template_vertices", "shape_directions", "pose_directions", "joint_regressor")
    arrays = [body[name] for name in names]
    expected = lbs.lbs(
        betas, rotations, *arrays, torch.tensor(body["parents"]), body["skinning_weights"], pose2rot=False
    )
    assert (vertices - expected[0]).abs().max() < 1e-5 and (joints - expected[1]).abs().max() < 1e-5


def test_turning_the_root_turns_the_body_about_its_root_joint():
    body = random_body()
    betas, rotations = random_state((1,))
    vertices, joints = skin(body, betas, rotations)
    turn = axis_angle_to_matrix(torch.tensor([0.3, -0.8, 0.5], dtype=torch.float64))
    turned = torch.cat([turn @ rotations[:, :1], rotations[:, 1:]], 1)
    turned_vertices, turned_joints = skin(body, betas, turned)
    root = joints[:, :1]
    assert not torch.allclose(turned_vertices, vertices)
    assert torch.allclose(turned_vertices, (vertices - root) @ turn.T + root)
    assert torch.allclose(turned_joints, (joints - root) @ turn.T + root)


def test_bones_keep_their_length_under_any_pose():
    body = random_body()
    betas, rotations = random_state((1,))
    _, posed = skin(body, betas, rotations)
    _, rest = skin(body, betas, torch.eye(3).double().expand(1, 6, 3, 3))
    parents = list(body["parents"][1:])
    lengths = [(joints[0, 1:] - joints[0, parents]).norm(dim=-1) for joints in (posed, rest)]
    assert torch.allclose(*lengths) and not torch.allclose(posed, rest)


def test_leaf_joint_moves_only_the_vertices_that_it_drives():
    body = random_body()
    body["pose_directions"] = torch.zeros_like(body["pose_directions"])
    body["skinning_weights"] = torch.eye(6, dtype=torch.float64)[torch.arange(40) % 6]
    betas, rotations = random_state((1,))
    before, _ = skin(body, betas, rotations)
    rotations = torch.cat([rotations[:, :5], rotations[:, 5:].mT], 1)
    after, _ = skin(body, betas, rotations)
    moved = (after - before).norm(dim=-1)[0] > 1e-9
    assert torch.equal(moved, torch.arange(40) % 6 == 5)


def test_batches_of_any_rank_equal_singles():
    body = random_body()
    betas, rotations = random_state((2, 3))
    vertices, joints = skin(body, betas, rotations)
    assert vertices.shape == (2, 3, 40, 3) and joints.shape == (2, 3, 6, 3)
    single_vertices, single_joints = skin(body, betas[1, 2], rotations[1, 2])
    assert torch.allclose(vertices[1, 2], single_vertices) and torch.allclose(joints[1, 2], single_joints)


def test_gradient_is_right_for_shape_and_pose_at_rest():
    body = random_body(vertices=5)
    axis_angle = torch.zeros(6, 3, dtype=torch.float64, requires_grad=True)
    betas = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda b, a: skin(body, b, axis_angle_to_matrix(a)), (betas, axis_angle))


def test_fewer_coefficients_than_directions_mean_zeros():
    directions = torch.randn(7, 3, 5)
    few = torch.randn(2, 3)
    assert torch.allclose(
        blend_shapes(few, directions), blend_shapes(torch.cat([few, torch.zeros(2, 2)], 1), directions)
    )
    with pytest.raises(ValueError, match="coefficients: expected at most 5 values.* got 6"):
        blend_shapes(torch.zeros(6), directions)


@pytest.mark.parametrize("parents", [(0, 0, 1), (-1, 2, 0), (-1, -1, 0)])
def test_parents_out_of_order_are_refused(parents):
    with pytest.raises(ValueError, match="parents: expected -1 for the first joint"):
        kinematic_chain(torch.eye(3).expand(3, 3, 3), torch.zeros(3, 3), parents)


def test_body_pose_of_another_skeleton_is_named():
    betas, rotations = random_state((1,), joints=5)
    with pytest.raises(ValueError, match="body_pose"):
        skin(random_body(), betas, rotations)


def test_arguments_are_not_written_to():
    body = random_body()
    before = {name: value.clone() for name, value in body.items() if isinstance(value, torch.Tensor)}
    betas, rotations = random_state((1,))
    kept = betas.clone(), rotations.clone()
    skin(body, betas, rotations)
    assert all(torch.equal(body[name], value) for name, value in before.items())
    assert torch.equal(kept[0], betas) and torch.equal(kept[1], rotations)
