"""The measuring stick: a model that knows the truth has no error, one that errs by a known amount has that error."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from meshrec.body.regressors import NamedJoints
from meshrec.build import DataConfig, Surface
from meshrec.errors import InvalidInput
from meshrec.evaluation import TEST_SEED, evaluate_photos, evaluate_synthetic, synthetic_test_people
from meshrec.evaluation_report import run_evaluation, table
from meshrec.geometry.projection import project_pinhole
from meshrec.models import Correspondence, DecoMROutput
from meshrec.pipeline import MeshModel, reconstruct
from meshrec.render import rasterize
from meshrec.structures import COCO17, BodyOutput, BodyParams, IuvMap, LocationMap, WeakPerspectiveCamera

SIZE, PEOPLE = 64, 4


@pytest.fixture(scope="module")
def surface():
    return Surface.load()


@pytest.fixture(scope="module")
def people(surface):
    return synthetic_test_people(DataConfig(), surface)


class Oracle(nn.Module):
    """Answers every batch with given correspondence, vertices and cameras."""

    def __init__(self, iuv, vertices, camera):
        super().__init__()
        self.iuv, self.vertices, self.camera = iuv, vertices, camera

    def forward(self, images):
        found = Correspondence(self.iuv, self.iuv.mask, torch.zeros(len(images), 1, 4, 4), torch.zeros(len(images), 1))
        camera = WeakPerspectiveCamera.from_vector(self.camera)
        return DecoMROutput(found, LocationMap(torch.zeros(len(images), 3, 4, 4)), self.vertices, camera)


def measured(surface, people, change=lambda vertices: vertices):
    truth = people.batch(PEOPLE, SIZE, TEST_SEED)
    net = Oracle(IuvMap(truth.mask, truth.uv), change(truth.vertices), truth.camera)
    model = MeshModel(net, surface.body, SIZE, torch.device("cpu"))
    return evaluate_synthetic(model, surface, people, PEOPLE).figures


def test_the_truth_has_no_error_and_the_baselines_have_one(surface, people):
    figures = measured(surface, people)
    for name in ("pve_mm", "pa_pve_mm", "mpjpe_mm", "pa_mpjpe_mm", "uv_error"):
        assert figures["model"][name] == pytest.approx(0, abs=1e-2), name
    assert figures["model"]["iuv_mask_iou"] == 1
    assert figures["model"]["mask_iou"] > figures["mean_pose"]["mask_iou"]
    for name in ("mean_pose", "mean_mesh"):
        assert figures[name]["pve_mm"] > figures[name]["pa_pve_mm"] > 20


def test_a_shift_is_no_error_and_a_wrong_size_is_one_that_alignment_takes_back(surface, people):
    shifted = measured(surface, people, lambda vertices: vertices + torch.tensor([0.1, -0.2, 0.3]))["model"]
    larger = measured(surface, people, lambda vertices: 1.1 * vertices)["model"]
    for name in ("pve_mm", "mpjpe_mm", "pa_mpjpe_mm"):
        assert shifted[name] == pytest.approx(0, abs=1e-2), name
    assert larger["pve_mm"] > 10 and larger["mpjpe_mm"] > 10 and larger["pa_pve_mm"] == pytest.approx(0, abs=1e-2)


def standing_model(surface):
    rest = surface.body(BodyParams.rest(betas=surface.body.beta_count, facing_camera=True)).vertices
    iuv = IuvMap(torch.zeros(1, 16, 16), torch.zeros(1, 2, 16, 16))
    return MeshModel(Oracle(iuv, rest, torch.tensor([[0.8, 0.0, 0.0]])), surface.body, SIZE, torch.device("cpu"))


def write_pack(folder, keypoints, mask, box):
    Image.new("RGB", (160, 200)).save(folder / "photo.png")
    Image.fromarray(mask.astype(np.uint8)).save(folder / "mask.png")
    person = {"bbox": box, "keypoints": keypoints, "mask_file": "mask.png"}
    index = {"keypoint_names": COCO17.names, "images": [{"image": "photo.png", "people": [person]}]}
    (folder / "index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(("shift_px", "expected"), [(0.0, 1.0), (60.0, 0.0)])
def test_labels_that_a_prediction_made_agree_with_it_until_they_are_moved(surface, tmp_path, shift_px, expected):
    model, box = standing_model(surface), [30.0, 20.0, 100.0, 160.0]
    person = reconstruct(np.zeros((200, 160, 3), np.uint8), model, boxes_xywh=[box])[0]
    joints = NamedJoints(surface.body, COCO17)(BodyOutput(person.vertices_cam[None], person.joints_cam[None]))
    joints_px = project_pinhole(joints, person.camera.focal_px, person.camera.centre_px)[0] + shift_px
    mask = rasterize(person.vertices_cam[None], person.faces, person.camera, (200, 160)).mask[0].numpy()
    write_pack(tmp_path, [[x, y, 2] for x, y in joints_px.tolist()], mask, box)
    report, results = evaluate_photos(model, tmp_path)
    assert report.figures["model"]["pck_02_torso"] == expected and report.figures["model"]["mask_iou"] == 1
    assert report.figures["model"]["joints"] == len(COCO17) and len(results) == 1


def test_without_joints_there_is_no_share_of_correct_ones(surface, tmp_path):
    write_pack(tmp_path, [], np.ones((200, 160)), [30.0, 20.0, 100.0, 160.0])
    figures = evaluate_photos(standing_model(surface), tmp_path)[0].figures["model"]
    assert np.isnan(figures["pck_02_torso"]) and 0 < figures["mask_iou_everybody"] < 1


def test_tables_name_every_figure(surface, people):
    truth = people.batch(1, SIZE, TEST_SEED)
    model = MeshModel(Oracle(IuvMap(truth.mask, truth.uv), truth.vertices, truth.camera), surface.body, SIZE,
                      torch.device("cpu"))
    report = evaluate_synthetic(model, surface, people, 1)
    assert all(name in table("synthetic", report) for values in report.figures.values() for name in values)


def test_a_data_set_without_a_path_is_refused_before_any_work():
    with pytest.raises(InvalidInput, match="write NAME=PATH"):
        run_evaluation("configs/none.yaml", data=["photos_dev"])
