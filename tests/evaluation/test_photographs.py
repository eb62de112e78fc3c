"""Labelled photographs: labels that a prediction made agree with it, and moved ones differ by as much as they moved."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from meshrec.body.regressors import NamedJoints
from meshrec.build import Surface
from meshrec.data.annotations import RAGGED, Annotations
from meshrec.data.npz_format import write_annotations
from meshrec.data.ragged import Ragged
from meshrec.errors import InvalidInput
from meshrec.evaluation.joint_reader import JointReader
from meshrec.evaluation.people_file import PeopleFile
from meshrec.evaluation.photo_pack import PhotoPack
from meshrec.evaluation.photographs import PhotoMeter, measure_photographs, photo_report
from meshrec.evaluation.surface_points import SurfaceRuler
from meshrec.geometry.projection import project_pinhole
from meshrec.metrics.parts import DENSEPOSE14_OF_PART
from meshrec.pipeline import reconstruct
from meshrec.render import interpolate, rasterize
from meshrec.structures import BODY30, COCO17, LSP14, BodyOutput, BodyParams, IuvMap
from tests.support.standing import standing_model

WIDTH, HEIGHT = 160, 200
BOX = [30.0, 20.0, 100.0, 160.0]


@pytest.fixture(scope="module")
def surface():
    return Surface.load()


@pytest.fixture(scope="module")
def meter(surface):
    reader = JointReader(surface.body)
    return PhotoMeter(standing_model(surface), reader, reader, SurfaceRuler(surface))


@pytest.fixture(scope="module")
def person(meter):
    return reconstruct(np.zeros((HEIGHT, WIDTH, 3), np.uint8), meter.model, boxes_xywh=[BOX])[0]


def joints_of(surface, person, joint_set=BODY30):
    """(K, 3) in camera axes and (K, 2) in the photo."""
    joints = NamedJoints(surface.body, joint_set)(BodyOutput(person.vertices_cam[None], person.joints_cam[None]))
    return joints[0], project_pinhole(joints, person.camera.focal_px, person.camera.centre_px)[0]


def mask_of(person):
    return rasterize(person.vertices_cam[None], person.faces, person.camera, (HEIGHT, WIDTH)).mask[0].numpy()


def report_of(photographs, meter):
    return photo_report(photographs, *measure_photographs(meter, photographs), meter.reader)


def write_pack(folder, keypoints, mask, joint_set=COCO17):
    Image.new("RGB", (WIDTH, HEIGHT)).save(folder / "photo.png")
    Image.fromarray(mask.astype(np.uint8)).save(folder / "mask.png")
    person = {"bbox": BOX, "keypoints": keypoints, "mask_file": "mask.png"}
    index = {"keypoint_names": joint_set.names, "images": [{"image": "photo.png", "people": [person]}]}
    (folder / "index.json").write_text(json.dumps(index))
    return PhotoPack("pack", folder)


def write_people(folder, count=1, **known):
    """A file of people who all stand at the same place of photographs of their own."""
    names = [f"{number}.png" for number in range(count)]
    for name in names:
        Image.new("RGB", (WIDTH, HEIGHT), (90, 90, 90)).save(folder / name)
    people = Annotations.of(names, np.tile(np.float32(BOX), (count, 1)), source="made up", joint_set="Body-30", **known)
    write_annotations(people, folder / "people.npz")
    return folder / "people.npz"


@pytest.mark.parametrize(("shift_px", "expected"), [(0.0, 1.0), (60.0, 0.0)])
def test_labels_that_a_prediction_made_agree_with_it_until_they_are_moved(
    surface, meter, person, tmp_path, shift_px, expected
):
    joints_px = joints_of(surface, person, COCO17)[1] + shift_px
    pack = write_pack(tmp_path, [[x, y, 2] for x, y in joints_px.tolist()], mask_of(person))
    report = report_of(pack, meter)
    figures = report.figures["model"]
    for name in ("pck_02_torso", "pdj_02", "pcp_strict"):
        assert figures[name] == expected, name
    assert figures["mask_iou"] == figures["mask_f1"] == figures["fb_seg_accuracy"] == 1
    assert figures["oks"] == pytest.approx(1) if expected else figures["oks"] < 0.01
    assert report.counts["model"]["pck_02_torso"] == len(COCO17)
    assert report.counts["model"]["fb_seg_accuracy"] == WIDTH * HEIGHT
    assert "pckh_05_neck" not in figures  # COCO labels neither neck nor crown
    assert report.protocol["labels_sha256"] and "nose" in report.protocol["keypoints"]


def test_joints_of_leeds_have_a_head(surface, meter, person, tmp_path):
    joints_px = joints_of(surface, person, LSP14)[1]
    head = (joints_px[LSP14.index("neck")] - joints_px[LSP14.index("head_top")]).norm()
    joints_px[LSP14.index("left_wrist"), 0] += 0.6 * head  # beyond half a head, within 0.2 of the torso or not
    pack = write_pack(tmp_path, [[x, y, 2] for x, y in joints_px.tolist()], mask_of(person), LSP14)
    report = report_of(pack, meter)
    assert report.figures["model"]["pckh_05_neck"] == pytest.approx(13 / 14)
    assert "oks" in report.figures["model"]  # twelve of COCO's joints are labelled


def test_without_joints_there_is_no_share_of_correct_ones(meter, tmp_path):
    figures = report_of(write_pack(tmp_path, [], np.ones((HEIGHT, WIDTH))), meter).figures["model"]
    assert "pck_02_torso" not in figures and "mask_iou" not in figures and 0 < figures["mask_iou_everybody"] < 1


def test_joints_in_space_are_judged_wherever_they_are(surface, meter, person, tmp_path):
    joints, confidence = joints_of(surface, person)[0].numpy() + np.float32([1, 2, 3]), np.ones((1, 30))
    joints[BODY30.index("left_wrist")] += [0, 0.03, 0.04]
    confidence[0, 10:12] = 0
    joints[10:12] = 0
    path = write_people(tmp_path, joints_cam=joints[None], joint_cam_confidence=confidence)
    figures = report_of(PeopleFile("set", path, None, surface.body), meter).figures["model"]
    assert figures["mpjpe_mm"] == pytest.approx(50 / 28, abs=0.01) and figures["pck3d_150"] == 1
    assert figures["auc3d"] == pytest.approx((27 * 30 + 21) / 31 / 28, abs=2e-3)  # rounding misses 0 mm
    assert "pa_mpjpe_mm" in figures and "pve_mm" not in figures


def test_parameters_of_the_body_in_use_give_true_meshes(surface, meter, tmp_path):
    pose = np.zeros((2, 24, 3), np.float32)
    pose[:, 0, 0] = np.pi  # facing the camera, as the standing model does
    pose[1, 16, 1] = 0.5
    path = write_people(tmp_path, 2, pose=pose, betas=np.zeros((2, 10)), body=[surface.body.hash] * 2)
    rows, _ = measure_photographs(meter, PeopleFile("set", path, None, surface.body))
    assert rows[0].values["pve_mm"] == pytest.approx(0, abs=0.05) and rows[1].values["pve_mm"] > 5
    assert rows[0].values["mpjpe_mm"] == pytest.approx(0, abs=0.05)
    bent = surface.body(BodyParams(torch.zeros(1, 10), torch.diag(torch.tensor([1.0, -1, -1]))[None], _bent()))
    straight = meter.model.net.vertices
    root = meter.reader(torch.cat([bent.vertices, straight]))[:, BODY30.index("pelvis")]
    expected = 1000 * ((bent.vertices[0] - root[0]) - (straight[0] - root[1])).norm(dim=-1).mean()
    assert rows[1].values["pve_mm"] == pytest.approx(expected.item(), rel=1e-3)


def _bent():
    from meshrec.geometry.rotations import axis_angle_to_matrix

    pose = torch.zeros(1, 23, 3)
    pose[0, 15, 1] = 0.5
    return axis_angle_to_matrix(pose)


def test_meshes_of_bodies_that_are_not_at_hand_are_not_used(surface, meter, person, tmp_path):
    path = write_people(tmp_path, pose=np.zeros((1, 24, 3)), betas=np.zeros((1, 10)), body=["smpl_male"])
    photographs = PeopleFile("set", path, None, surface.body)
    assert photographs.describe()["true_bodies"] == "none of smpl_male labelled"
    with pytest.raises(InvalidInput, match="set labels nobody whom these figures can be measured on"):
        report_of(photographs, meter)


def test_a_recording_has_accelerations(surface, meter, person, tmp_path):
    """The model stands still; the truth's wrist does too, but jumps by 10 mm in one frame of five."""
    joints = np.tile(joints_of(surface, person)[0].numpy(), (5, 1, 1))
    joints[2, BODY30.index("left_wrist"), 2] += 0.01
    path = write_people(tmp_path, 5, joints_cam=joints, joint_cam_confidence=np.ones((5, 30)),
                        sequence=["walk"] * 5, person=np.zeros(5), frame=np.arange(5))  # fmt: skip
    report = report_of(PeopleFile("set", path, None, surface.body), meter)
    figures = report.figures["model"]
    assert figures["acceleration_mm"] == pytest.approx(0, abs=1e-3)
    assert figures["acceleration_error_mm"] == pytest.approx((10 + 20 + 10) / 3 / 30, rel=1e-3)
    assert report.counts["model"]["acceleration_error_mm"] == 3


