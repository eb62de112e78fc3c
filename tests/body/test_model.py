"""Posing SMPL-format bodies."""

import numpy as np
import pytest
import torch

from meshrec.body.model import BodyModel
from meshrec.body.smpl_files import check_smpl_arrays
from meshrec.geometry.rotations import random_rotation_matrix
from meshrec.structures.body import BodyParams
from tests.support.smpl_pickles import small_smpl_arrays


@pytest.fixture(scope="module")
def body():
    return BodyModel.from_file()


def random_params(batch: int, joints: int = 24, seed: int = 3) -> BodyParams:
    generator = torch.Generator().manual_seed(seed)
    rotations = random_rotation_matrix((batch, joints), generator=generator)
    return BodyParams(torch.randn(batch, 10, generator=generator), rotations[:, 0], rotations[:, 1:])


def test_rest_pose_of_the_mean_shape_is_the_template(body):
    output = body(BodyParams.rest(1))
    assert torch.allclose(output.vertices[0], body.template_vertices, atol=1e-6)
    assert torch.allclose(output.joints[0], body.joint_regressor @ body.template_vertices, atol=1e-6)


def test_pose_and_shape_agree_with_smplx(body):
    pytest.importorskip("smplx", reason="smplx is not installed")
    from meshrec.body.smplx_adapter import to_smplx

    params = random_params(4)
    ours = body(params)
    # smplx takes rotation vectors; its layer with matrices wants a model folder.
    expected = to_smplx(body, batch=4)(
        betas=params.betas, global_orient=params.global_orient[:, None], body_pose=params.body_pose, pose2rot=False
    )
    assert (ours.vertices - body.template_vertices).abs().max() > 0.5
    assert (ours.vertices - expected.vertices).abs().max() < 1e-5
    assert (ours.joints - expected.joints[:, :24]).abs().max() < 1e-5


def test_a_body_survives_the_way_through_smplx(body):
    pytest.importorskip("smplx", reason="smplx is not installed")
    from meshrec.body.smplx_adapter import from_smplx, to_smplx

    returned = from_smplx(to_smplx(body))
    assert returned.hash == body.hash
    params = random_params(2)
    assert (returned(params).vertices - body(params).vertices).abs().max() < 1e-6


def test_a_batch_equals_its_single_bodies(body):
    params = random_params(3)
    together = body(params)
    for i in range(3):
        alone = body(params[i])
        assert (together.vertices[i] - alone.vertices[0]).abs().max() < 1e-5
        assert (together.joints[i] - alone.joints[0]).abs().max() < 1e-5


def test_fewer_betas_mean_that_the_rest_are_zero(body):
    params = random_params(2)
    few = BodyParams(params.betas[:, :4], params.global_orient, params.body_pose)
    padded = BodyParams(torch.cat([params.betas[:, :4], torch.zeros(2, 6)], 1), params.global_orient, params.body_pose)
    assert torch.allclose(body(few).vertices, body(padded).vertices, atol=1e-6)


def test_turning_the_root_turns_the_body_about_its_pelvis(body):
    params = random_params(2)
    turn = random_rotation_matrix((2,), generator=torch.Generator().manual_seed(9))
    turned = body(BodyParams(params.betas, turn @ params.global_orient, params.body_pose))
    pelvis = body(params).joints[:, :1]
    expected = (body(params).vertices - pelvis) @ turn.mT + pelvis
    assert (turned.vertices - expected).abs().max() < 1e-5


def test_mirrored_pose_gives_the_mirrored_body(body):
    from meshrec.assets import asset_path
    from meshrec.structures.joints import SMPL24

    with np.load(asset_path("body/meshrec_body.npz")) as file:
        mirror = torch.from_numpy(file["mirror_vertex"].astype(np.int64))
    flip = torch.diag(torch.tensor([-1.0, 1.0, 1.0]))
    params = random_params(1)
    joints = torch.tensor(SMPL24.mirror)[1:] - 1
    mirrored = body(
        BodyParams(params.betas, flip @ params.global_orient @ flip, flip @ params.body_pose[:, joints] @ flip)
    )
    difference = mirrored.vertices[:, mirror] @ flip - body(params).vertices
    assert difference.abs().max() < 5e-4  # pose and shape directions are stored in half precision


def test_wrong_numbers_of_joints_and_betas_are_refused(body):
    with pytest.raises(ValueError, match="body_pose"):
        body(BodyParams.rest(1, joints=10))
    with pytest.raises(ValueError, match="coefficients"):
        body(BodyParams.rest(1, betas=11))


def test_hash_names_the_template_and_its_faces():
    arrays = small_smpl_arrays()

    def hash_of(**changes):
        return BodyModel(check_smpl_arrays({**arrays, **changes}, "test")).hash

    assert hash_of() == hash_of(posedirs=arrays["posedirs"] + 1)
    assert hash_of() != hash_of(v_template=arrays["v_template"] + 0.01)
    assert hash_of() != hash_of(f=arrays["f"][::-1])


def test_body_arrays_stay_out_of_checkpoints(body):
    assert not body.state_dict()


def test_gradients_reach_pose_and_shape(body):
    params = random_params(1)
    betas, pose = params.betas.requires_grad_(), params.body_pose.requires_grad_()
    body(BodyParams(betas, params.global_orient, pose)).vertices.square().sum().backward()
    assert betas.grad.abs().min() > 0 and (pose.grad.abs().amax((0, 2, 3)) > 0).all()
