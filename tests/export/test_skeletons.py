"""Rigged GLB and BVH files, evaluated by readers of their own."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import trimesh

from meshrec.body import BodyModel
from meshrec.errors import InvalidInput
from meshrec.export import save_skeleton
from meshrec.export.bvh import bvh_text
from meshrec.export.rig import rigs_of
from meshrec.fitting.state import BodyState
from meshrec.geometry.rotations import axis_angle_to_matrix
from meshrec.structures import SMPL24, BodyParams
from tests.support.bvh_reader import bvh_joints
from tests.support.gltf_reader import Glb
from tests.support.posed_people import posed_people, random_params

FILE_FROM_CAMERA = np.array([1.0, -1.0, -1.0])
SINGLE_PRECISION_M = 3e-6


@pytest.fixture(scope="module")
def body():
    return BodyModel.from_file()


@pytest.fixture(scope="module")
def people(body):
    return posed_people(body, random_params(2, seed=1))


@pytest.fixture(scope="module")
def glb(body, people, tmp_path_factory):
    path = tmp_path_factory.mktemp("skeletons") / "people.glb"
    assert save_skeleton(people, body, path) == [path]
    return path


def test_skinning_a_glb_gives_everybodys_mesh_in_place(glb, people):
    file = Glb(glb.read_bytes())
    for number, person in enumerate(people):
        expected = person.vertices_cam.numpy() * FILE_FROM_CAMERA
        assert np.abs(file.skinned(f"person_{number + 1}") - expected).max() < SINGLE_PRECISION_M


def test_the_joints_of_a_glb_stand_where_ours_do(glb, people):
    file = Glb(glb.read_bytes())
    for number, person in enumerate(people):
        joints = file.joints(number)
        assert tuple(joints) == SMPL24.names
        got = np.stack(list(joints.values()))
        assert np.abs(got - person.joints_cam.numpy() * FILE_FROM_CAMERA).max() < SINGLE_PRECISION_M


def test_joints_of_a_glb_at_rest_give_the_upright_rest_pose(body, people, tmp_path):
    rest = BodyParams.rest(1)
    save_skeleton(BodyState(rest, torch.zeros(1, 3)), body, tmp_path / "rest.glb")
    file = Glb((tmp_path / "rest.glb").read_bytes())
    expected = body(rest).vertices[0].numpy() * FILE_FROM_CAMERA
    assert np.abs(file.skinned("person_1") - expected).max() < SINGLE_PRECISION_M
    (surface,) = file.json["meshes"][0]["primitives"]
    assert np.abs(file.array(surface["attributes"]["POSITION"]) - body.template_vertices.numpy()).max() < 1e-6


def test_the_weights_of_a_glb_are_shares_of_joints_that_exist(glb):
    file = Glb(glb.read_bytes())
    attributes = file.json["meshes"][0]["primitives"][0]["attributes"]
    sets = range(sum(name.startswith("WEIGHTS") for name in attributes))
    weights = np.concatenate([file.array(attributes[f"WEIGHTS_{number}"]) for number in sets], axis=1)
    joints = np.concatenate([file.array(attributes[f"JOINTS_{number}"]) for number in sets], axis=1)
    assert np.abs(weights.sum(1) - 1).max() < 1e-6 and weights.min() >= 0
    assert joints.max() < 24 and not joints[weights == 0].any()


def test_trimesh_reads_the_meshes_and_the_joints_of_a_glb(glb, people):
    scene = trimesh.load(glb, process=False)
    assert sorted(scene.geometry) == ["person_1", "person_2"]
    assert all(mesh.is_watertight and mesh.volume > 0 for mesh in scene.geometry.values())
    places = np.stack([scene.graph.get(name)[0][:3, 3] for name in SMPL24.names])
    assert np.abs(places - people[0].joints_cam.numpy() * FILE_FROM_CAMERA).max() < SINGLE_PRECISION_M


def test_a_bvh_per_person_moves_the_joints_to_where_ours_are(body, people, tmp_path):
    paths = save_skeleton(people, body, tmp_path / "pose.bvh")
    assert [path.name for path in paths] == ["pose.bvh", "pose_2.bvh"]
    for path, person in zip(paths, people):
        (frame,) = bvh_joints(path.read_text())
        got = np.stack([frame[name] for name in SMPL24.names])
        assert np.abs(got - person.joints_cam.numpy() * FILE_FROM_CAMERA).max() < SINGLE_PRECISION_M


def test_the_ends_of_a_bvh_are_points_of_the_skin(body, people, tmp_path):
    (path,) = save_skeleton(people[:1], body, tmp_path / "pose.bvh")
    (frame,) = bvh_joints(path.read_text())
    ends = {name: place for name, place in frame.items() if name.endswith("_end")}
    assert sorted(ends) == [f"{leaf}_end" for leaf in ("head", "left_foot", "left_hand", "right_foot", "right_hand")]
    skin = people[0].vertices_cam.numpy() * FILE_FROM_CAMERA
    for place in ends.values():  # up to what blending with neighbouring joints moves the skin
        assert np.linalg.norm(skin - place, axis=1).min() < 0.02


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("off", [0.0, 1e-12, 1e-7])
def test_a_bvh_holds_rotations_at_which_euler_angles_are_not_unique(body, people, sign, off):
    rig = rigs_of(BodyState(people[0].body_params, torch.zeros(1, 3)), body)[0]
    hip, knee = SMPL24.index("left_hip"), SMPL24.index("left_knee")
    quarter = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -sign], [0.0, sign, 0.0]])
    turned = quarter @ axis_angle_to_matrix(torch.tensor([0.0, 0.4, 0.0], dtype=torch.float64)).numpy()
    noise = off * np.random.default_rng(0).normal(size=(3, 3))  # as rounding leaves it
    rotations = rig.rotations.copy()
    rotations[hip] = turned + noise
    (frame,) = bvh_joints(bvh_text(replace(rig, rotations=rotations)))
    expected = rotations[0] @ turned @ rig.offsets[knee]
    assert np.abs(frame["left_knee"] - frame["left_hip"] - expected).max() < SINGLE_PRECISION_M


@pytest.mark.parametrize("name", ["pose.fbx", "pose", "pose.glb.zip"])
def test_an_unknown_extension_is_refused_naming_the_allowed_ones(body, people, tmp_path, name):
    with pytest.raises(InvalidInput, match=r"must be \.glb or \.bvh"):
        save_skeleton(people, body, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_nobody_and_people_without_parameters_are_explained(body, people, tmp_path):
    with pytest.raises(InvalidInput, match="no person"):
        save_skeleton([], body, tmp_path / "pose.glb")
    with pytest.raises(InvalidInput, match="with_body_params"):
        save_skeleton([replace(people[0], body_params=None)], body, tmp_path / "pose.glb")
    assert list(tmp_path.iterdir()) == []
