"""tools/mesh_to_params.py: mesh files in, parameters and skeletons out, figures, and one sentence for what is wrong."""

import json

import numpy as np
import pytest
import torch

from meshrec.body import BodyModel
from meshrec.body.pose_prior import PosePrior
from meshrec.evaluation.parameters import MeshSource, measure_parameters
from meshrec.export import load_params, save_mesh
from tests.support.bvh_reader import bvh_joints
from tests.support.commands import load_main
from tests.support.posed_people import posed_people, random_params


@pytest.fixture(scope="module")
def main():
    return load_main("tools/mesh_to_params.py")


@pytest.fixture(scope="module")
def body():
    return BodyModel.from_file()


@pytest.fixture(scope="module")
def people(body):
    return posed_people(body, random_params(2, seed=8))


def test_an_exported_mesh_becomes_the_parameters_of_its_people_again(main, body, people, tmp_path, capsys):
    save_mesh(people, tmp_path / "people.obj")
    arguments = ("--out", tmp_path / "params.npz", "--skeleton", tmp_path / "pose.bvh", "--json", tmp_path / "f.json")
    assert main(tmp_path / "people.obj", *arguments) == 0
    bodies = load_params(tmp_path / "params.npz", body)
    vertices = body(bodies.params).vertices + bodies.translation[:, None]
    away = (vertices - torch.stack([person.vertices_cam for person in people])).norm(dim=-1).mean(1)
    assert away.max() < 0.003
    assert json.loads((tmp_path / "f.json").read_text())["error_mm"] == pytest.approx((1000 * away).tolist(), abs=0.01)
    (frame,) = bvh_joints((tmp_path / "pose_2.bvh").read_text())
    with np.load(tmp_path / "params.npz") as file:
        assert np.allclose(frame["pelvis"], file["joints_cam"][1, 0] * [1, -1, -1], atol=1e-5)
        assert "focal_px" not in file
    said = capsys.readouterr().out
    assert "person 2: the mesh is 0." in said and f"Wrote {tmp_path / 'pose_2.bvh'}" in said


def test_meshes_may_be_in_camera_axes_already(main, body, people, tmp_path):
    np.save(tmp_path / "people.npy", people[0].vertices_cam.numpy())
    assert main(tmp_path / "people.npy", "--axes", "camera", "--out", tmp_path / "params.npz", "--no-prior") == 0
    bodies = load_params(tmp_path / "params.npz", body)
    assert (bodies.params.global_orient - people[0].body_params.global_orient).abs().max() < 0.02


def test_figures_are_those_of_the_fits(body, people):
    meshes = torch.stack([person.vertices_cam for person in people])
    off = meshes + torch.tensor([0.0, 0.0, 0.1])
    source = MeshSource("known", lambda count: iter([(off[:count], meshes[:count])]))
    figures = measure_parameters(source, body, PosePrior.from_file(), 2)
    assert list(figures) == [f"known, {way}" for way in ("first guess", "refined", "refined, with pose prior")]
    guess, refined, _ = figures.values()
    assert 1 < guess["mean_mm"] < 12 and refined["mean_mm"] < 1 and refined["mean_mm"] <= refined["worst_mm"]
    # Moved meshes have the same roots' distances.
    assert refined["pve_mm"] < 3 * refined["worst_mm"] + 0.1
    energies = PosePrior.from_file().energy(torch.cat([person.body_params.body_pose for person in people]))
    assert refined["prior"] == pytest.approx(float(energies.median()), rel=0.1)


def test_the_measuring_command_prints_and_writes_figures(main, tmp_path, capsys):
    assert main("--measure", 4, "--json", tmp_path / "figures.json") == 0
    figures = json.loads((tmp_path / "figures.json").read_text())["figures"]
    assert figures["true meshes, first guess"]["mean_mm"] <= 12 and figures["true meshes, refined"]["mean_mm"] <= 3
    assert "true meshes, refined" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "give a mesh file or --measure"),
        (("a.obj", "--measure", 3), "give a mesh file or --measure"),
        (("absent.obj",), "There is no mesh file"),
        (("mesh.stl",), "extension must be"),
        (("absent.obj", "--out", "params.pkl"), "must be .npz"),
        (("absent.obj", "--skeleton", "pose.fbx"), ".glb or .bvh"),
        (("--measure", 0), "at least 1"),
        (("--measure", 3, "--out", "params.npz"), "--out belongs to a mesh file"),
        (("--measure", 3, "--no-prior"), "--no-prior belongs to a mesh file"),
        (("a.obj", "--net"), "--net belongs to --measure"),
    ],
)
def test_mistakes_end_with_one_sentence(main, capsys, arguments, words):
    assert main(*arguments) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1


@pytest.mark.parametrize("scale", [0.0, 1000.0, 1e30])
def test_meshes_that_are_not_in_metres_are_refused(main, people, tmp_path, capsys, scale):
    np.save(tmp_path / "people.npy", scale * people[0].vertices_cam.numpy())
    assert main(tmp_path / "people.npy", "--out", tmp_path / "params.npz") == 2
    assert "meshes must be in metres" in capsys.readouterr().err and not (tmp_path / "params.npz").exists()
