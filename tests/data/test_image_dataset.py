"""Labelled photographs as training samples: everything that is known of a person moves with the picture."""

import copy
import dataclasses

import cv2
import numpy as np
import pytest
import torch

from meshrec.body import BodyModel
from meshrec.body.regressors import NamedJoints
from meshrec.body.turned_params import turn_params
from meshrec.data.annotations import RAGGED, Annotations
from meshrec.data.crop_view import DRAWS
from meshrec.data.image_dataset import DatasetConfig, ImageDataset
from meshrec.data.mesh_truth import MeshTruth
from meshrec.data.npz_format import write_annotations
from meshrec.data.ragged import Ragged
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.geometry.crops import PERSON_CROP_ENLARGEMENT
from meshrec.geometry.projection import project_pinhole, project_weak_perspective
from meshrec.geometry.rotations import axis_angle_to_matrix
from meshrec.render import rasterize
from meshrec.structures import BODY30, BodyParams, PinholeCamera
from meshrec.uv import PartCharts, UvAtlas
from tests.support.smpl_pickles import small_smpl_arrays

SIZE = (240, 320)
FOCAL, CENTRE = 300.0, (150.0, 110.0)
TRANSLATION = (0.3, 0.1, 3.0)


@pytest.fixture(scope="module")
def body():
    return BodyModel.from_file()


@pytest.fixture(scope="module")
def scene(body, tmp_path_factory):
    """A folder with a picture of a posed body, its left half red and its right half green, and all its labels."""
    folder = tmp_path_factory.mktemp("images")
    pose = torch.zeros(1, 24, 3)
    pose[0, 0] = torch.tensor([np.pi, 0.0, 0.3])
    pose[0, 16:18, 2], pose[0, 4, 0] = torch.tensor([0.9, 0.2]), 0.8
    rotations = axis_angle_to_matrix(pose)
    betas = torch.zeros(1, body.beta_count)
    output = body(BodyParams(betas, rotations[:, 0], rotations[:, 1:]))
    camera = PinholeCamera(torch.full((1, 2), FOCAL), torch.tensor([CENTRE]), SIZE)
    vertices_cam = output.vertices + torch.tensor(TRANSLATION)
    fragments = rasterize(vertices_cam, body.faces, camera, SIZE)
    left = (body.template_vertices[body.faces][..., 0].mean(1) > 0)[fragments.face_index[0].clamp_min(0)].numpy()
    seen = fragments.mask[0].numpy()
    picture = np.zeros((*SIZE, 3), np.uint8)
    picture[seen & left], picture[seen & ~left] = (0, 0, 255), (0, 255, 0)
    cv2.imwrite(str(folder / "person.png"), picture)
    joints_cam = NamedJoints(body, BODY30)(output) + torch.tensor(TRANSLATION)
    joints_px = project_pinhole(joints_cam, camera.focal_px, camera.centre_px)
    rows, columns = np.nonzero(seen)
    box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
    people = Annotations.of(
        ["person.png"],
        [box],
        joints_px=joints_px.numpy(),
        joint_confidence=np.ones((1, 30)),
        joints_cam=joints_cam.numpy(),
        joint_cam_confidence=np.ones((1, 30)),
        joints_absolute=[True],
        pose=pose.numpy(),
        betas=betas.numpy(),
        body=[body.hash],
        translation_cam=[TRANSLATION],
        has_translation=[True],
        focal_px=[[FOCAL, FOCAL]],
        centre_px=[CENTRE],
        image_size=[SIZE],
        joint_set=BODY30.name,
    )
    return folder, people


@pytest.fixture(scope="module")
def surface():
    return UvAtlas.from_file(), PartCharts.from_file()


def dataset(scene, in_use, surface=None, **changes):
    folder, people = scene
    return ImageDataset(people.replace(**changes), folder, MeshTruth(in_use), surface)


UNKNOWN_3D = dict(joint_cam_confidence=np.zeros((1, 30)), has_translation=[False], joints_absolute=[False])


