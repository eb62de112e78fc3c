"""What the shipped body must be: closed, symmetric, SMPL-shaped, and wide enough in its shapes."""

import itertools

import numpy as np
import pytest
import torch

from meshrec.assets import asset_path
from meshrec.body.build.shape_space import body_mass_index
from meshrec.body.model import BodyModel
from meshrec.body.regressors import LANDMARK_VERTICES
from meshrec.structures.joints import SMPL24

FLIP = np.array([-1.0, 1.0, 1.0], np.float32)


@pytest.fixture(scope="module")
def body():
    return BodyModel.from_file()


@pytest.fixture(scope="module")
def arrays():
    with np.load(asset_path("body/meshrec_body.npz")) as file:
        return dict(file)


def test_it_has_the_sizes_of_smpl(arrays):
    assert {
        key: arrays[key].shape for key in ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "f")
    } == {
        "v_template": (6890, 3),
        "shapedirs": (6890, 3, 10),
        "posedirs": (6890, 3, 207),
        "J_regressor": (24, 6890),
        "weights": (6890, 24),
        "f": (13776, 3),
    }
    assert arrays["kintree_table"][0].tolist() == [
        -1,
        0,
        0,
        0,
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        8,
        9,
        9,
        9,
        12,
        13,
        14,
        16,
        17,
        18,
        19,
        20,
        21,
    ]


def test_it_is_one_closed_surface_without_handles_and_consistently_wound(arrays):
    faces = arrays["f"]
    directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    assert len(np.unique(directed, axis=0)) == len(directed)  # no edge is walked twice in one direction
    assert {tuple(edge) for edge in directed.tolist()} == {tuple(edge) for edge in directed[:, ::-1].tolist()}
    assert len(np.unique(faces)) == 6890
    assert 6890 - len(directed) // 2 + len(faces) == 2
    reached = {0}
    grown = True
    while grown:
        touching = np.isin(faces, list(reached)).any(1)
        grown = len(before := set(faces[touching].ravel().tolist())) > len(reached)
        reached |= before
    assert len(reached) == 6890


def test_every_vertex_is_ringed_by_one_fan_of_faces(arrays):
    faces = arrays["f"]
    corners = np.concatenate([faces, np.roll(faces, -1, 1), np.roll(faces, -2, 1)])
    following = [{} for _ in range(6890)]
    for centre, a, b in corners.tolist():
        following[centre][a] = b
    for ring in following:
        start = next(iter(ring))
        vertex, steps = ring[start], 1
        while vertex != start:
            vertex, steps = ring[vertex], steps + 1
        assert steps == len(ring)


def test_faces_look_outwards_and_none_is_degenerate(arrays):
    corners = arrays["v_template"][arrays["f"]].astype(np.float64)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (corners[:, 0] * normals).sum() / 6 > 0.05  # cubic metres
    assert 0.5 * np.linalg.norm(normals, axis=1).min() > 1e-6  # square metres: 1 mm^2


def test_nothing_passes_through_itself_at_rest(arrays):
    pytest.importorskip("scipy", reason="scipy is not installed")
    from meshrec.body.build.untangling import crossing_faces

    assert len(crossing_faces(arrays["v_template"], arrays["f"])) == 0


def test_it_mirrors_onto_itself_exactly(arrays):
    mirror, joints = arrays["mirror_vertex"], list(SMPL24.mirror)
    assert np.array_equal(mirror[mirror], np.arange(6890))
    assert np.array_equal(arrays["v_template"][mirror] * FLIP, arrays["v_template"])
    assert np.array_equal(arrays["weights"][mirror][:, joints], arrays["weights"])
    assert np.allclose(arrays["J_regressor"][:, mirror][joints], arrays["J_regressor"], atol=1e-7)
    assert np.allclose(arrays["shapedirs"][mirror] * FLIP[:, None], arrays["shapedirs"], atol=1e-4)
    mirrored = np.sort(mirror[arrays["f"]], 1)
    assert {tuple(face) for face in np.sort(arrays["f"], 1).tolist()} == {tuple(face) for face in mirrored.tolist()}