@pytest.fixture(scope="module")
def seeing(surface, person):
    """The standing model with the correspondence of its own mesh, and points of DensePose's charts at its pixels."""
    size = 128
    fragments = rasterize(standing_model(surface).net.vertices + torch.tensor([0.0, 0, 10]), surface.body.faces,
                          standing_model(surface).net(torch.zeros(1, 3, 8, 8)).camera, (size, size))  # fmt: skip
    uv = interpolate(fragments, surface.body.faces, surface.atlas.face_texcoords[None])
    model = standing_model(surface, iuv=IuvMap(fragments.mask.float(), uv))
    reader = JointReader(surface.body)
    chosen = fragments.mask[0].nonzero()[::25]
    face, weights = (values[0][chosen[:, 0], chosen[:, 1]] for values in (fragments.face_index, fragments.barycentric))
    side = 1.2 * max(BOX[2:])
    corner = torch.tensor([BOX[0] + BOX[2] / 2 - side / 2, BOX[1] + BOX[3] / 2 - side / 2])
    points = {
        "part": surface.charts.face_part[face].numpy(),
        "uv": (surface.charts.corner_uv[face] * weights[..., None]).sum(1).numpy(),
        "px": ((chosen.flip(1) + 0.5) / size * side + corner).numpy(),
    }
    return PhotoMeter(model, reader, reader, SurfaceRuler(surface)), points