@pytest.mark.parametrize(
    "known",
    [{}, {"has_translation": [False]}, UNKNOWN_3D | {"focal_px": [[0, 0]]}],
    ids=["camera and translation", "camera and root joint", "2D joints only"],
)
def test_mesh_correspondence_and_camera_follow_the_picture(scene, body, surface, known):
    batch = dataset(scene, body, surface, **known).batch(8, 96, seed=4)
    assert batch.has_mesh.all() and batch.has_iuv.all() and batch.has_mask.all()
    brightness = batch.images.sum(1)
    shown = brightness > 0.5 * (brightness.amin((1, 2), keepdim=True) + brightness.amax((1, 2), keepdim=True))
    overlap = (shown & (batch.mask > 0.5)).sum((1, 2)) / (shown | (batch.mask > 0.5)).sum((1, 2))
    exact = not known or "focal_px" not in known
    assert overlap.min() > (0.93 if exact else 0.82)
    # The half of the picture that was the left one is the right one in a mirrored crop, and the labels know.
    red = batch.images[:, 0] > batch.images[:, 1]
    labelled_left = batch.uv[:, 0] > 0.5 if _left_has_large_u(body, surface[0]) else batch.uv[:, 0] < 0.5
    inside = shown & (batch.mask > 0.5)
    agreement = ((red == labelled_left) & inside).sum((1, 2)) / inside.sum((1, 2))
    mirrored = agreement < 0.5
    assert 0 < mirrored.sum() < 8
    assert torch.where(mirrored, 1 - agreement, agreement).min() > (0.9 if exact else 0.85)
    projected = project_weak_perspective(batch.joints, batch.camera[:, 0], batch.camera[:, 1:])
    known_2d = batch.joint_confidence > 0
    assert (projected - batch.joints_ndc).norm(dim=-1)[known_2d].max() < (0.12 if exact else 0.1)


def _left_has_large_u(body, atlas):
    left = body.template_vertices[body.faces][..., 0].mean(1) > 0.02
    return bool(atlas.face_texcoords[left][..., 0].mean() > 0.5)


def test_the_parameters_are_those_of_the_meshes_and_undo_to_the_labelled_ones(scene, body):
    batch = dataset(scene, body).batch(8, 32, seed=4)
    assert batch.has_params.all() and (batch.person == 0).all()
    torch.testing.assert_close(body(batch.params).vertices, batch.vertices, atol=1e-5, rtol=0)
    undone = turn_params(batch.params, batch.turn_cam.mT)
    labelled = axis_angle_to_matrix(torch.from_numpy(scene[1].pose))
    torch.testing.assert_close(undone.body_pose, labelled[:, 1:].expand(8, -1, -1, -1), atol=1e-5, rtol=0)
    torch.testing.assert_close(undone.global_orient, labelled[:, 0].expand(8, -1, -1), atol=1e-5, rtol=0)


def test_parameters_of_another_body_are_not_known(scene, body):
    people = dataset(scene, body, body=["smpl_male"])
    assert not people.batch(2, 32, seed=1).has_params.any()


def test_mirrored_samples_are_the_mirror_images_of_plain_ones(scene, body):
    people = dataset(scene, body)
    draws = np.zeros((2, DRAWS))
    draws[1, 4] = 1
    plain, mirrored = (people.crops(np.array([0, 0]), 64, draws)[number] for number in (0, 1))
    torch.testing.assert_close(mirrored.images, plain.images.flip(-1), atol=0.1, rtol=0)
    flip = torch.tensor([-1.0, 1.0, 1.0])
    order = list(BODY30.mirror)
    torch.testing.assert_close(mirrored.joints, plain.joints[:, order] * flip, atol=2e-3, rtol=0)
    torch.testing.assert_close(mirrored.joints_ndc, plain.joints_ndc[:, order] * flip[:2], atol=1e-5, rtol=0)
    torch.testing.assert_close(mirrored.camera, plain.camera * torch.tensor([1.0, -1, 1]), atol=1e-3, rtol=0)
    torch.testing.assert_close(mirrored.facing_rad, -plain.facing_rad, atol=1e-5, rtol=0)


