"""Synthetic people: reproducible, within limits, and with targets that agree with each other."""

import cv2
import numpy as np
import pytest
import torch

from meshrec.build import Surface
from meshrec.data.synthetic import SyntheticPeople, SyntheticPeopleConfig
from meshrec.data.synthetic.corruption import corrupt_iuv, corrupt_joints
from meshrec.data.synthetic.dice import Dice
from meshrec.data.synthetic.poses import PoseSampler, relaxed_pose
from meshrec.data.synthetic.views import draw_views
from meshrec.errors import InvalidInput
from meshrec.geometry.projection import project_weak_perspective
from meshrec.geometry.rotations import matrix_to_axis_angle
from meshrec.structures import BODY30, SMPL24, BodyParams
from meshrec.uv.transfer import vertices_to_map


@pytest.fixture(scope="module")
def surface():
    return Surface.load()


@pytest.fixture(scope="module")
def people(surface):
    return SyntheticPeople.from_config(SyntheticPeopleConfig(), surface.body, surface.atlas, surface.charts)


@pytest.fixture(scope="module")
def batch(people):
    return people.batch(24, 96, seed=4)


def test_the_same_seed_gives_the_same_batch_and_another_does_not(people, batch):
    again, other = people.batch(24, 96, seed=4), people.batch(24, 96, seed=5)
    assert torch.equal(again.images, batch.images) and torch.equal(again.uv, batch.uv)
    assert not torch.equal(other.vertices, batch.vertices)


def test_pictures_are_pictures_and_show_somebody(batch):
    assert batch.images.min() >= 0 and batch.images.max() <= 1
    assert batch.mask.flatten(1).mean(1).median() > 0.08
    assert batch.images.flatten(1).std(1).median() > 0.05


def test_without_pictures_the_targets_are_those_of_undisturbed_people(people):
    batch = people.batch(8, 48, seed=2, pictures=False)
    assert batch.images.abs().max() == 0 and batch.mask.flatten(1).any(1).all()


def test_every_visible_pixel_looks_up_its_own_place_on_the_body(surface, batch):
    """The consistency that the loss of that name trains: pixel -> uv -> location map -> camera -> the same pixel."""
    maps = vertices_to_map(batch.vertices, surface.atlas.texels(256))
    grid = (2 * batch.uv - 1).permute(0, 2, 3, 1)
    points = torch.nn.functional.grid_sample(maps, grid, align_corners=True).flatten(2).mT
    seen = project_weak_perspective(points, batch.camera[:, 0], batch.camera[:, 1:])
    centres = (torch.arange(96) + 0.5) / 48 - 1
    own = torch.stack(torch.meshgrid(centres, centres, indexing="xy"), -1).flatten(0, 1)
    distance = ((seen - own).norm(dim=-1) * 48)[batch.mask.flatten(1) > 0]
    # Clothes stand off the skin and the true camera is a pinhole as near as 1.6 m: a few pixels,
    # not the tens that a wrong convention gives.
    assert distance.median() < 2.5 and distance.quantile(0.9) < 10


def test_parts_cover_exactly_the_mask_and_front_and_back_both_occur(batch):
    assert torch.equal(batch.part > 0, batch.mask > 0)
    assert 0.1 < batch.front[batch.mask > 0].mean() < 0.9


def test_joints_project_into_the_person(batch):
    inside = batch.joint_confidence > 0
    assert inside.float().mean() > 0.6
    weak = project_weak_perspective(batch.joints, batch.camera[:, 0], batch.camera[:, 1:])
    assert ((weak - batch.joints_ndc).norm(dim=-1)[inside]).median() < 0.05


def test_the_parameters_are_those_of_the_meshes(surface, batch):
    assert batch.has_params.all() and (batch.person == -1).all()
    torch.testing.assert_close(surface.body(batch.params).vertices, batch.vertices, atol=1e-5, rtol=0)


def test_facing_is_zero_towards_the_camera(surface):
    views = draw_views(400, Dice(1))
    front, heading = views.rotation[:, :, 2], views.heading_rad
    straight = heading.abs() < 0.2
    assert straight.any() and (front[straight, 2] < -0.7).float().mean() > 0.8
    to_the_right = (heading > 1.2) & (heading < 1.9)
    assert (front[to_the_right, 0] > 0).float().mean() > 0.7


