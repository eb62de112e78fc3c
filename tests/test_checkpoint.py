import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from meshrec import checkpoint
from meshrec.checkpoint import load_weights, read_metadata, read_torch_file, save_weights, without_prefix
from meshrec.errors import AssetNotFound, CheckpointMismatch, InvalidInput

METADATA = {"body_hash": "b0", "atlas_hash": "a0", "config": {"form": "light", "sizes": [1, 2]}}


def net(width=4):
    torch.manual_seed(width)
    return nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width))


@pytest.fixture()
def saved(tmp_path):
    path = tmp_path / "net.safetensors"
    save_weights(path, net(), METADATA)
    return path


def other_net():
    changed = net()
    with torch.no_grad():
        for value in changed.state_dict().values():
            value.add_(1)
    return changed


def test_saving_and_loading_gives_the_same_values_and_metadata(saved):
    model = other_net()
    assert load_weights(saved, model) == METADATA == read_metadata(saved)
    for name, value in net().state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name


def test_half_files_are_half_the_size_and_close(tmp_path):
    model = nn.Linear(300, 300)
    for half in (False, True):
        save_weights(tmp_path / f"{half}.safetensors", model, {}, half=half)
    assert os.path.getsize(tmp_path / "True.safetensors") < 0.51 * os.path.getsize(tmp_path / "False.safetensors")
    loaded = nn.Linear(300, 300)
    load_weights(tmp_path / "True.safetensors", loaded)
    assert loaded.weight.dtype == torch.float32
    torch.testing.assert_close(loaded.weight, model.weight, atol=1e-4, rtol=1e-3)


def test_values_beyond_half_precision_are_kept(tmp_path):
    model = net()
    model[1].running_var.fill_(1e6)
    save_weights(tmp_path / "a.safetensors", model, {}, half=True)
    loaded = net()
    load_weights(tmp_path / "a.safetensors", loaded)
    assert (loaded[1].running_var == 1e6).all()


def test_a_state_dict_can_be_saved_in_place_of_its_model(tmp_path, saved):
    save_weights(tmp_path / "state.safetensors", net().state_dict(), METADATA)
    assert (tmp_path / "state.safetensors").read_bytes() == saved.read_bytes()


@pytest.mark.parametrize("kind", ["body", "atlas"])
def test_weights_of_another_body_or_atlas_are_refused(saved, kind):
    load_weights(saved, net(), {"body_hash": "b0", "atlas_hash": "a0"})
    model = other_net()
    with pytest.raises(CheckpointMismatch, match=f"another {kind}"):
        load_weights(saved, model, {f"{kind}_hash": "elsewhere"})
    assert torch.equal(model[0].weight, other_net()[0].weight), "a refused file must not change the model"


def test_weights_that_do_not_say_their_body_are_refused(tmp_path):
    save_weights(tmp_path / "a.safetensors", net(), {})
    with pytest.raises(CheckpointMismatch, match="not recorded"):
        load_weights(tmp_path / "a.safetensors", net(), {"body_hash": "b0"})


def test_every_misfit_is_named_in_one_message_and_nothing_is_loaded(tmp_path):
    state = net().state_dict()
    del state["0.bias"]
    state["0.extra"] = torch.zeros(1)
    state["1.weight"] = torch.zeros(9)
    save_weights(tmp_path / "a.safetensors", state, {})
    model = other_net()
    with pytest.raises(CheckpointMismatch) as caught:
        load_weights(tmp_path / "a.safetensors", model)
    for part in ("1 missing (0.bias)", "1 unexpected (0.extra)", "1.weight (9,) instead of (4,)"):
        assert part in str(caught.value)
    assert torch.equal(model[0].weight, other_net()[0].weight)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path, bad):
    model = net()
    with torch.no_grad():
        model[0].weight[1, 2] = bad
    save_weights(tmp_path / "a.safetensors", model, {})
    with pytest.raises(CheckpointMismatch, match=r"1 not finite \(0.weight\)"):
        load_weights(tmp_path / "a.safetensors", net())


