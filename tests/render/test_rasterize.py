"""Rasterisers: exact visibility, judged by the slow loop, on every backend that is installed."""

import dataclasses
import importlib.util

import numpy as np
import pytest
import torch

from meshrec.render import BACKENDS, Fragments, rasterize
from meshrec.structures import PinholeCamera, WeakPerspectiveCamera
from tests.reference.rasterize_loop import rasterize_loop
from tests.support.solids import octahedron_sphere
from tests.support.views import VIEWS, height_field, pinhole_view, triangle_soup, weak_view

# Centres closer to an edge than this may fall on either side: float32 keeps pixels of this size to about 1e-5.
EDGE_BAND_PX = 1e-3
# Surfaces closer than this on a ray may swap: float32 keeps depths of a few metres to about 1e-6.
DEPTH_BAND_M = 1e-5
# Measured worst case over all soups below: 1.3e-6; corners cost a few roundings at metres of distance.
WEIGHT_TOLERANCE = 2e-5

NEEDED = {"torch": "torch", "pytorch3d": "pytorch3d"}


@pytest.fixture(params=sorted(BACKENDS))
def backend(request):
    if importlib.util.find_spec(NEEDED[request.param]) is None:
        pytest.skip(f"the package {NEEDED[request.param]} is not installed")
    return request.param


def draw(vertices, faces, view, **options) -> Fragments:
    return rasterize(vertices[None], faces, view.camera, view.size, **options)


def assert_agrees(fragments, expected, *, band_budget):
    """Everything equal outside the band around edges and contacts; inside it at most `band_budget` other faces."""
    face = fragments.face_index[0].numpy()
    in_band = (expected.edge_margin < EDGE_BAND_PX) | (expected.depth_margin < DEPTH_BAND_M)
    differs = face != expected.face_index
    assert not (differs & ~in_band).any(), np.argwhere(differs & ~in_band)
    assert (differs & in_band).sum() <= band_budget
    same = ~differs & (face >= 0)
    weights, depth = fragments.barycentric[0].numpy(), fragments.depth[0].numpy()
    np.testing.assert_allclose(weights[same], expected.barycentric[same], atol=WEIGHT_TOLERANCE, rtol=0)
    np.testing.assert_allclose(depth[same], expected.depth[same], atol=WEIGHT_TOLERANCE, rtol=0)
    assert (weights[face < 0] == 0).all() and np.isinf(depth[face < 0]).all()


def compare_with_loop(vertices, faces, view, backend, *, two_sided, band_budget=1):
    expected = rasterize_loop(
        vertices.numpy(), faces.numpy(), view.to_ray, view.to_pixel, view.size, two_sided=two_sided, near=view.near)
    near = 0.05 if view.near is None else view.near
    fragments = draw(vertices, faces, view, two_sided=two_sided, near=near, backend=backend)
    assert_agrees(fragments, expected, band_budget=band_budget)
    return expected


@pytest.mark.parametrize("two_sided", [True, False])
@pytest.mark.parametrize("kind", sorted(VIEWS))
def test_random_triangles_match_the_loop(kind, two_sided, backend):
    for seed in range(4):
        expected = compare_with_loop(*triangle_soup(seed), VIEWS[kind](), backend, two_sided=two_sided)
        assert (expected.face_index >= 0).any()


@pytest.mark.parametrize("two_sided", [True, False])
def test_triangles_through_the_near_plane_are_cut_and_not_dropped(two_sided, backend):
    cut_pixels = 0
    for seed in range(4):
        vertices, faces = triangle_soup(seed, depth_m=0.5)
        view = pinhole_view(near=0.2)
        expected = compare_with_loop(vertices, faces, view, backend, two_sided=two_sided)
        crossing = (vertices[faces][..., 2] < view.near).any(1).numpy()
        cut_pixels += crossing[expected.face_index[expected.face_index >= 0]].sum()
    assert cut_pixels > 20


