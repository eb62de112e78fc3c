"""Building an atlas: the seam tree, the parts, flattening and opening gaps."""

import numpy as np
import pytest

from meshrec.assets import asset_path
from meshrec.errors import InvalidInput
from meshrec.uv import MIRROR_PART, PartCharts, UvAtlas
from meshrec.uv.build.flatten import DiscFlattener, euler_number, signed_areas, triangle_areas, uniform_harmonic
from meshrec.uv.build.gaps import boundary_pushes
from meshrec.uv.build.layout import mirror_texture_vertices
from meshrec.uv.build.parts import label_parts
from meshrec.uv.build.seam_tree import SurfaceGraph, cut_open, finger_tips, seam_edges, toe_tips
from meshrec.uv.build.template import find_mirror_vertices, read_template
from tests.support.solids import octahedron_sphere


@pytest.fixture(scope="module")
def mesh():
    return read_template(asset_path("body/meshrec_body.npz"))


@pytest.fixture(scope="module")
def seam(mesh):
    return seam_edges(mesh)


@pytest.fixture(scope="module")
def cap():
    """The upper half of a sphere: vertices and faces of a disc."""
    vertices, faces = (array.numpy() for array in octahedron_sphere(3))
    faces = faces[(vertices[faces][..., 2] > -1e-9).all(axis=1)]
    used, local = np.unique(faces, return_inverse=True)
    return vertices[used], local.reshape(-1, 3)


def test_seam_is_one_tree(seam):
    vertices, index = np.unique(seam, return_inverse=True)
    assert len(seam) == len(vertices) - 1
    reached, edges = {0}, index.reshape(-1, 2).tolist()
    while True:
        more = {b for a, b in edges if a in reached} | {a for a, b in edges if b in reached}
        if more <= reached:
            break
        reached |= more
    assert len(reached) == len(vertices)


def test_seam_is_mirror_symmetric(mesh, seam):
    mirrored = np.sort(mesh.mirror_vertex[seam], axis=1)
    assert set(map(tuple, mirrored.tolist())) == set(map(tuple, np.sort(seam, axis=1).tolist()))


def test_seam_runs_down_the_back_and_around_the_fingers(mesh, seam):
    points = mesh.vertices[np.unique(seam)]
    pelvis, neck = mesh.joint("pelvis"), mesh.joint("neck")
    trunk = points[(np.abs(points[:, 0]) < 1e-5) & (points[:, 1] > pelvis[1]) & (points[:, 1] < neck[1])]
    assert len(trunk) > 10 and (trunk[:, 2] < pelvis[2]).all()
    tips = finger_tips(SurfaceGraph(mesh))
    assert len(tips) == 5 and set(tips) <= set(np.unique(seam).tolist())
    assert len(toe_tips(SurfaceGraph(mesh))) == 5


def test_cutting_along_the_seam_gives_the_shipped_atlas_topology(mesh, seam):
    faces, old_vertex = cut_open(mesh.faces, seam)
    assert euler_number(mesh.faces) == 2 and euler_number(faces) == 1
    assert np.array_equal(old_vertex[faces], mesh.faces)
    assert np.array_equal(faces, UvAtlas.from_file().texture_faces.numpy())


def test_cutting_nothing_changes_nothing(mesh):
    faces, old_vertex = cut_open(mesh.faces, np.zeros((0, 2), dtype=np.int64))
    assert len(old_vertex) == len(mesh.vertices) and np.array_equal(old_vertex[faces], mesh.faces)


def test_mirror_of_texture_vertices_is_its_own_inverse(mesh, seam):
    faces, old_vertex = cut_open(mesh.faces, seam)
    mirror = mirror_texture_vertices(mesh, faces)
    assert np.array_equal(mirror[mirror], np.arange(len(old_vertex)))
    assert np.array_equal(old_vertex[mirror], mesh.mirror_vertex[old_vertex])


def test_parts_are_those_of_the_shipped_charts(mesh):
    part = label_parts(mesh, UvAtlas.from_file().texture_faces.numpy())
    assert np.array_equal(part, PartCharts.from_file().face_part.numpy())
    assert np.array_equal(MIRROR_PART[MIRROR_PART], np.arange(25))


def test_mesh_without_mirror_image_is_refused():
    with pytest.raises(InvalidInput, match="not mirror-symmetric"):
        find_mirror_vertices(np.array([[1.0, 0, 0], [-1.0, 0, 0], [0.5, 1, 0]]))


def test_embedding_by_neighbour_means_never_flips(cap):
    vertices, faces = cap
    rim = np.flatnonzero(np.abs(vertices[:, 2]) < 1e-9)
    points = uniform_harmonic(faces, rim, vertices[rim, :2], len(vertices))
    assert (signed_areas(points, faces) > 0).all()
    assert np.array_equal(points[rim], vertices[rim, :2])


def test_flattening_a_cap_keeps_areas_and_flips_nothing(cap):
    pytest.importorskip("igl", reason="libigl flattens meshes")
    vertices, faces = cap
    flattener = DiscFlattener(vertices, faces)
    start = flattener.start()
    points = flattener.improve(start, 20)
    assert (signed_areas(points, faces) > 0).all()

    def spread(map_points):
        density = signed_areas(map_points, faces) / triangle_areas(vertices, faces)
        return density.max() / density.min()

    assert spread(points) < spread(start)
    assert spread(points) < 3


def test_closed_mesh_is_not_flattened():
    vertices, faces = (array.numpy() for array in octahedron_sphere(1))
    with pytest.raises(InvalidInput, match="Euler number 2"):
        DiscFlattener(vertices, faces)


def horseshoe(gap):
    """Outline of a U, counter-clockwise in steps of about 0.05: two arms 0.2 wide and 1 high, ``gap`` apart."""
    inner, outer = 0.2 + gap, 0.4 + gap
    corners = np.array([(0, 0), (outer, 0), (outer, 1), (inner, 1), (inner, 0.2), (0.2, 0.2), (0.2, 1), (0, 1)])
    sides = []
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        steps = max(1, round(np.linalg.norm(end - start) / 0.05))
        sides.append(start + np.linspace(0, 1, steps, endpoint=False)[:, None] * (end - start))
    return np.concatenate(sides)


def pushes_between_the_arms(gap):
    """Moves of the two banks of the gap, away from their ends: (N, 2) left and right."""
    points = horseshoe(gap)
    vertices, targets = boundary_pushes(points, np.arange(len(points)), 0.05)
    move, place = targets - points[vertices], points[vertices]
    middle = (place[:, 1] > 0.3) & (place[:, 1] < 0.98)
    return tuple(move[middle & (np.abs(place[:, 0] - x) < 1e-6)] for x in (0.2, 0.2 + gap))


def test_close_banks_of_a_gap_are_pushed_apart():
    left, right = pushes_between_the_arms(0.02)
    assert len(left) > 10 and len(right) > 10
    np.testing.assert_allclose(left, np.broadcast_to([-0.015, 0.0], left.shape), atol=1e-6)
    np.testing.assert_allclose(right, np.broadcast_to([0.015, 0.0], right.shape), atol=1e-6)


def test_wide_gap_is_left_alone():
    points = horseshoe(0.5)
    assert len(boundary_pushes(points, np.arange(len(points)), 0.05)[0]) == 0


def test_overlapping_banks_are_pushed_past_each_other():
    left, right = pushes_between_the_arms(-0.02)
    assert len(left) > 10 and len(right) > 10
    np.testing.assert_allclose(left, np.broadcast_to([-0.035, 0.0], left.shape), atol=1e-6)