@pytest.mark.parametrize("keep", [0, 4, 100, 0.9])
def test_truncated_files_are_refused(saved, keep):
    content = saved.read_bytes()
    saved.write_bytes(content[: int(keep * len(content)) if isinstance(keep, float) else keep])
    with pytest.raises(CheckpointMismatch, match="no complete weights file"):
        load_weights(saved, net())


def test_files_that_are_no_weights_are_refused(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(os.urandom(2000))
    for read in (lambda: load_weights(path, net()), lambda: read_torch_file(path)):
        with pytest.raises(CheckpointMismatch, match="photo.jpg"):
            read()


def test_safetensors_of_others_are_refused(tmp_path):
    from safetensors.torch import save_file

    save_file(net().state_dict(), tmp_path / "a.safetensors")
    with pytest.raises(CheckpointMismatch, match="not one that meshrec wrote"):
        load_weights(tmp_path / "a.safetensors", net())


def test_missing_files_and_folders_are_reported(tmp_path):
    for path in (tmp_path / "none.safetensors", tmp_path):
        with pytest.raises(AssetNotFound, match="no weights file"):
            load_weights(path, net())
        with pytest.raises(AssetNotFound, match="no weights file"):
            read_torch_file(path)
    with pytest.raises(InvalidInput, match="folder"):
        save_weights(tmp_path / "none" / "a.safetensors", net(), {})


def test_an_interrupted_save_keeps_the_old_file(saved, monkeypatch):
    before = saved.read_bytes()

    def fail(state, path, metadata):
        with open(path, "wb") as file:
            file.write(b"half of it")
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "save_file", fail)
    with pytest.raises(KeyboardInterrupt):
        save_weights(saved, other_net(), METADATA)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_a_part_can_be_loaded_and_the_rest_is_reported(saved, caplog):
    model = other_net()
    with caplog.at_level("INFO"):
        load_weights(saved, model, only=["0."])
    assert torch.equal(model[0].weight, net()[0].weight)
    assert torch.equal(model[1].running_mean, other_net()[1].running_mean)
    assert "1.running_mean" in caplog.text and "0.weight" not in caplog.text
    with pytest.raises(CheckpointMismatch, match="start with"):
        load_weights(saved, model, only=["backbone."])


def test_torch_files_with_numpy_bookkeeping_are_read(tmp_path):
    content = {"CNet": OrderedDict(weight=torch.ones(2)), "dataset_perm": np.arange(5), "epoch": 3,
               "total_step_count": np.int64(7), "loss": np.float32(0.5)}
    torch.save(content, tmp_path / "a.pt")
    read = read_torch_file(tmp_path / "a.pt")
    assert torch.equal(read["CNet"]["weight"], torch.ones(2))
    assert read["dataset_perm"].tolist() == [0, 1, 2, 3, 4]
    assert (read["total_step_count"], float(read["loss"])) == (7, 0.5)


class Hostile:
    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder / "executed"),)


@pytest.mark.parametrize("new_format", [True, False])
def test_torch_files_never_run_code(tmp_path, new_format):
    path = tmp_path / "a.pt"
    torch.save({"CNet": Hostile(tmp_path)}, path, _use_new_zipfile_serialization=new_format)
    with pytest.raises(CheckpointMismatch, match="could run code"):
        read_torch_file(path)
    assert not (tmp_path / "executed").exists()


def test_plain_pickles_never_run_code(tmp_path):
    (tmp_path / "a.pt").write_bytes(pickle.dumps(Hostile(tmp_path)))
    with pytest.raises(CheckpointMismatch):
        read_torch_file(tmp_path / "a.pt")
    assert not (tmp_path / "executed").exists()


def test_truncated_torch_files_are_refused(tmp_path):
    torch.save({"CNet": torch.zeros(1000)}, tmp_path / "a.pt")
    content = (tmp_path / "a.pt").read_bytes()
    (tmp_path / "a.pt").write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointMismatch, match="damaged"):
        read_torch_file(tmp_path / "a.pt")


def test_parallel_prefixes_are_taken_off():
    assert list(without_prefix({"module.conv.weight": torch.zeros(1), "fc.module.bias": torch.zeros(1)})) == [
        "conv.weight", "fc.module.bias"]