def test_a_crop_of_a_photo_made_smaller_ends_at_its_edge_and_keeps_the_whole_body(scene, body, surface):
    people = dataset(scene, body, surface)
    left, top, width, height = scene[1].box_xywh_px[0]
    edges = np.array([[-np.inf, -np.inf, np.inf, top + 0.5 * height]])
    whole, cut = people.crops(np.array([0]), 96), people.crops(np.array([0]), 96, None, edges)
    zoom = max(width, height) / max(width, 0.5 * height)  # the crop is laid around what is left
    row = round(48 * (1 + zoom * 0.5 * height / (PERSON_CROP_ENLARGEMENT * max(width, height))))
    for values in (cut.images[0].sum(0), cut.mask[0], cut.part[0]):
        assert values[row - 3 : row - 1].any() and not values[row + 1 :].any()
    below = scene[1].joints_px[0, :, 1] > top + 0.5 * height
    assert below.any() and not cut.joint_confidence[0, below].any() and cut.joint_confidence[0, ~below].all()
    torch.testing.assert_close(cut.vertices, whole.vertices)
    ours = project_weak_perspective(cut.joints, cut.camera[:, 0], cut.camera[:, 1:])
    assert (ours - cut.joints_ndc)[0].norm(dim=-1).max() < 0.12 * zoom
    assert cut.camera[0, 0] == pytest.approx(whole.camera[0, 0].item() * zoom, rel=1e-4)


def test_drawn_batches_cut_the_share_that_is_asked_for(scene, body):
    folder, people = scene
    cut = ImageDataset(people, folder, MeshTruth(body), None, truncated=1.0).batch(8, 48, seed=3)
    plain = dataset(scene, body).batch(8, 48, seed=3)
    assert (cut.joint_confidence.sum(1) < plain.joint_confidence.sum(1)).sum() >= 5
    with pytest.raises(ValueError, match="truncated"):
        DatasetConfig("people.npz", "images", truncated=1.5)


def test_facing_is_the_heading_of_the_root(scene, body):
    people = dataset(scene, body)
    for heading in (0.0, 0.7, -2.5):
        root = np.diag([1.0, -1, -1]) @ cv2.Rodrigues(np.array([0.0, heading, 0]))[0]
        pose = np.zeros((1, 24, 3))
        pose[0, 0] = cv2.Rodrigues(root)[0][:, 0]
        people.people = people.people.replace(pose=pose)
        assert people.crops(np.array([0]), 16).facing_rad.item() == pytest.approx(heading, abs=1e-4)


def test_parameters_of_a_body_that_is_not_at_hand_leave_the_labelled_joints(scene, body, surface):
    batch = dataset(scene, body, surface, body=["smpl_male"]).batch(4, 64, seed=1)
    assert not batch.has_mesh.any() and not batch.has_iuv.any()
    assert batch.joint_confidence_3d.all()
    lengths = (batch.joints[:, 4] - batch.joints[:, 7]).norm(dim=-1)
    assert lengths.std() < 1e-5 and 0.3 < lengths.mean() < 0.5


def test_the_root_joint_says_where_a_body_with_another_origin_stands(scene, body):
    high = copy.deepcopy(body)
    high.template_vertices += torch.tensor([0.0, 0.4, 0.0])
    batch = dataset(scene, high, has_translation=[False]).batch(4, 32, 1)
    assert batch.joints[:, 0].norm(dim=-1).min() > 0.3
    projected = project_weak_perspective(batch.joints, batch.camera[:, 0], batch.camera[:, 1:])
    assert (projected - batch.joints_ndc)[:, 0].norm(dim=-1).max() < 0.05


def test_labelled_joints_turn_and_mirror_with_the_crop(scene, body):
    labelled = dataset(scene, body, body=["smpl_male"]).batch(8, 64, seed=2)
    posed = dataset(scene, body).batch(8, 64, seed=2)
    relative = lambda joints: joints - joints[:, :1]  # noqa: E731
    torch.testing.assert_close(relative(labelled.joints), relative(posed.joints), atol=3e-3, rtol=0)


def test_the_hips_of_other_sets_only_say_where_the_middle_is(scene, body):
    batch = dataset(scene, body, body=[""], joint_set="Human3.6M-17").batch(2, 32, seed=1)
    hips = [BODY30.index("left_hip"), BODY30.index("right_hip")]
    assert not batch.joint_confidence_3d[:, hips].any() and batch.joint_confidence_3d.sum() == 2 * 28
    without = np.ones((1, 30))
    without[:, hips[0]] = 0
    batch = dataset(scene, body, body=[""], joint_set="Human3.6M-17", joint_cam_confidence=without).batch(2, 32, 1)
    assert not batch.joint_confidence_3d.any()


