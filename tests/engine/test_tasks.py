"""What a training step compares with what."""

from types import SimpleNamespace

import pytest
import torch

from meshrec.body import BodyModel
from meshrec.build import ModelConfig, Surface, build_net, build_people
from meshrec.data.synthetic import SyntheticPeopleConfig
from meshrec.engine.stages import StageConfig
from meshrec.engine.tasks import DecoMRTask, Step
from meshrec.errors import InvalidInput
from meshrec.structures import BODY30, BodyParams, TrainingBatch
from meshrec.uv import UvAtlas


@pytest.fixture(scope="module")
def task():
    return DecoMRTask(UvAtlas.from_file(), BodyModel.from_file())


def posed(task):
    """A batch of one bent body with its mesh and its skeleton's joints, and the same again without the mesh."""
    params = BodyParams.rest(facing_camera=True)
    params.body_pose[:, [3, 15, 17]] = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    output = task.body(params)
    batch = TrainingBatch.unlabelled(torch.zeros(1, 3, 4, 4), task.body.vertex_count)
    known = torch.tensor([True])
    joints = task.named_joints(output)
    ones = torch.ones(1, len(BODY30))
    with_mesh = batch.replace(vertices=output.vertices, joints=joints, has_mesh=known, joint_confidence_3d=ones)
    return with_mesh, batch.replace(joints=joints, joint_confidence_3d=ones)


def loss(task, batch, vertices):
    step = Step(batch, None, SimpleNamespace(), vertices, task._joints_of(vertices))
    return float(task._terms["joints_3d"](None, step))


def test_a_perfect_mesh_has_no_joint_error_although_the_skeleton_lies_beside_it(task):
    batch, _ = posed(task)
    assert (task._joints_of(batch.vertices) - batch.joints).norm(dim=-1).max() > 0.003
    assert loss(task, batch, batch.vertices) < 1e-6
    assert loss(task, batch, batch.vertices * 1.1) > 0.01


def test_joints_without_a_mesh_are_compared_as_they_are_given(task):
    with_mesh, batch = posed(task)
    assert 1e-4 < loss(task, batch, with_mesh.vertices) < 0.02
    absent = batch.replace(joint_confidence_3d=torch.zeros(1, len(BODY30)))
    assert loss(task, absent, with_mesh.vertices) == 0


def test_only_the_known_joints_count(task):
    with_mesh, batch = posed(task)
    joints, confidence = batch.joints.clone(), torch.zeros(1, len(BODY30))
    joints[:, BODY30.index("left_wrist")] += 5
    confidence[:, BODY30.index("right_knee")] = 1
    assert loss(task, batch.replace(joints=joints), with_mesh.vertices) > 0.1
    assert loss(task, batch.replace(joints=joints, joint_confidence_3d=confidence), with_mesh.vertices) < 0.05


def perception_stage(iuv_share):
    return StageConfig(
        "perception", 1, location_input="none", nets=("correspondence_net",), losses={"mask": 1}, iuv_share=iuv_share
    )


def test_a_share_of_the_samples_with_known_correspondence_is_told_it(task):
    told = []

    def run(share, known):
        def net(images, iuv=None):
            told.append(iuv)
            raise StopIteration

        net.iuv_input = True
        batch = TrainingBatch.unlabelled(torch.zeros(400, 3, 8, 8), task.body.vertex_count)
        batch = batch.replace(mask=torch.ones(400, 8, 8), has_iuv=known)
        with pytest.raises(StopIteration):
            task.losses(SimpleNamespace(correspondence_net=net), batch, perception_stage(share), seed=1)
        return told.pop()

    known = torch.arange(400) < 200
    assert run(0.0, known) is None
    seen = run(0.5, known).mask.flatten(1).any(1)
    assert not seen[200:].any() and 70 < seen.sum() < 130


def test_a_net_that_reads_no_correspondence_is_told_none(task):
    model = SimpleNamespace(correspondence_net=SimpleNamespace(iuv_input=False))
    batch = TrainingBatch.unlabelled(torch.zeros(1, 3, 4, 4), task.body.vertex_count)
    with pytest.raises(InvalidInput, match="set model.iuv_input"):
        task.losses(model, batch, perception_stage(0.5), seed=1)


def test_a_correspondence_net_that_does_not_learn_stays_as_it_is(task):
    """Not even its batch statistics move: all that learns from it learns from the same."""
    surface = Surface.load()
    model = build_net(ModelConfig("light"), surface).train()
    batch = build_people(SyntheticPeopleConfig(suits=2), surface).batch(2, 32, seed=1)
    before = {name: value.clone() for name, value in model.correspondence_net.state_dict().items()}
    frozen = StageConfig("lifting", 1, nets=("location_net",), refine=False, losses={"vertices": 1})
    task.losses(model, batch, frozen, seed=1)
    after = model.correspondence_net.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    task.losses(model.train(), batch, StageConfig("together", 1, refine=False, losses={"vertices": 1}), seed=1)
    assert any(not torch.equal(after[name], value) for name, value in before.items())
