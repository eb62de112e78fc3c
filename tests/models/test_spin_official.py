"""Loading official checkpoints: containers made up here, with the layout of the released files and random weights."""

import pytest
import torch

from meshrec.errors import AssetNotFound, CheckpointMismatch
from meshrec.models.spin_official import SPIN_KEYS, load_official_spin, read_official_spin
from tests.support.spin_files import spin_state, write_spin_file


@pytest.fixture(scope="module")
def official():
    return spin_state()


@pytest.fixture
def few(official):
    """Small entries only, for what is told before a net is filled."""
    return {name: value for name, value in official.items() if name.startswith(("init_", "deccam.", "bn1."))}


def test_official_container_fills_the_net_strictly(tmp_path, official):
    net = load_official_spin(write_spin_file(tmp_path / "model_checkpoint.pt", official))
    state = net.state_dict()
    assert len(state) == len(official)
    for ours, theirs in (
        ("backbone.resnet.conv1.weight", "conv1.weight"),
        ("backbone.resnet.layer3.5.bn2.running_var", "layer3.5.bn2.running_var"),
        ("backbone.resnet.layer1.0.downsample.1.bias", "layer1.0.downsample.1.bias"),
        ("regressor.fc1.weight", "fc1.weight"),
        ("regressor.pose_head.weight", "decpose.weight"),
        ("regressor.betas_head.bias", "decshape.bias"),
        ("regressor.camera_head.weight", "deccam.weight"),
    ):
        assert torch.equal(state[ours], official[theirs]), ours
    assert not net.training


def test_rotations_are_read_column_by_column_in_the_mean_and_in_the_corrections(tmp_path, official):
    """Elements 0, 2, 4 of six are a rotation's first column; counters of old files are absent."""
    still = {name: torch.zeros_like(value) for name, value in official.items() if name.startswith("dec")}
    still["decpose.bias"][6:12] = torch.tensor([-1.0, -1, 1, -1, 0, 0]) / 3  # in three steps: (1, 0, 0) -> (0, 1, 0)
    state = {name: value for name, value in (official | still).items() if not name.endswith("num_batches_tracked")}
    net = load_official_spin(write_spin_file(tmp_path / "old.pt", state))
    assert net.regressor.mean_pose[0].tolist() == [[1, 0], [0, -1], [0, 0]]
    params = net(torch.rand(1, 3, 64, 64)).params
    upright, about_z = torch.diag(torch.tensor([1.0, -1.0, -1.0])), torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    torch.testing.assert_close(params.global_orient[0], upright)
    torch.testing.assert_close(params.body_pose[0, 0], about_z, atol=1e-6, rtol=0)
    torch.testing.assert_close(params.body_pose[0, 1:], torch.eye(3).expand(22, 3, 3))


def test_names_of_parallel_training_lose_their_prefix(tmp_path, few):
    path = write_spin_file(tmp_path / "parallel.pt", few, prefix="module.")
    assert torch.equal(read_official_spin(path)["regressor.camera_head.bias"], few["deccam.bias"])


def test_every_entry_of_the_table_is_in_the_files(official):
    assert [prefix for prefix in SPIN_KEYS if not any(name.startswith(prefix) for name in official)] == []


def test_missing_misshapen_and_broken_entries_are_named(tmp_path, official):
    state = official | {"init_pose": torch.zeros(1, 138), "fc2.bias": torch.full((1024,), torch.nan)}
    del state["deccam.bias"]
    with pytest.raises(CheckpointMismatch) as caught:
        load_official_spin(write_spin_file(tmp_path / "broken.pt", state))
    for part in ("1 missing (regressor.camera_head.bias)", "1 of another shape (regressor.mean_pose (23, 3, 2)",
                 "1 not finite (regressor.fc2.bias)"):  # fmt: skip
        assert part in str(caught.value)


def test_unknown_entries_and_entries_that_are_no_tensors_are_named(tmp_path, few):
    with pytest.raises(CheckpointMismatch, match="mystery.weight"):
        read_official_spin(write_spin_file(tmp_path / "a.pt", few | {"mystery.weight": torch.zeros(1)}))
    with pytest.raises(CheckpointMismatch, match="'fc2.bias'"):
        read_official_spin(write_spin_file(tmp_path / "b.pt", few | {"fc2.bias": [0.0] * 1024}))


def test_other_files_damaged_files_and_no_files_are_told_apart(tmp_path, few):
    torch.save({"CNet": {}}, tmp_path / "decomr.pt")
    with pytest.raises(CheckpointMismatch, match="no entry 'model'"):
        read_official_spin(tmp_path / "decomr.pt")
    torch.save({"model": {"conv1.weight": torch.zeros(1)}}, tmp_path / "other.pt")
    with pytest.raises(CheckpointMismatch, match="not SPIN's"):
        read_official_spin(tmp_path / "other.pt")
    path = write_spin_file(tmp_path / "cut.pt", few)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(CheckpointMismatch, match="damaged") as caught:
        read_official_spin(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(AssetNotFound, match="nowhere.pt"):
        read_official_spin(tmp_path / "nowhere.pt")
