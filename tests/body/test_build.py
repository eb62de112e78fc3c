"""The steps that derive the default body, on shapes small enough to know the answer."""

import numpy as np
import pytest

pytest.importorskip("scipy", reason="scipy is not installed")

from scipy.spatial.transform import Rotation  # noqa: E402

from meshrec.body.build.joint_regression import fit_joint_regressor  # noqa: E402
from meshrec.body.build.joints import SMPL_PARENTS, smpl_weights  # noqa: E402
from meshrec.body.build.landmarks import slot_order  # noqa: E402
from meshrec.body.build.mesh_reduction import reduce_symmetric  # noqa: E402
from meshrec.body.build.pose_correctives import SHARE_OF_DUAL_QUATERNION, skinning_difference  # noqa: E402
from meshrec.body.build.shape_space import (  # noqa: E402
    body_mass_index,
    fit_coefficients,
    principal_shapes,
    symmetrised,
    volume,
)
from meshrec.body.build.t_pose import to_t_pose  # noqa: E402
from meshrec.body.build.untangling import crossing_faces, untangle  # noqa: E402
from meshrec.body.regressors import LANDMARK_VERTICES  # noqa: E402
from tests.support.solids import octahedron_sphere  # noqa: E402

FLIP = np.array([-1.0, 1.0, 1.0])


