"""Training batches index, concatenate and check as one."""

import pytest
import torch

from meshrec.structures import BodyParams, TrainingBatch


def test_indexing_and_concatenation_are_inverse():
    batch = TrainingBatch.unlabelled(torch.rand(5, 3, 8, 8), vertex_count=4)
    again = TrainingBatch.concatenate([batch[:2], batch[2], batch[[3, 4]]])
    assert torch.equal(again.images, batch.images) and len(batch[2]) == 1


def test_unlabelled_batches_know_nothing():
    batch = TrainingBatch.unlabelled(torch.rand(2, 3, 8, 8), vertex_count=4)
    assert not (batch.has_mask | batch.has_iuv | batch.has_mesh).any() and batch.joint_confidence.sum() == 0


def test_fields_of_different_length_are_refused():
    batch = TrainingBatch.unlabelled(torch.rand(2, 3, 8, 8), vertex_count=4)
    with pytest.raises(ValueError, match="camera must have shape"):
        batch.replace(camera=torch.zeros(3, 3))


def test_joints_of_a_mesh_are_known_unless_said_otherwise():
    batch = TrainingBatch.unlabelled(torch.rand(2, 3, 8, 8), vertex_count=4)
    fields = {name: getattr(batch, name) for name in batch.__dataclass_fields__ if name != "joint_confidence_3d"}
    made = TrainingBatch(**(fields | {"has_mesh": torch.tensor([True, False])}))
    assert made.joint_confidence_3d[0].all() and not made.joint_confidence_3d[1].any()
    assert TrainingBatch.concatenate([made, made]).joint_confidence_3d.shape == (4, 30)


def test_nobodys_parameters_are_known_unless_given():
    batch = TrainingBatch.unlabelled(torch.rand(2, 3, 8, 8), vertex_count=4)
    assert not batch.has_params.any() and batch.person.tolist() == [-1, -1]
    assert torch.equal(batch.params.body_pose, torch.eye(3).expand(2, 23, 3, 3))


def test_parameters_keep_the_first_ten_betas_and_those_of_other_skeletons_are_left_out():
    batch = TrainingBatch.unlabelled(torch.rand(2, 3, 8, 8), vertex_count=4)
    rest = BodyParams.rest(2, 12)
    params = BodyParams(torch.arange(24.0).view(2, 12), rest.global_orient, rest.body_pose)
    known = torch.tensor([True, False])
    made = batch.with_params(params, known)
    assert torch.equal(made.params.betas, params.betas[:, :10]) and made[0].has_params.all() and not made[1].has_params
    fewer = batch.with_params(BodyParams(params.betas[:, :3], rest.global_orient, rest.body_pose), known)
    assert fewer.betas[1].tolist() == [12, 13, 14, *[0] * 7]
    assert not batch.with_params(BodyParams.rest(2, 10, 55), known).has_params.any()