def test_weak_perspective_sees_negative_depths(backend):
    vertices, faces = triangle_soup(3, depth_m=-2.0)
    expected = compare_with_loop(vertices, faces, weak_view(), backend, two_sided=True)
    assert expected.depth.min() < 0


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (23, 2), (16, 31)])
def test_images_need_not_be_square(size, backend):
    view = pinhole_view(size=size, centre_px=(size[1] / 2, size[0] / 2))
    compare_with_loop(*triangle_soup(5, count=6), view, backend, two_sided=True)


def test_a_triangle_larger_than_the_image_covers_every_pixel(backend):
    vertices = torch.tensor([[-300.0, -100.0, 2.0], [0.0, 400.0, 2.0], [300.0, -100.0, 2.0]])
    fragments = draw(vertices, torch.tensor([[0, 1, 2]]), pinhole_view(), backend=backend)
    assert (fragments.face_index == 0).all()


def test_triangles_outside_the_image_leave_it_empty(backend):
    vertices, faces = triangle_soup(0)
    fragments = draw(vertices + torch.tensor([50.0, 0.0, 0.0]), faces, pinhole_view(), backend=backend)
    assert (fragments.face_index == -1).all() and not fragments.mask.any()
    assert (fragments.barycentric == 0).all() and fragments.depth.isinf().all()


def test_everything_behind_the_camera_is_invisible(backend):
    vertices, faces = triangle_soup(0, depth_m=-6.0)
    assert not draw(vertices, faces, pinhole_view(), backend=backend).mask.any()


@pytest.mark.parametrize("kept", [slice(0, 0), slice(0, 3)])
def test_meshes_without_faces_and_batches_without_meshes_are_empty_images(kept, backend):
    vertices, faces = triangle_soup(0)
    empty = draw(vertices[kept], faces[:0], pinhole_view(), backend=backend)
    assert empty.face_index.shape == (1, 11, 17) and not empty.mask.any()
    none = rasterize(vertices[None][:0], faces, pinhole_view().camera[[]], (11, 17), backend=backend)
    assert none.face_index.shape == (0, 11, 17) and none.barycentric.shape == (0, 11, 17, 3)


def test_faces_without_area_are_never_seen(backend):
    vertices = torch.tensor([[-1.0, -1.0, 2.0], [1.0, 1.0, 2.0], [0.0, 0.0, 2.0], [1.0, -1.0, 3.0], [-1.0, 1.0, 3.0]])
    faces = torch.tensor([[0, 1, 2], [0, 0, 0], [0, 1, 1], [0, 3, 4]])
    fragments = draw(vertices, faces, pinhole_view(), backend=backend)
    assert set(fragments.face_index.unique().tolist()) == {-1, 3}
    assert fragments.barycentric.isfinite().all()


def test_neighbouring_triangles_leave_no_gap(backend):
    """A sheet that fills the image, its vertices on pixel centres and between them: every pixel sees it."""
    if backend == "pytorch3d":
        pytest.skip("pytorch3d leaves out centres that lie exactly on an edge")
    view = weak_view(size=(24, 24), scale=1.0, translation=(0.0, 0.0))
    close = pinhole_view(size=(24, 24), focal_px=(30.0, 30.0), centre_px=(12.0, 12.0))
    for count in (9, 13, 25, 49):
        vertices, faces = height_field(count, count)
        vertices = vertices * torch.tensor([1.2, 1.2, 1.0])
        assert draw(vertices, faces, view).mask.all()
        assert draw(vertices, faces, close).mask.all()


