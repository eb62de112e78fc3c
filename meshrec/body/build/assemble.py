"""Runs the steps that make the default body, from MakeHuman's mesh to the arrays of an SMPL-format file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from meshrec.assets import write_atomically
from meshrec.body.build.anny_source import SourceBody, load_source_body
from meshrec.body.build.joint_regression import fit_joint_regressor
from meshrec.body.build.joints import SMPL_PARENTS, smpl_joints, smpl_weights
from meshrec.body.build.landmarks import find_landmarks, slot_order
from meshrec.body.build.mesh_reduction import ReducedMesh, reduce_symmetric
from meshrec.body.build.pockets import fill_pockets
from meshrec.body.build.pose_correctives import fit_pose_directions
from meshrec.body.build.shape_space import (
    body_mass_index,
    fit_coefficients,
    principal_shapes,
    sample_shapes,
    symmetrised,
)
from meshrec.body.build.t_pose import to_t_pose
from meshrec.body.build.untangling import untangle
from meshrec.structures.joints import SMPL24

# V = 6890 like SMPL; a closed genus-0 mesh then has F = 13776. 122 vertices of the mid-plane are enough for the
# profile.
_PAIRS, _MIDDLE = 3384, 122
# How much more an error counts than on the trunk; the mouth's inside is a hidden membrane.
_IMPORTANCE = {"head": 4.0, "hand": 3.2, "foot": 1.3, "eye_socket": 8.0, "mouth_cavity": 0.2}
_SHAPES_FIT, _SHAPES_HELD_OUT, _BETAS = 480, 120, 10
_BMI_RANGE = (15.5, 45.0)  # MakeHuman's sliders combined at random also make bodies that nobody has
_SEED = 20250


@dataclass(frozen=True)
class _Samples:
    vertices: np.ndarray  # (N, B, 3) in the T-pose, mirror-symmetric, pelvis at the origin
    joints: np.ndarray  # (N, 24, 3)
    eye_centre: np.ndarray  # (3,) of the left eye, mean shape


def build_body() -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Arrays of the body under SMPL's names, and figures that describe how well each step went."""
    source = load_source_body()
    samples = _sample_bodies(source)
    mean = samples.vertices[:_SHAPES_FIT].mean(0)
    mesh = _reduce(source, mean, samples.eye_centre)
    smoothing = untangle(mean[mesh.source_vertex], mesh.faces, mesh.mirror_vertex)
    shapes = np.stack([smoothing @ shape for shape in samples.vertices[:, mesh.source_vertex]])
    weights = _weights(source, mesh)
    template, shape_directions, variance = principal_shapes(shapes[:_SHAPES_FIT], mesh.mirror_vertex, _BETAS)
    shape_directions *= _signs(template, shape_directions, mesh.faces)
    regressor = fit_joint_regressor(shapes[:_SHAPES_FIT], samples.joints[:_SHAPES_FIT], mesh.mirror_vertex)
    pose_directions, pose_figures = fit_pose_directions(
        template, regressor @ template, weights, mesh.mirror_vertex, 300, _SEED
    )
    held_out = shapes[_SHAPES_FIT:]
    coefficients = fit_coefficients(held_out, template, shape_directions)
    residual_mm = 1000 * np.linalg.norm(
        template + np.einsum("vcs,ns->nvc", shape_directions, coefficients) - held_out, axis=-1
    )
    joint_error_mm = 1000 * np.linalg.norm(regressor @ held_out - samples.joints[_SHAPES_FIT:], axis=-1)
    figures = {
        "shape_variance_explained": float(variance.sum()),
        "shape_held_out_mean_mm": float(residual_mm.mean()),
        "shape_held_out_p95_mm": float(np.percentile(residual_mm, 95)),
        "joint_held_out_mean_mm": float(joint_error_mm.mean()),
        "joint_held_out_max_mm": float(joint_error_mm.max()),
        "joint_held_out_worst_joint_mean_mm": float(joint_error_mm.mean(0).max()),
    } | {f"pose_{name}": value for name, value in pose_figures.items()}
    arrays = {
        "v_template": template.astype(np.float32),
        "shapedirs": shape_directions.astype(np.float16),
        "posedirs": pose_directions.astype(np.float16),
        "J_regressor": regressor.astype(np.float32),
        "weights": weights.astype(np.float32),
        "kintree_table": np.array([SMPL_PARENTS, range(len(SMPL24))], np.int64),
        "f": mesh.faces.astype(np.int32),
        "mirror_vertex": mesh.mirror_vertex.astype(np.int32),
        "hm08_vertex": source.hm08_vertex[mesh.source_vertex].astype(np.int32),
    }
    return arrays, figures