def test_made_up_poses_stay_within_the_range_of_each_joint():
    _, rotations = PoseSampler().sample(200, Dice(0))
    angles = matrix_to_axis_angle(rotations)
    knees = angles[:, [SMPL24.index("left_knee") - 1, SMPL24.index("right_knee") - 1]]
    assert knees[..., 0].min() > -0.3 and knees[..., 1:].abs().max() < 0.6  # knees do not bend forwards or sideways
    elbow = angles[:, SMPL24.index("left_elbow") - 1]
    assert elbow[:, 1].max() < 0.3
    assert knees[..., 0].max() > 1.0  # some people sit


def test_recorded_poses_are_drawn_as_they_are_or_mirrored():
    recorded = 0.4 * torch.randn(3, 24, 3, generator=torch.Generator().manual_seed(1))
    drawn = matrix_to_axis_angle(PoseSampler(recorded.numpy()).as_recorded(40, Dice(2)))
    mirrored = recorded[:, list(SMPL24.mirror)] * torch.tensor([1.0, -1.0, -1.0])
    distance = (drawn[:, None] - torch.cat([recorded, mirrored])[:, 1:]).abs().amax((2, 3))
    assert distance.amin(1).max() < 1e-4 and set(distance.argmin(1).tolist()) == set(range(6))
    assert PoseSampler().as_recorded(2, Dice(1)).shape == (2, 23, 3, 3)


def test_the_mean_pose_hangs_its_arms(surface):
    rest = BodyParams.rest()
    joints = surface.body(BodyParams(rest.betas, rest.global_orient, relaxed_pose()[None])).joints[0]
    for side in ("left", "right"):
        assert joints[SMPL24.index(f"{side}_wrist"), 1] < joints[SMPL24.index(f"{side}_shoulder"), 1] - 0.3


def test_recorded_poses_are_used_where_a_pack_is_at_hand(tmp_path):
    poses = np.zeros((3, 24, 3), np.float16)
    poses[:, SMPL24.index("spine1"), 0] = 0.5
    np.savez(tmp_path / "pack.npz", poses=poses)
    recorded = PoseSampler.from_motion_pack(tmp_path / "pack.npz").sample(300, Dice(0))[1]
    made_up = PoseSampler().sample(300, Dice(0))[1]
    bend = lambda pose: matrix_to_axis_angle(pose)[:, SMPL24.index("spine1") - 1, 0].median()  # noqa: E731
    assert bend(recorded) == pytest.approx(0.5, abs=0.05) and bend(made_up) < 0.2


def test_a_broken_motion_pack_is_explained(tmp_path):
    (tmp_path / "pack.npz").write_bytes(b"not a pack")
    with pytest.raises(InvalidInput, match="not a motion pack"):
        PoseSampler.from_motion_pack(tmp_path / "pack.npz")


def test_background_folders_are_used_and_unreadable_files_skipped(tmp_path, surface):
    cv2.imwrite(str(tmp_path / "red.png"), np.full((40, 50, 3), (0, 0, 255), np.uint8))
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    config = SyntheticPeopleConfig(backgrounds=str(tmp_path))
    batch = SyntheticPeople.from_config(config, surface.body, surface.atlas, surface.charts).batch(6, 48, seed=1)
    outside = (batch.mask == 0) & (batch.images.sum(1) > 0.2)
    reddish = batch.images[:, 0] > batch.images[:, 1]
    assert reddish[outside].float().mean() > 0.7


def test_corruption_disturbs_but_keeps_most_of_the_correspondence(batch):
    generator = Dice(0)
    iuv = corrupt_iuv(batch.mask, batch.uv, generator)
    both = (iuv.mask > 0) & (batch.mask > 0)
    assert not (iuv.mask > batch.mask).any() and 0.5 < both.sum() / batch.mask.sum() < 1
    distance = (iuv.uv - batch.uv).norm(dim=1)[both]
    assert 0.001 < distance.median() < 0.05
    joints = corrupt_joints(batch.joints_ndc, batch.joint_confidence, BODY30.mirror, generator)
    assert joints.shape == (24, 30, 3) and not (joints[..., 2] > batch.joint_confidence).any()