def test_a_centre_on_a_shared_edge_belongs_to_one_triangle():
    """Both halves of a square drawn alone cover each centre once in total, the diagonal and borders included."""
    vertices = torch.tensor([[-0.75, -0.75, 1.0], [0.75, -0.75, 1.0], [0.75, 0.75, 1.0], [-0.75, 0.75, 1.0]])
    faces = torch.tensor([[0, 3, 2], [0, 2, 1]])
    view = weak_view(size=(12, 12), scale=1.0, translation=(1 / 12, 1 / 12))  # corners fall on pixel centres
    covered = sum(draw(vertices, faces[i : i + 1], view).mask.int() for i in range(2))
    assert covered.max() == 1 and covered.sum() == 81  # 9 x 9 centres, each border counted on one side only


def test_the_smallest_face_index_wins_at_equal_depth():
    vertices, faces = triangle_soup(1, count=1)
    for repeated in (faces.repeat(5, 1), faces.repeat(5, 1).flip(0)):
        fragments = draw(vertices, repeated, pinhole_view(), two_sided=True)
        assert fragments.mask.any() and (fragments.face_index[fragments.mask] == 0).all()


def test_result_does_not_depend_on_the_order_of_faces(backend):
    vertices, faces = triangle_soup(2, count=40)
    order = torch.randperm(len(faces), generator=torch.Generator().manual_seed(0))
    fragments = draw(vertices, faces, pinhole_view(), backend=backend)
    shuffled = draw(vertices, faces[order], pinhole_view(), backend=backend)
    assert torch.equal(fragments.mask, shuffled.mask)
    assert torch.equal(fragments.face_index[fragments.mask], order[shuffled.face_index[shuffled.mask]])


@pytest.mark.parametrize("kind", sorted(VIEWS))
def test_a_batch_equals_its_images_one_by_one(kind, backend):
    view, faces = VIEWS[kind](), triangle_soup(0)[1]
    vertices = torch.stack([triangle_soup(seed, depth_m=2.0)[0] for seed in range(5)])
    values = [getattr(view.camera, field.name) for field in dataclasses.fields(view.camera)]
    many = [value.repeat(5, *[1] * (value.ndim - 1)) if isinstance(value, torch.Tensor) else value for value in values]
    many[0] = many[0] * torch.linspace(0.8, 1.2, 5).view(-1, *[1] * (many[0].ndim - 1))
    camera = type(view.camera)(*many)
    together = rasterize(vertices, faces, camera, view.size, backend=backend)
    assert len(together.face_index.flatten(1).unique(dim=0)) == 5
    for i in range(5):
        alone = rasterize(vertices[i : i + 1], faces, camera[i], view.size, backend=backend)
        assert torch.equal(together.face_index[i], alone.face_index[0])
        assert torch.equal(together.barycentric[i], alone.barycentric[0])
        assert torch.equal(together.depth[i], alone.depth[0])


def test_chunked_work_equals_work_in_one_piece(monkeypatch):
    vertices = torch.stack([triangle_soup(seed, count=60)[0] for seed in range(5)])
    faces = triangle_soup(0, count=60)[1]
    camera = pinhole_view().camera[[0] * 5]
    whole = rasterize(vertices, faces, camera, (64, 64))
    monkeypatch.setattr("meshrec.render.torch_backend._CHUNK_TRIANGLES", 120)
    monkeypatch.setattr("meshrec.render.torch_backend._CHUNK_FRAGMENTS", 500)
    assert whole.mask.sum() > 5000  # several chunks of fragments
    assert torch.equal(whole.face_index, rasterize(vertices, faces, camera, (64, 64)).face_index)


@pytest.mark.parametrize("kind", sorted(VIEWS))
def test_culling_a_closed_mesh_changes_nothing(kind, backend):
    sphere, faces = octahedron_sphere(3, torch.float32)
    vertices = (sphere * 0.7 + torch.tensor([0.03, 0.05, 3.0]))[None]
    camera = VIEWS[kind]().camera
    both = rasterize(vertices, faces, camera, (96, 96), two_sided=True, backend=backend)
    front = rasterize(vertices, faces, camera, (96, 96), two_sided=False, backend=backend)
    assert both.mask.sum() > 500
    assert torch.equal(both.face_index, front.face_index)
    inside_out = rasterize(vertices, faces.flip(1), camera, (96, 96), two_sided=False, backend=backend)
    inside = both.mask & inside_out.mask
    assert inside.sum() > 500 and (inside_out.depth[inside] > both.depth[inside]).all()