def symmetric_sphere(subdivisions: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A sphere with no face across x = 0, and the mirror image of each vertex."""
    vertices, faces = (tensor.numpy() for tensor in octahedron_sphere(subdivisions))
    distances = np.linalg.norm(vertices[:, None] * FLIP - vertices[None], axis=-1)
    return vertices, faces, distances.argmin(1)


def test_reduction_keeps_a_sphere_closed_symmetric_and_round():
    vertices, faces, mirror = symmetric_sphere()
    reduced = reduce_symmetric(vertices, faces, mirror, np.ones(len(vertices)), pairs=180, middle=30)
    kept = vertices[reduced.source_vertex]
    assert len(kept) == 2 * 180 + 30 and len(reduced.faces) == 2 * len(kept) - 4
    directed = np.concatenate([np.roll(reduced.faces, -i, 1)[:, :2] for i in range(3)])
    assert len(np.unique(directed, axis=0)) == len(directed)
    assert {tuple(edge) for edge in directed.tolist()} == {tuple(edge) for edge in directed[:, ::-1].tolist()}
    assert np.array_equal(kept[reduced.mirror_vertex], kept * FLIP)
    assert volume(kept, reduced.faces) > 0.96 * 4 / 3 * np.pi


def test_reduction_keeps_more_where_errors_count_more():
    vertices, faces, mirror = symmetric_sphere()
    importance = np.where(vertices[:, 1] > 0, 100.0, 1.0)
    reduced = reduce_symmetric(vertices, faces, mirror, importance, pairs=180, middle=30)
    upper = (vertices[reduced.source_vertex][:, 1] > 0).mean()
    assert upper > 0.6


def test_principal_shapes_recover_known_directions_with_unit_variance():
    random = np.random.default_rng(0)
    vertices, _, mirror = symmetric_sphere(2)
    truth = symmetrised(random.standard_normal((2, *vertices.shape)), mirror) * np.array([3.0, 1.0])[:, None, None]
    shapes = vertices + np.einsum("ns,svc->nvc", random.standard_normal((400, 2)), truth)
    mean, directions, variance = principal_shapes(shapes, mirror, 2)
    coefficients = fit_coefficients(shapes, mean, directions)
    assert np.abs(mean + np.einsum("vcs,ns->nvc", directions, coefficients) - shapes).max() < 1e-9
    assert np.allclose(coefficients.std(0), 1, atol=0.01) and variance.sum() == pytest.approx(1)
    assert np.allclose(directions[mirror] * FLIP[:, None], directions)


def test_body_mass_index_of_a_box_is_its_mass_over_its_height_squared():
    import trimesh

    box = trimesh.creation.box((0.4, 1.8, 0.1))
    assert body_mass_index(np.asarray(box.vertices), np.asarray(box.faces)) == pytest.approx(985 * 0.4 * 0.1 / 1.8)


def test_joint_regressor_finds_joints_that_are_means_of_vertices():
    random = np.random.default_rng(1)
    vertices, _, mirror = symmetric_sphere(3)
    shapes = symmetrised(vertices + 0.05 * random.standard_normal((60, *vertices.shape)), mirror)
    joints = np.repeat(shapes.mean(1)[:, None], 24, 1)  # in the middle of the sphere, which needs vertices all around
    regressor = fit_joint_regressor(shapes[:40], joints[:40], mirror)
    assert np.allclose(regressor.sum(1), 1) and regressor.min() >= 0 and ((regressor > 0).sum(1) <= 64).all()
    assert np.linalg.norm(regressor @ shapes[40:] - joints[40:], axis=-1).mean() < 0.02


def test_skin_of_unnamed_bones_goes_to_the_joint_above_and_the_thumb_to_the_wrist():
    bones = ("root", "wrist.L", "finger1-1.L", "finger3-1.L", "finger3-2.L")
    parents = np.array([-1, 0, 1, 1, 3])
    weights = smpl_weights(np.eye(5), bones, parents)
    assert weights.argmax(1).tolist() == [0, 20, 20, 22, 22]


def test_landmarks_end_up_in_their_slots_and_no_vertex_is_lost():
    landmarks = {name: 100 + i for i, name in enumerate(LANDMARK_VERTICES)}
    order = slot_order(landmarks, 6890)
    assert np.array_equal(np.sort(order), np.arange(6890))
    assert all(order[slot] == landmarks[name] for name, slot in LANDMARK_VERTICES.items())


def test_t_pose_brings_the_left_arm_onto_the_x_axis():
    names = ("spine01", "clavicle.*", "shoulder01.*", "upperarm01.*", "lowerarm01.*", "lowerarm02.*", "wrist.*")
    names += ("finger2-1.*", "finger3-1.*", "finger5-1.*", "upperleg01.*", "lowerleg01.*", "foot.*")
    places = [(0, 1.4, 0), (0.02, 1.4, 0), (0.1, 1.42, 0), (0.2, 1.4, 0), (0.4, 1.2, 0.02), (0.5, 1.1, 0.06)]
    places += [(0.6, 1, 0.1), (0.66, 0.93, 0.16), (0.66, 0.92, 0.13), (0.66, 0.93, 0.08)]
    places += [(0.1, 0.9, 0), (0.12, 0.5, 0.02), (0.15, 0.1, -0.02)]
    above = [-1, 0, 1, 2, 3, 4, 5, 6, 6, 6, 0, 10, 11]
    bones, heads, parents = [names[0]], [places[0]], [-1]
    for side, sign in (("L", 1), ("R", -1)):
        first = len(bones) - 1
        for name, (x, y, z), parent in zip(names[1:], places[1:], above[1:], strict=True):
            bones.append(name.replace("*", side))
            heads.append((sign * x, y, z))
            parents.append(parent + first if parent else 0)
    heads = np.array([heads], float)
    vertices, posed = to_t_pose(heads, heads, np.eye(len(bones)), tuple(bones), np.array(parents))
    at = dict(zip(bones, posed[0], strict=True))
    assert np.allclose(vertices, posed)  # each vertex sits on a bone head and moves with it
    shoulder, elbow, wrist, middle = (at[f"{name}.L"] for name in ("upperarm01", "lowerarm01", "wrist", "finger3-1"))
    for start, end in ((shoulder, elbow), (elbow, wrist), (wrist, middle)):
        assert np.allclose((end - start) / np.linalg.norm(end - start), [1, 0, 0], atol=1e-9)
    across = at["finger2-1.L"] - at["finger5-1.L"]
    assert abs(across[1]) < 1e-9 and across[2] > 0  # palm down, index finger in front
    assert np.allclose(
        [at[name.replace(".L", ".R")] * FLIP for name in at if ".L" in name], [at[name] for name in at if ".L" in name]
    )


def test_dual_quaternions_keep_the_radius_of_a_twisted_limb():
    angle = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    ring = np.stack([np.full(16, 0.5), 0.05 * np.cos(angle), 0.05 * np.sin(angle)], -1)
    joints = np.zeros((24, 3))
    weights = np.zeros((16, 24))
    weights[:, [16, 18]] = 0.5  # half-way between left shoulder and left elbow
    assert SMPL_PARENTS[18] == 16
    rotations = np.broadcast_to(np.eye(3), (1, 24, 3, 3)).copy()
    rotations[0, 18] = Rotation.from_rotvec([1.2, 0, 0]).as_matrix()
    offsets = skinning_difference(ring, joints, weights, rotations)[0]
    half = 0.5 * (np.eye(3) + rotations[0, 18])
    linear_radius = np.linalg.norm((ring @ half.T)[:, 1:], axis=1)
    corrected_radius = np.linalg.norm(((ring + offsets) @ half.T)[:, 1:], axis=1)
    assert np.allclose(linear_radius, 0.05 * np.cos(0.6))
    assert np.allclose(corrected_radius, linear_radius + SHARE_OF_DUAL_QUATERNION * (0.05 - linear_radius), atol=1e-6)


def test_crossing_faces_are_found_and_touching_neighbours_are_not():
    vertices, faces, _ = symmetric_sphere(2)
    assert len(crossing_faces(vertices, faces)) == 0
    both = np.concatenate([vertices, 0.5 * vertices + [0.9, 0, 0]])
    pairs = crossing_faces(both, np.concatenate([faces, faces + len(vertices)]))
    assert len(pairs) > 4
    assert ((pairs < len(faces)).sum(1) == 1).all()  # always one face of each sphere


def test_untangling_smooths_a_fold_away_and_leaves_the_rest_alone():
    vertices, faces, mirror = symmetric_sphere(3)
    folded = vertices.copy()
    spike = vertices[:, 1].argmax()
    folded[spike] = [0, -1.4, 0]  # pushed through the whole sphere
    assert len(crossing_faces(folded, faces)) > 0
    smoothing = untangle(folded, faces, mirror)
    assert len(crossing_faces(smoothing @ folded, faces)) == 0
    assert np.allclose(np.asarray(smoothing.sum(1)).ravel(), 1)
    moved = np.linalg.norm(smoothing @ folded - folded, axis=1) > 0
    assert moved[spike] and moved.mean() < 0.5
