"""Joints by the body's skeleton and by a benchmark's regressor."""

import numpy as np
import pytest
import torch

from meshrec.body import BodyModel
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.evaluation.joint_reader import BENCHMARK_JOINTS, H36M_REGRESSOR_JOINTS, JointReader
from meshrec.evaluation.measures import joint_figures
from meshrec.structures import BODY30, LSP14


@pytest.fixture(scope="module")
def body():
    return BodyModel.from_file()


@pytest.fixture
def regressor(tmp_path):
    """Joint number k is vertex 100 k."""
    matrix = np.zeros((17, 6890))
    matrix[np.arange(17), 100 * np.arange(17)] = 1
    np.save(tmp_path / "J_regressor_h36m.npy", matrix)
    return tmp_path / "J_regressor_h36m.npy"


def test_the_benchmark_counts_the_fourteen_joints_of_leeds():
    assert set(BENCHMARK_JOINTS) == set(LSP14.names) and len(H36M_REGRESSOR_JOINTS) == 17


def test_the_bodys_own_joints_are_all_there_and_all_count(body):
    reader = JointReader(body)
    joints = reader(body.template_vertices[None])[0]
    assert reader.present.all() and reader.counted.all()
    expected = body.joint_regressor @ body.template_vertices
    assert torch.allclose(joints[BODY30.index("left_knee")], expected[4], atol=1e-6)


def test_a_regressors_rows_go_by_name(body, regressor):
    reader = JointReader(body, regressor)
    joints = reader(body.template_vertices[None])[0]
    for name, row in (("pelvis", 0), ("right_ankle", 6), ("neck", 8), ("left_wrist", 13), ("right_shoulder", 14)):
        assert torch.equal(joints[BODY30.index(name)], body.template_vertices[100 * row]), name
    assert not reader.present[BODY30.index("nose")] and reader.counted.sum() == 14
    assert "sha256" in reader.words


def test_the_pelvis_is_the_root_but_does_not_count(body, regressor):
    reader = JointReader(body, regressor)
    true = reader(body.template_vertices[None])
    found = true.clone()
    found[:, BODY30.index("left_wrist")] += torch.tensor([0.0, 0.03, 0.04])
    known = torch.ones(30, dtype=torch.bool)
    assert joint_figures(found, true, known, reader)["mpjpe_mm"].item() == pytest.approx(50 / 14, abs=1e-3)
    known[BODY30.index("left_knee")] = False
    assert joint_figures(found, true, known, reader)["mpjpe_mm"].item() == pytest.approx(50 / 13, abs=1e-3)
    found[:, BODY30.index("pelvis")] += 0.01  # moves all others, which are right, by as much
    assert joint_figures(found, true, known, reader)["mpjpe_mm"].item() > 15


def test_files_that_are_no_regressor_are_refused(body, tmp_path):
    with pytest.raises(AssetNotFound, match="no joint regressor"):
        JointReader(body, tmp_path / "none.npy")
    np.save(tmp_path / "small.npy", np.zeros((17, 10)))
    with pytest.raises(InvalidInput, match=r"shape \(17, 6890\), got \(17, 10\)"):
        JointReader(body, tmp_path / "small.npy")
    (tmp_path / "text.npy").write_text("nothing")
    with pytest.raises(InvalidInput, match="no npy of a joint regressor"):
        JointReader(body, tmp_path / "text.npy")
