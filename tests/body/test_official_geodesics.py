"""Distances from DensePose's evaluation tables, on made-up tables, against reading them by hand."""

import pickle

import numpy as np
import pytest
import torch

from meshrec.body.official_geodesics import OfficialGeodesics
from meshrec.errors import AssetNotFound, InvalidInput
from tests.support.densepose_evaluation import write_tables

scipy_io = pytest.importorskip("scipy.io", reason="the tables are MATLAB files (extra convert)")


@pytest.fixture
def tables(tmp_path):
    write_tables(tmp_path)
    return tmp_path


def by_hand(folder, part, uv, true_part, true_uv):
    """One pair of points, vertex by vertex."""
    surface = scipy_io.loadmat(folder / "SMPL_subdiv.mat")
    row = scipy_io.loadmat(folder / "SMPL_SUBDIV_TRANSFORM.mat")["index"].ravel()
    with (folder / "Pdist_matrix.pkl").open("rb") as file:
        distance = pickle.load(file)["Pdist_matrix"]
    rows = []
    for number, (u, v) in ((part, uv), (true_part, true_uv)):
        away = [
            (np.hypot(u - vertex_u, v - vertex_v), place)
            for place, (vertex_part, vertex_u, vertex_v) in enumerate(
                zip(*(surface[key].ravel() for key in ("Part_ID_subdiv", "U_subdiv", "V_subdiv")))
            )
            if vertex_part == number
        ]
        rows.append(int(row[min(away)[1]]) - 1)
    # Distances from row 1 to 0, from 2 to 0 and 1, from 3 to 0, 1 and 2, ...
    pairs = [(high, low) for high in range(max(rows) + 1) for low in range(high)]
    return 0.0 if rows[0] == rows[1] else float(distance[pairs.index((max(rows), min(rows))), 0])


def test_distances_are_those_of_the_nearest_vertices_of_the_parts(tables):
    generator = np.random.default_rng(1)
    part, true_part = generator.integers(1, 25, (2, 40))
    uv, true_uv = generator.uniform(size=(2, 40, 2))
    true_part[:10], true_uv[:10] = part[:10], uv[:10]
    found = OfficialGeodesics.from_folder(tables)(*(torch.from_numpy(a) for a in (part, uv, true_part, true_uv)))
    expected = [by_hand(tables, *pair) for pair in zip(part, uv, true_part, true_uv)]
    assert found.tolist() == pytest.approx(expected)
    assert not any(expected[:10]) and np.count_nonzero(expected[10:]) > 20


def test_missing_and_damaged_tables_are_named(tables):
    (tables / "Pdist_matrix.pkl").write_bytes(b"no pickle")
    with pytest.raises(InvalidInput, match="does not hold DensePose's evaluation tables"):
        OfficialGeodesics.from_folder(tables)
    (tables / "Pdist_matrix.pkl").unlink()
    with pytest.raises(AssetNotFound, match="no .*Pdist_matrix.pkl; DensePose's evaluation tables are"):
        OfficialGeodesics.from_folder(tables)


def test_tables_that_do_not_belong_together_are_refused(tables):
    scipy_io.savemat(tables / "SMPL_SUBDIV_TRANSFORM.mat", {"index": np.ones((3, 1))})
    with pytest.raises(InvalidInput, match="do not belong together"):
        OfficialGeodesics.from_folder(tables)
    write_tables(tables)
    with (tables / "Pdist_matrix.pkl").open("wb") as file:
        pickle.dump({"Pdist_matrix": np.ones((3, 1), np.float32)}, file, protocol=2)
    with pytest.raises(InvalidInput, match="they lack distances"):
        OfficialGeodesics.from_folder(tables)
