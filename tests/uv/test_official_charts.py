"""DensePose's UV_Processed.mat, played by the shipped charts in the same layout."""

import numpy as np
import pytest
import torch
from scipy.io import loadmat, savemat

from meshrec.body.model import BodyModel
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.uv import PartCharts, UvAtlas, charts_to_atlas
from meshrec.uv.official_charts import read_official_charts

MISSING = 2  # triangles that the real file lacks


@pytest.fixture(scope="module")
def body():
    return BodyModel.from_file()


@pytest.fixture(scope="module")
def charts():
    return PartCharts.from_file()


@pytest.fixture(scope="module")
def inner_faces(body, charts):
    """Two faces inside the charts of the feet, none of whose corners another part touches."""
    chosen = []
    for part in (5, 6):
        border = torch.unique(body.faces[charts.face_part != part])
        inside = (charts.face_part == part) & ~torch.isin(body.faces, border).any(1)
        chosen.append(int(inside.nonzero()[40]))
    return chosen


@pytest.fixture(scope="module")
def mat_file(body, charts, inner_faces, tmp_path_factory):
    """The shipped charts as the real file writes its own: copies along borders, 1-based, faces and corners in any
    order, two faces missing."""
    rng = np.random.default_rng(0)
    faces, part = body.faces.numpy(), charts.face_part.numpy()
    corners = np.concatenate(
        [faces.reshape(-1, 1), np.repeat(part, 3)[:, None], charts.corner_uv.numpy().reshape(-1, 2)], 1
    )
    copies, index = np.unique(corners, axis=0, return_inverse=True)
    kept = rng.permutation(np.setdiff1d(np.arange(len(faces)), inner_faces))
    turned = (np.arange(3) + rng.integers(0, 3, (len(kept), 1))) % 3
    path = tmp_path_factory.mktemp("densepose") / "UV_Processed.mat"
    savemat(
        path,
        {
            "All_Faces": (np.take_along_axis(index.reshape(-1, 3)[kept], turned, 1) + 1).astype(np.uint16),
            "All_FaceIndices": part[kept, None].astype(np.uint8),
            "All_U_norm": copies[:, 2:3],
            "All_V_norm": copies[:, 3:4],
            "All_vertices": (copies[None, :, 0] + 1).astype(np.uint16),
        },
    )
    return path


@pytest.fixture(scope="module")
def read(mat_file, body):
    return read_official_charts(mat_file, body)


def rewritten(mat_file, tmp_path, **changed):
    content = {key: value for key, value in loadmat(mat_file).items() if key.startswith("All_")}
    savemat(tmp_path / "changed.mat", {**content, **changed})
    return tmp_path / "changed.mat"


def test_every_face_gets_its_part_and_coordinates_in_the_order_of_the_body(read, charts, inner_faces):
    there = torch.ones(len(charts.face_part), dtype=torch.bool)
    there[inner_faces] = False
    assert torch.equal(read.face_part, charts.face_part)
    torch.testing.assert_close(read.corner_uv[there], charts.corner_uv[there], atol=1e-7, rtol=0)
    assert read.body_hash == charts.body_hash


def test_the_missing_faces_continue_the_chart_around_them(read, charts, inner_faces):
    assert len(inner_faces) == MISSING
    torch.testing.assert_close(read.corner_uv[inner_faces], charts.corner_uv[inner_faces], atol=1e-7, rtol=0)


def test_most_faces_are_on_the_half_that_the_shipped_charts_say(read, charts):
    assert (read.face_is_front == charts.face_is_front).float().mean() > 0.95


def test_conversion_with_the_file_is_conversion_with_its_charts(read, charts):
    atlas = UvAtlas.from_file()
    generator = torch.Generator().manual_seed(0)
    face = torch.randint(len(charts.face_part), (1, 40, 50), generator=generator)
    uv = charts.corner_uv[face].mean(-2).permute(0, 3, 1, 2)
    ours, theirs = (charts_to_atlas(charts.face_part[face], uv, one, atlas) for one in (charts, read))
    torch.testing.assert_close(ours.uv, theirs.uv, atol=1e-6, rtol=0)
    expected = atlas.face_texcoords[face].mean(-2).permute(0, 3, 1, 2)
    assert (theirs.uv - expected).norm(dim=1).max() < 1e-4


def test_files_that_are_something_else_are_explained(mat_file, body, tmp_path):
    with pytest.raises(AssetNotFound, match="leave it out"):
        read_official_charts(tmp_path / "none.mat", body)
    (tmp_path / "text.mat").write_text("not MATLAB")
    with pytest.raises(InvalidInput, match="is not DensePose's UV_Processed.mat"):
        read_official_charts(tmp_path / "text.mat", body)
    savemat(tmp_path / "other.mat", {"x": np.ones(3)})
    with pytest.raises(InvalidInput, match="All_Faces"):
        read_official_charts(tmp_path / "other.mat", body)
    content = loadmat(mat_file)
    parts = content["All_FaceIndices"].copy()
    parts[5] = 25
    with pytest.raises(InvalidInput, match="part 1 to 25"):
        read_official_charts(rewritten(mat_file, tmp_path, All_FaceIndices=parts), body)
    for value in (1.5, np.nan):
        u = content["All_U_norm"].copy()
        u[5] = value
        with pytest.raises(InvalidInput, match=r"outside \[0, 1\]"):
            read_official_charts(rewritten(mat_file, tmp_path, All_U_norm=u), body)


def test_charts_of_another_mesh_are_refused(mat_file, body, tmp_path):
    other = loadmat(mat_file)["All_vertices"][:, ::-1]
    with pytest.raises(InvalidInput, match="give the SMPL body"):
        read_official_charts(rewritten(mat_file, tmp_path, All_vertices=other), body)
    few = loadmat(mat_file)
    kept = {key: few[key][:9000] for key in ("All_Faces", "All_FaceIndices")}
    with pytest.raises(InvalidInput, match="of the body's faces"):
        read_official_charts(rewritten(mat_file, tmp_path, **kept), body)