def test_rows_of_weights_and_of_the_joint_regressor_sum_to_one(arrays):
    assert np.abs(arrays["weights"].sum(1) - 1).max() < 1e-5
    assert np.abs(arrays["J_regressor"].sum(1) - 1).max() < 1e-5
    assert arrays["weights"].min() >= 0 and arrays["J_regressor"].min() >= 0
    assert (arrays["weights"] > 0).sum(1).max() <= 5  # four influences, more only where mirroring ties them


def test_it_stands_upright_facing_forward_with_its_left_at_positive_x(body):
    joints = dict(zip(SMPL24.names, (body.joint_regressor @ body.template_vertices).tolist(), strict=True))
    assert (
        joints["head"][1] > joints["neck"][1] > joints["pelvis"][1] > joints["left_knee"][1] > joints["left_ankle"][1]
    )
    assert joints["left_foot"][2] > joints["left_ankle"][2] + 0.1
    assert joints["left_wrist"][0] > joints["left_elbow"][0] > joints["left_shoulder"][0] > 0.1
    assert max(abs(coordinate) for coordinate in joints["pelvis"]) < 0.01
    assert abs(joints["left_wrist"][1] - joints["left_shoulder"][1]) < 0.02


def test_joints_lie_inside_the_body(body):
    vertices = body.template_vertices.double()
    joints = (body.joint_regressor @ body.template_vertices).double()
    triangles = vertices[body.faces] - joints[:, None, None]
    a, b, c = (torch.nn.functional.normalize(triangles[:, :, i], dim=-1) for i in range(3))
    triple = (a * torch.cross(b, c, dim=-1)).sum(-1)
    solid_angle = 2 * torch.atan2(triple, 1 + (a * b).sum(-1) + (b * c).sum(-1) + (c * a).sum(-1))
    winding = solid_angle.sum(1) / (4 * torch.pi)
    assert (winding > 0.9).all()


def test_landmark_slots_hold_the_landmarks(body):
    at = {name: body.template_vertices[vertex] for name, vertex in LANDMARK_VERTICES.items()}
    joints = dict(zip(SMPL24.names, body.joint_regressor @ body.template_vertices, strict=True))
    assert at["nose"][0] == 0 and at["nose"][2] > at["left_eye"][2] and at["nose"][1] < at["left_eye"][1]
    assert 0.02 < at["left_eye"][0] < 0.04 and at["left_ear"][0] > 0.06 and at["left_ear"][2] < at["left_eye"][2]
    assert at["left_big_toe"][0] < at["left_small_toe"][0] and at["left_heel"][2] < joints["left_ankle"][2]
    assert at["left_big_toe"][2] > joints["left_foot"][2]
    fingers = [at[f"left_{finger}"] for finger in ("thumb", "index", "middle", "ring", "pinky")]
    assert all(tip[0] > joints["left_hand"][0] - 0.03 for tip in fingers)
    assert all(one[2] > other[2] for one, other in itertools.pairwise(fingers))  # palm down, thumb in front
    for name in ("eye", "ear", "big_toe", "small_toe", "heel", "thumb", "index", "middle", "ring", "pinky"):
        assert torch.equal(at[f"left_{name}"] * torch.tensor(FLIP), at[f"right_{name}"])


def test_heavy_and_slight_tall_and_short_adults_are_within_reach(body):
    template, directions = body.template_vertices.numpy(), body.shape_directions.numpy()
    mean = body_mass_index(template, body.faces.numpy())
    reach = []
    for coefficient in range(body.beta_count):
        ends = np.stack([template + sign * 2.5 * directions[..., coefficient] for sign in (-1, 1)])
        index, height = body_mass_index(ends, body.faces.numpy()), np.ptp(ends[..., 1], axis=-1)
        reach.append((index.min(), index.max(), height.min(), height.max()))
    least, most, shortest, tallest = np.array(reach).T
    assert 22 < mean < 27
    assert least.min() < 17 and most.max() > 33  # underweight to obese along one coefficient
    assert shortest.min() < 1.5 and tallest.max() > 1.9


def test_shape_directions_are_ordered_by_how_much_they_change(arrays):
    variance = np.square(arrays["shapedirs"].astype(np.float64)).sum((0, 1))
    assert (np.diff(variance) < 0).all()


def test_base_mesh_vertices_are_distinct(arrays):
    assert len(np.unique(arrays["hm08_vertex"])) == 6890
    assert 0 <= arrays["hm08_vertex"].min() and arrays["hm08_vertex"].max() < 13380  # the body group of hm08