def densepose_file(folder, points):
    return write_people(folder, densepose=Ragged.from_samples([points], RAGGED["densepose"]))


def test_points_of_its_own_surface_are_where_the_net_says(surface, seeing, tmp_path):
    meter, points = seeing
    report = report_of(PeopleFile("set", densepose_file(tmp_path, points), None, surface.body), meter)
    figures = report.figures["model"]
    assert figures["gps"] > 0.999 and figures["gps_parts"] > 0.995
    assert figures["iuv_part_accuracy"] > 0.95  # at the seams of parts either is right
    assert report.counts["model"]["iuv_part_accuracy"] == len(points["part"]) > 50
    assert "charts_hash" in report.protocol["densepose"]


def test_points_beside_the_person_are_worth_nothing(surface, seeing, tmp_path):
    meter, points = seeing
    half = len(points["part"]) // 2
    moved = points | {"px": points["px"].copy()}
    moved["px"][:half] = [2.0, 2.0]
    figures = report_of(PeopleFile("set", densepose_file(tmp_path, moved), None, surface.body), meter).figures["model"]
    assert figures["gps"] == pytest.approx(1 - half / len(points["part"]), abs=2e-3)


def test_the_same_mask_is_the_nets_own_on_the_photo(surface, seeing, person, tmp_path):
    meter, _ = seeing
    figures = report_of(write_pack(tmp_path, [], mask_of(person)), meter).figures["model"]
    assert figures["iuv_mask_iou"] > 0.9


def test_coarse_parts_of_the_box_are_those_of_the_mesh(surface, meter, person, tmp_path):
    """The box as DensePose stretches it, labelled by the mesh itself, then with the whole left half left unlabelled."""
    drawn = rasterize(person.vertices_cam[None], person.faces, person.camera, (HEIGHT, WIDTH)).face_index[0].numpy()
    coarse = np.array(DENSEPOSE14_OF_PART)[np.where(drawn < 0, 0, surface.charts.face_part.numpy()[drawn])]
    rows = (BOX[1] + (np.arange(256) + 0.5) / 256 * BOX[3]).astype(int)
    columns = (BOX[0] + (np.arange(256) + 0.5) / 256 * BOX[2]).astype(int)
    labels = coarse[rows[:, None], columns]
    for part, expected in ((labels, 1.0), (labels * (np.arange(256) >= 128), None)):
        masks = Ragged.from_samples([runs_of(part)], RAGGED["densepose_masks"])
        report = report_of(PeopleFile("set", write_people(tmp_path, densepose_masks=masks), None, surface.body), meter)
        found = report.figures["model"]["part14_accuracy"]
        assert found == (expected or pytest.approx((part == labels).mean(), abs=1e-9)) and 0.5 < found
        assert report.counts["model"]["part14_f1"] == 256 * 256


def runs_of(labels):
    """Run lengths of each part, background first, down the columns."""
    parts, runs = [], []
    for part in np.unique(labels[labels > 0]):
        flat = np.concatenate([[False], (labels == part).T.reshape(-1), [False]])
        ends = np.flatnonzero(np.diff(flat))
        lengths = np.diff(np.concatenate([[0], ends, [256 * 256]]))
        parts.append(np.full(len(lengths), part))
        runs.append(lengths)
    return {"part": np.concatenate(parts), "run": np.concatenate(runs)}


def test_an_unreadable_picture_is_left_out_and_named(surface, meter, person, tmp_path):
    joints = np.tile(joints_of(surface, person)[0].numpy(), (3, 1, 1))
    path = write_people(tmp_path, 3, joints_cam=joints, joint_cam_confidence=np.ones((3, 30)))
    (tmp_path / "1.png").write_bytes(b"no picture")
    report = report_of(PeopleFile("set", path, None, surface.body), meter)
    assert list(report.left_out) == ["1.png"] and "cannot be read" in report.left_out["1.png"]
    assert report.counts["model"]["mpjpe_mm"] == 2
    for number in (0, 2):
        (tmp_path / f"{number}.png").unlink()
    with pytest.raises(InvalidInput, match="The first of 3 photos left out: .*0.png cannot be read"):
        report_of(PeopleFile("set", path, None, surface.body), meter)


def test_pictures_of_another_size_than_the_labels_are_left_out(surface, meter, tmp_path):
    path = write_people(tmp_path, image_size=np.array([[50, 50]]))
    _, left_out = measure_photographs(meter, PeopleFile("set", path, None, surface.body))
    assert "was labelled at 50 x 50" in left_out["0.png"]