def write_body(arrays: dict[str, np.ndarray], path: str | Path) -> None:
    """Write the arrays as a compressed npz."""
    with write_atomically(path) as temporary:
        np.savez_compressed(temporary, **arrays)


def _sample_bodies(source: SourceBody) -> _Samples:
    count = _SHAPES_FIT + _SHAPES_HELD_OUT
    phenotypes, changes = sample_shapes(source, count + count // 15, _SEED)
    vertices, heads = source.rest(phenotypes, changes)
    index = body_mass_index(vertices[:, : len(source.mirror_vertex)], source.faces)
    plausible = np.flatnonzero((index > _BMI_RANGE[0]) & (index < _BMI_RANGE[1]))[:count]
    vertices, heads = vertices[plausible], heads[plausible]
    fill = fill_pockets(source, vertices.mean(0))
    filled = np.stack([fill @ shape for shape in vertices])
    posed, posed_heads = to_t_pose(filled, heads, source.weights, source.bones, source.parents)
    joints = smpl_joints(posed_heads, source.bones)
    pelvis = joints[:, :1].copy()
    eye = vertices.mean(0)[len(source.mirror_vertex) :]
    eye = eye[eye[:, 0] > 0]
    head = source.bones.index("head")  # the T-pose only moves the head along with the pelvis
    eye_centre = 0.5 * (eye.min(0) + eye.max(0)) + (posed_heads[:, head] - heads[:, head] - pelvis[:, 0]).mean(0)
    return _Samples(symmetrised(posed - pelvis, source.mirror_vertex), joints - pelvis, eye_centre)


def _reduce(source: SourceBody, mean: np.ndarray, eye_centre: np.ndarray) -> ReducedMesh:
    """The reduced mesh with its vertices in smplx's landmark slots."""
    importance = np.ones(len(mean))
    for region, factor in _IMPORTANCE.items():
        importance[source.faces[source.face_region == region]] = factor
    mesh = reduce_symmetric(mean, source.faces, source.mirror_vertex, importance, _PAIRS, _MIDDLE)
    landmarks = find_landmarks(
        mean[mesh.source_vertex], source.weights[mesh.source_vertex], source.bones, mesh.mirror_vertex, eye_centre
    )
    order = slot_order(landmarks, len(mesh.source_vertex))
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return ReducedMesh(mesh.source_vertex[order], place[mesh.faces], place[mesh.mirror_vertex[order]])


def _weights(source: SourceBody, mesh: ReducedMesh) -> np.ndarray:
    weights = smpl_weights(source.weights[mesh.source_vertex], source.bones, source.parents)
    return 0.5 * (weights + weights[mesh.mirror_vertex][:, list(SMPL24.mirror)])


def _signs(template: np.ndarray, directions: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """The first coefficient grows with stature, the others with body mass index."""
    shapes = template + np.moveaxis(directions, -1, 0)
    heavier = body_mass_index(shapes, faces) - body_mass_index(template[None], faces)
    taller = np.ptp(shapes[..., 1], axis=-1) - np.ptp(template[:, 1])
    measure = np.where(np.arange(len(shapes)) == 0, taller, heavier)
    return np.where(measure < 0, -1.0, 1.0)