def test_a_far_pinhole_camera_sees_what_a_weak_perspective_camera_sees():
    sphere, faces = octahedron_sphere(2, torch.float32)
    distance_m, scale, size = 1000.0, 0.8, (32, 32)
    far = PinholeCamera(torch.full((1, 2), scale * 16 * distance_m), torch.full((1, 2), 16.0), size)
    weak = WeakPerspectiveCamera(torch.tensor([scale]), torch.zeros(1, 2))
    from_far = rasterize((sphere + torch.tensor([0, 0, distance_m]))[None], faces, far, size)
    flat = rasterize(sphere[None], faces, weak, size)
    # Perspective still moves points by up to a thousandth of 13 pixels, which a handful of edges may notice.
    assert (from_far.face_index != flat.face_index).sum() <= 5


def test_a_camera_renders_the_same_picture_at_any_size():
    sphere, faces = octahedron_sphere(2, torch.float32)
    vertices = (sphere + torch.tensor([0.2, -0.1, 4.0]))[None]
    camera = PinholeCamera(torch.tensor([[60.0, 60.0]]), torch.tensor([[16.0, 16.0]]), (32, 32))
    doubled = PinholeCamera(camera.focal_px * 2, camera.centre_px * 2, (64, 64))
    small, large = rasterize(vertices, faces, camera, (32, 32)), rasterize(vertices, faces, camera, (64, 64))
    assert not torch.equal(small.mask, large.mask[:, :32, :32])
    assert torch.equal(large.face_index, rasterize(vertices, faces, doubled, (64, 64)).face_index)


def test_not_a_number_hides_only_the_faces_it_touches(backend):
    if backend == "pytorch3d":
        pytest.skip("pytorch3d does not promise anything for NaN")
    vertices, faces = triangle_soup(0)
    vertices[0] = torch.nan
    fragments = draw(vertices, faces, pinhole_view())
    assert 0 not in fragments.face_index and fragments.mask.any()
    assert torch.equal(fragments.face_index > 0, draw(vertices, faces[1:], pinhole_view()).mask)


def test_double_precision_and_integers_of_other_kinds_are_kept():
    vertices, faces = triangle_soup(0)
    fragments = draw(vertices.double(), faces, pinhole_view())
    assert fragments.barycentric.dtype == torch.float64 and fragments.face_index.dtype == torch.int64
    assert torch.equal(fragments.face_index, draw(vertices, faces, pinhole_view()).face_index)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vertices_cam": torch.zeros(3, 3)}, "vertices_cam must have shape"),
        ({"faces": torch.zeros(2, 4, dtype=torch.long)}, "faces must have shape"),
        ({"size": (0, 4)}, "size must be at least"),
        ({"near": 0.0}, "near must be positive"),
        ({"backend": "opengl"}, "backend must be one of torch, pytorch3d"),
        ({"camera": pinhole_view().camera[[0, 0]]}, "got 2 cameras for 1 meshes"),
    ],
)
def test_wrong_arguments_are_named(change, message):
    vertices, faces = triangle_soup(0)
    arguments = {"vertices_cam": vertices[None], "faces": faces, "camera": pinhole_view().camera, "size": (4, 4)}
    with pytest.raises(ValueError, match=message):
        rasterize(**{**arguments, **change})


def test_something_that_is_no_camera_is_refused():
    vertices, faces = triangle_soup(0)
    with pytest.raises(TypeError, match="PinholeCamera or a WeakPerspectiveCamera, got list"):
        rasterize(vertices[None], faces, [1], (4, 4))