def test_labelled_masks_hide_what_is_not_seen_and_show_clothes_as_the_body_beneath(scene, body, surface):
    outline = {"px": [[0, 0], [320, 0], [320, 110], [0, 110]], "ring": [0, 0, 0, 0]}
    batch = dataset(scene, body, surface, outlines=Ragged.from_samples([outline], RAGGED["outlines"]))
    upper = batch.crops(np.array([0]), 96)
    whole = dataset(scene, body, surface).crops(np.array([0]), 96)
    both = (whole.part > 0) & (upper.mask > 0)
    assert 0.1 < both.sum() / (whole.part > 0).sum() < 0.9
    assert torch.equal(upper.part[both], whole.part[both])
    assert torch.equal(upper.part > 0, upper.mask > 0)


def test_the_same_seed_gives_the_same_batch_and_another_does_not(scene, body):
    people = dataset(scene, body)
    assert torch.equal(people.batch(3, 32, 1).images, people.batch(3, 32, 1).images)
    assert not torch.equal(people.batch(3, 32, 1).images, people.batch(3, 32, 2).images)


def test_joints_of_a_skeleton_without_hips_are_not_used(scene, body):
    without = np.ones((1, 30))
    without[:, BODY30.index("left_hip")] = 0
    batch = dataset(scene, body, body=[""], joint_cam_confidence=without).batch(2, 32, seed=1)
    assert not batch.joint_confidence_3d.any()


def test_mask_files_are_used_and_checked(scene, body):
    folder, _ = scene
    mask = np.zeros(SIZE, np.uint8)
    mask[:, :150] = 255
    cv2.imwrite(str(folder / "mask.png"), mask)
    batch = dataset(scene, body, mask_file=["mask.png"], body=[""]).crops(np.array([0]), 32)
    assert batch.has_mask.all() and batch.mask[0, :, 0].all() and not batch.mask[0, :, -1].any()
    cv2.imwrite(str(folder / "small.png"), mask[:50])
    with pytest.raises(InvalidInput, match="small.png has 320 x 50 pixels"):
        dataset(scene, body, mask_file=["small.png"]).crops(np.array([0]), 32)


def test_bodies_of_another_skeleton_are_refused(body, tmp_path):
    np.savez(tmp_path / "other.npz", **small_smpl_arrays())
    with pytest.raises(InvalidInput, match="body smplx_neutral has 3 joints"):
        MeshTruth(body, {"smplx_neutral": tmp_path / "other.npz"})


def test_images_of_another_size_than_labelled_are_refused(scene, body):
    with pytest.raises(InvalidInput, match="has 320 x 240 pixels, but was labelled at 100 x 200"):
        dataset(scene, body, image_size=[[200, 100]]).batch(1, 32, 1)


def test_configured_data_sets_are_opened_and_what_is_missing_is_named(scene, body, surface, tmp_path):
    folder, people = scene
    write_annotations(people, tmp_path / "people.npz")
    config = DatasetConfig(str(tmp_path / "people.npz"), str(folder))
    assert len(ImageDataset.from_config(config, body, *surface)) == 1
    with pytest.raises(AssetNotFound, match="no file of labelled people"):
        ImageDataset.from_config(DatasetConfig("nowhere.npz", str(folder)), body, *surface)
    with pytest.raises(AssetNotFound, match="no folder nowhere with the images"):
        ImageDataset.from_config(DatasetConfig(config.file, "nowhere"), body, *surface)
    with pytest.raises(AssetNotFound, match="no body file"):
        files = {"smpl_male": "nowhere.pkl"}
        ImageDataset.from_config(DatasetConfig(config.file, str(folder), bodies=files), body, *surface)


def test_people_in_small_boxes_can_be_left_out(scene, body, surface, tmp_path):
    folder, people = scene
    write_annotations(people, tmp_path / "people.npz")
    size = float(people.box_xywh_px[0, 2:].max())
    config = DatasetConfig(str(tmp_path / "people.npz"), str(folder), smallest_px=size - 1)
    assert len(ImageDataset.from_config(config, body, *surface)) == 1
    with pytest.raises(InvalidInput, match="at least one"):
        ImageDataset.from_config(dataclasses.replace(config, smallest_px=size + 1), body, *surface)


def test_a_fit_teaches_only_if_it_was_kept(scene, body, surface):
    fitted = {"fit_error": [0.02], "joint_cam_confidence": np.zeros((1, 30))}
    for kept in (True, False):
        batch = dataset(scene, body, surface, fit_kept=[kept], **fitted).batch(2, 64, seed=1)
        assert (batch.has_mesh == kept).all() and (batch.has_iuv == kept).all() and (batch.has_params == kept).all()
        assert (batch.joint_confidence_3d > 0).any() == kept and (batch.joint_confidence > 0).any()
