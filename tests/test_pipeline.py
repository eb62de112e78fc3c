"""From photo to meshes, with a net that finds the same egg in every crop."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from meshrec.body.model import BodyModel
from meshrec.build import Surface
from meshrec.data.photo import Photo
from meshrec.errors import CheckpointMismatch, InvalidInput
from meshrec.geometry.crops import PERSON_CROP_ENLARGEMENT
from meshrec.geometry.projection import project_pinhole
from meshrec.models.hmr import Hmr, HmrOutput
from meshrec.models.iterative_regressor import BodyEstimate
from meshrec.pipeline import MeshModel, find_people, reconstruct
from meshrec.structures import BodyParams, WeakPerspectiveCamera
from tests.support.people import Finder, egg, egg_model

PHOTO = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
BOX = [100.0, 40.0, 50.0, 150.0]


@pytest.fixture(scope="module")
def surface():
    return Surface.load()


def _pixels(prediction):
    return project_pinhole(prediction.vertices_cam, prediction.camera.focal_px[0], prediction.camera.centre_px[0])


def _same(first, second):
    return torch.equal(first.vertices_cam, second.vertices_cam)


def test_a_path_an_array_a_tensor_and_a_photo_give_the_same_mesh(tmp_path):
    Image.fromarray(PHOTO).save(tmp_path / "photo.png")
    tensor = torch.from_numpy(PHOTO).permute(2, 0, 1).float() / 255
    model = egg_model()
    images = (PHOTO, tmp_path / "photo.png", str(tmp_path / "photo.png"), tensor, Photo(PHOTO))
    results = [reconstruct(image, model)[0] for image in images]
    assert all(_same(results[0], result) for result in results[1:])
    assert all(torch.equal(model.net.crops[0], crop) for crop in model.net.crops[1:])


def test_without_a_box_and_with_nobody_in_sight_the_whole_photo_is_one_person():
    model = egg_model()
    people = reconstruct(PHOTO, model)
    assert len(people) == 1 and people[0].box_px.tolist() == [0, 0, 320, 240]
    assert people[0].crop_box_px.tolist() == [160, 120, 320]
    crop = model.net.crops[0]
    assert crop.shape == (1, 3, 64, 64) and 0 <= crop.min() and crop.max() <= 1
    assert crop[:, :, :7].max() == 0 and crop[:, :, 9:55].min() > 0  # what lies above and below the photo is black


def test_without_a_box_the_person_that_the_net_sees_is_looked_at_closer():
    # The crop of the whole photo covers x 0 to 320 and y -40 to 280.
    person = reconstruct(PHOTO, egg_model(visible=(0.25, 0.25, 0.5, 0.75)))[0]
    assert person.box_px.tolist() == pytest.approx([80, 40, 80, 160])
    assert person.crop_box_px.tolist() == pytest.approx([120, 120, PERSON_CROP_ENLARGEMENT * 160])


def test_what_the_net_sees_beyond_the_photo_s_edge_is_ignored():
    person = reconstruct(PHOTO, egg_model(visible=(0.25, 0.0, 0.5, 1.0)))[0]
    assert person.box_px.tolist() == pytest.approx([80, 0, 80, 240])
    assert reconstruct(PHOTO, egg_model(visible=(0.0, 0.0, 1.0, 0.1)))[0].box_px.tolist() == [0, 0, 320, 240]


def test_a_speck_is_not_looked_at_closer():
    assert reconstruct(PHOTO, egg_model(visible=(0.5, 0.5, 0.55, 0.55)))[0].box_px.tolist() == [0, 0, 320, 240]


def test_a_box_becomes_the_enlarged_square_around_it_as_in_training():
    model = egg_model()
    person = reconstruct(PHOTO, model, boxes_xywh=[BOX])[0]
    assert person.crop_box_px.tolist() == pytest.approx([125, 115, PERSON_CROP_ENLARGEMENT * 150])
    assert person.box_px.tolist() == BOX


def test_a_net_that_learnt_from_wide_crops_gets_wide_crops():
    wide = replace(egg_model(visible=(0.25, 0.25, 0.5, 0.75)), crop_enlargement=1.2)
    assert reconstruct(PHOTO, wide, boxes_xywh=[BOX])[0].crop_box_px.tolist() == pytest.approx([125, 115, 1.2 * 150])
    assert reconstruct(PHOTO, wide)[0].crop_box_px.tolist() == pytest.approx([120, 120, 1.2 * 160])


def test_the_crop_shows_what_the_box_frames():
    photo = np.zeros_like(PHOTO)
    photo[40:190, 100:150] = (255, 0, 0)
    model = egg_model()
    reconstruct(photo, model, boxes_xywh=[BOX])
    red = model.net.crops[0][0, 0] > 0.5
    rows, columns = np.nonzero(red.numpy())
    scale = 64 / (PERSON_CROP_ENLARGEMENT * 150)
    assert abs(rows.min() - (32 - 75 * scale)) < 1 and abs(columns.max() + 1 - (32 + 25 * scale)) < 1


@pytest.mark.parametrize("options", [{}, {"field_of_view_deg": 30.0}, {"focal_px": 2000.0}])
def test_the_mesh_projects_where_the_weak_perspective_camera_saw_it(options):
    scale, shift_x, shift_y = 0.9, 0.1, -0.05
    model = egg_model(camera=(scale, shift_x, shift_y))
    person = reconstruct(PHOTO, model, boxes_xywh=[BOX], **options)[0]
    side = PERSON_CROP_ENLARGEMENT * 150
    ndc = scale * (egg()[0][:, :2] + torch.tensor([shift_x, shift_y]))
    expected = torch.tensor([125.0, 115.0]) + ndc * side / 2
    # Perspective moves points by depth / distance of their offset; the egg is 0.2 m deep.
    distance = person.vertices_cam[:, 2].mean()
    assert (_pixels(person) - expected).abs().max() < 0.25 / distance * side + 0.01
    assert distance > 2


def test_predictions_stand_in_front_of_the_camera_with_all_their_parts():
    person = reconstruct(PHOTO, egg_model())[0]
    assert person.vertices_cam[:, 2].min() > 0.5
    regressed = egg_model().body.joint_regressor @ person.vertices_cam
    assert torch.allclose(person.joints_cam, regressed) and len(person.joint_set) == 24
    assert len(person.iuv) == len(person.location_map) == 1
    assert not person.vertices_cam.requires_grad


def test_the_focal_length_comes_from_the_call_then_exif_then_the_diagonal():
    def focal(photo, **options):
        return float(reconstruct(photo, egg_model(), **options)[0].camera.focal_px[0, 0])

    assert focal(PHOTO) == pytest.approx(math.hypot(240, 320))
    assert focal(Photo(PHOTO, focal_px=777.0)) == pytest.approx(777.0)
    assert focal(Photo(PHOTO, focal_px=777.0), focal_px=500.0) == pytest.approx(500.0)
    assert focal(Photo(PHOTO, focal_px=777.0), field_of_view_deg=90.0) == pytest.approx(160.0)


def test_boxes_and_focal_length_of_a_reduced_photo_are_those_of_the_original():
    reduced = reconstruct(Photo(PHOTO, scale=0.5), egg_model(), boxes_xywh=[[2 * v for v in BOX]], focal_px=1000.0)[0]
    whole = reconstruct(PHOTO, egg_model(), boxes_xywh=[BOX], focal_px=500.0)[0]
    assert _same(reduced, whole)


def test_many_boxes_equal_single_ones_in_their_order():
    boxes = [[10.0 * i, 5.0 * i, 60.0 + i, 100.0] for i in range(11)]
    together = reconstruct(PHOTO, egg_model(), boxes_xywh=boxes)
    alone = [reconstruct(PHOTO, egg_model(), boxes_xywh=[box])[0] for box in boxes]
    assert len(together) == 11
    assert all(torch.allclose(a.vertices_cam, b.vertices_cam, atol=1e-5) for a, b in zip(together, alone, strict=True))


def test_found_people_come_largest_first_with_their_scores():
    model = replace(egg_model(), finder=Finder((10, 10, 40, 60), (100, 40, 150, 190), (200, 50, 230, 90)))
    people = reconstruct(PHOTO, model)
    assert [person.box_px.tolist() for person in people] == [[100, 40, 50, 150], [10, 10, 30, 50], [200, 50, 30, 40]]
    assert [person.score for person in people] == pytest.approx([0.8, 0.9, 0.7])
    assert _same(people[0], reconstruct(PHOTO, egg_model(), boxes_xywh=[BOX])[0])
    assert len(reconstruct(PHOTO, model, max_people=2)) == 2
    found = find_people(PHOTO, model, max_people=1)
    assert _same(reconstruct(PHOTO, model, people=found)[0], people[0])


def test_people_in_given_boxes_are_described_in_their_order():
    model = replace(egg_model(), finder=Finder())
    found = find_people(PHOTO, model, boxes_xywh=[[10, 10, 20, 20], BOX])
    assert [person.box_xyxy_px.tolist() for person in found] == [[10, 10, 30, 30], [100, 40, 150, 190]]
    assert find_people(PHOTO, model, boxes_xywh=[]) == []


def test_a_photo_without_people_gives_an_empty_list():
    model = replace(egg_model(), finder=Finder())
    assert reconstruct(PHOTO, model) == [] and find_people(PHOTO, model) == [] and model.net.crops == []


def test_a_net_that_reads_correspondence_is_told_what_was_found_in_its_crop(surface):
    finder, net = Finder((100, 40, 150, 190)), egg_model(iuv_input=True)
    finder.charts = surface.charts.hash
    net.net.atlas = surface.atlas
    reconstruct(PHOTO, replace(net, finder=finder, charts=surface.charts))
    (told,) = net.net.told
    rows, columns = np.nonzero(told.mask[0].numpy())
    scale = 64 / (PERSON_CROP_ENLARGEMENT * 150)
    assert abs(rows.min() - (32 - 75 * scale)) < 1 and abs(columns.max() + 1 - (32 + 25 * scale)) < 1
    assert told.atlas_hash == surface.atlas.hash
    reconstruct(PHOTO, replace(net, finder=finder, charts=surface.charts), boxes_xywh=[BOX])
    assert torch.equal(net.net.told[1].mask, told.mask)
    reconstruct(PHOTO, replace(net, charts=surface.charts), boxes_xywh=[BOX])
    reconstruct(PHOTO, replace(net, finder=Finder((100, 40, 150, 190)), charts=surface.charts))  # of other charts
    assert net.net.told[2:] == [None, None]
    deaf = egg_model()
    reconstruct(PHOTO, replace(deaf, finder=finder, charts=surface.charts))
    assert deaf.net.told == [None]


@pytest.mark.parametrize("options, sentence", [
    ({"max_people": 0}, "at least 1, got 0"), ({"people": [], "boxes_xywh": []}, "not both")])
def test_impossible_wishes_about_people_are_explained(options, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        reconstruct(PHOTO, replace(egg_model(), finder=Finder()), **options)


def test_a_model_without_a_finder_finds_nobody_but_says_so():
    with pytest.raises(InvalidInput, match="load it with a finder"):
        find_people(PHOTO, egg_model())


def test_no_boxes_give_nobody():
    assert reconstruct(PHOTO, egg_model(), boxes_xywh=[]) == []


@pytest.mark.parametrize("box", [[-30, -20, 100, 200], [300, 100, 60, 300], [319.5, 0, 40, 40], [100, 100, 1, 1]])
def test_a_person_at_the_border_is_reconstructed(box):
    assert reconstruct(PHOTO, egg_model(), boxes_xywh=[box])[0].vertices_cam.isfinite().all()


@pytest.mark.parametrize("box, sentence", [
    ([400, 10, 50, 50], "outside the photo of 320 x 240"), ([10, -60, 50, 50], "outside the photo"),
    ([10, 10, 0, 50], "is empty"), ([10, 10, 50, -1], "is empty"), ([10, 10, float("nan"), 5], "is empty"),
    ([10, 10, 50], "four numbers"), (7, "four numbers"), ([0, 0, 1e7, 1e7], "times as large as the photo")])
def test_an_impossible_box_is_explained(box, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        reconstruct(PHOTO, egg_model(), boxes_xywh=[box])


@pytest.mark.parametrize("image, sentence", [
    (PHOTO / 255.0, "float64 of shape"), (PHOTO[..., 0], "shape"), (42, "got int"),
    (torch.zeros(240, 320, 3), r"\(3, H, W\)"), (torch.full((3, 64, 64), 200.0), "0 to 1"),
    (np.zeros((0, 5, 3), np.uint8), "no pixels")])
def test_an_impossible_image_is_explained(image, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        reconstruct(image, egg_model())


@pytest.mark.parametrize("options, sentence", [
    ({"focal_px": -3.0}, "positive"), ({"field_of_view_deg": 180.0}, "between 1 and 170"),
    ({"focal_px": 500.0, "field_of_view_deg": 60.0}, "not both")])
def test_an_impossible_camera_is_explained(options, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        reconstruct(PHOTO, egg_model(), **options)


def test_a_net_that_gives_no_numbers_is_reported_as_damaged():
    with pytest.raises(CheckpointMismatch, match="weights are damaged"):
        reconstruct(PHOTO, egg_model(broken=True))


def test_the_image_is_not_written_into():
    before = PHOTO.copy()
    reconstruct(PHOTO, egg_model(), boxes_xywh=[BOX])
    assert np.array_equal(before, PHOTO)


class RestingHmr(Hmr):
    """Answers every crop with the resting body in front of the camera."""

    def __init__(self):
        torch.nn.Module.__init__(self)

    def forward(self, images):
        params = BodyParams.rest(len(images), facing_camera=True)
        return HmrOutput((BodyEstimate(params, WeakPerspectiveCamera.from_vector(
            torch.tensor([[0.9, 0.0, 0.0]]).expand(len(images), 3))),))


def test_a_net_of_parameters_gives_meshes_with_their_parameters_under_the_same_camera():
    body = BodyModel.from_file()
    model = MeshModel(RestingHmr(), body, 64, torch.device("cpu"))
    assert not model.reads_iuv and not model.has_iuv_input
    (person,) = reconstruct(PHOTO, model, boxes_xywh=[(20, 10, 60, 80)])
    assert person.iuv is None and person.location_map is None
    shown = body(person.body_params).vertices[0]
    moved = person.vertices_cam - shown
    assert torch.allclose(moved, moved[:1].expand_as(moved), atol=1e-5)  # the same body, only placed
    (alone,) = reconstruct(PHOTO, model)  # without a finder or boxes: one person in the whole photo
    assert alone.box_px.tolist() == [0, 0, PHOTO.shape[1], PHOTO.shape[0]]
