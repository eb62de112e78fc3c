"""Mirrored chart points: our charts by symmetry of the body, DensePose's by its tables."""

import numpy as np
import pytest
import torch

from meshrec.build import Surface
from meshrec.data.detection.chart_mirror import DensePoseMirror, mirror_shipped_charts
from meshrec.errors import AssetNotFound, InvalidInput


def test_the_mirror_of_the_shipped_charts_is_the_mirror_of_the_body():
    surface = Surface.load()
    generator = np.random.default_rng(0)
    face = torch.from_numpy(generator.integers(0, len(surface.body.faces), 500))
    weights = torch.from_numpy(generator.dirichlet([2, 2, 2], 500)).float()
    template = surface.body.template_vertices
    place = lambda face, weights: (template[surface.body.faces[face]] * weights[..., None]).sum(1)  # noqa: E731
    uv = (surface.charts.corner_uv[face] * weights[..., None]).sum(1)
    part, mirrored_uv = mirror_shipped_charts(surface.charts.face_part[face].numpy(), uv.numpy())
    found = place(*surface.charts.surface_points(torch.from_numpy(part), torch.from_numpy(mirrored_uv)))
    mirrored = place(face, weights) * torch.tensor([-1.0, 1.0, 1.0])
    assert (found - mirrored).norm(dim=1).max() < 2e-3
    assert (place(face, weights) - mirrored).norm(dim=1).median() > 0.05


def write_tables(path, u_tables, v_tables):
    savemat = pytest.importorskip("scipy.io", reason="the tables come in a MATLAB file").savemat
    cells = []
    for tables in (u_tables, v_tables):
        cell = np.empty((1, len(tables)), object)
        cell[0] = list(tables)
        cells.append(cell)
    savemat(path, {"U_transforms": cells[0], "V_transforms": cells[1]})
    return path


def test_densepose_tables_are_read_at_row_v_and_column_u_of_the_part_before_mirroring(tmp_path):
    generator = np.random.default_rng(1)
    u_tables, v_tables = (generator.random((24, 256, 256)).astype(np.float32) for _ in range(2))
    u_tables, v_tables = [list(tables) for tables in (u_tables, v_tables)]
    mirror = DensePoseMirror.from_file(write_tables(tmp_path / "UV_symmetry_transforms.mat", u_tables, v_tables))
    part, uv = np.array([3, 4, 24, 1]), np.array([[0.2, 0.9], [0.0, 1.0], [1.0, 0.0], [0.503, 0.498]], np.float32)
    mirrored_part, mirrored_uv = mirror(part, uv)
    assert mirrored_part.tolist() == [4, 3, 23, 1]
    for row in range(4):
        u, v = (int(value * 255) for value in uv[row])
        expected = [u_tables[part[row] - 1][v][u], v_tables[part[row] - 1][v][u]]
        np.testing.assert_allclose(mirrored_uv[row], expected, rtol=1e-6)


def test_missing_and_foreign_tables_are_explained(tmp_path):
    with pytest.raises(AssetNotFound, match="UV_symmetry_transforms.mat comes with"):
        DensePoseMirror.from_file(tmp_path / "absent.mat")
    few = [np.zeros((4, 4), np.float32)] * 2
    with pytest.raises(InvalidInput, match="must hold tables of shape"):
        DensePoseMirror.from_file(write_tables(tmp_path / "few.mat", few, few))
