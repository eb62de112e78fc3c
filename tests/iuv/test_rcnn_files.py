"""Our own files of DensePose-RCNN weights."""

import pytest
import torch

from meshrec.checkpoint import read_metadata, read_weights, save_weights
from meshrec.errors import AssetNotFound, CheckpointMismatch
from meshrec.iuv.rcnn_files import load_rcnn, save_rcnn
from tests.support.small_rcnn import SMALL_RCNN, small_rcnn


@torch.no_grad()
def found(model):
    """What a net finds in a noisy picture."""
    pictures = torch.rand(1, 3, 96, 128, generator=torch.Generator().manual_seed(0))
    (output,) = model(pictures, torch.tensor([[96, 128]]))
    return output


def test_a_net_comes_back_with_its_form_charts_and_answers(tmp_path):
    model = small_rcnn()
    save_rcnn(tmp_path / "net.safetensors", model, "0123456789abcdef", {"box_ap50": 0.5})
    loaded = load_rcnn(tmp_path / "net.safetensors")
    assert loaded.model.config == SMALL_RCNN and loaded.charts == "0123456789abcdef" and not loaded.model.training
    assert read_metadata(tmp_path / "net.safetensors")["box_ap50"] == 0.5
    before, after = found(model), found(loaded.model)
    assert len(before) > 0
    assert all(torch.equal(*pair) for pair in zip(before.tensors(), after.tensors(), strict=True))


def test_half_precision_halves_the_file(tmp_path):
    for half in (False, True):
        save_rcnn(tmp_path / f"{half}.safetensors", small_rcnn(), "0", half=half)
    sizes = [(tmp_path / f"{half}.safetensors").stat().st_size for half in (False, True)]
    assert sizes[1] < 0.6 * sizes[0]
    assert len(found(load_rcnn(tmp_path / "True.safetensors").model)) > 0


def test_other_and_damaged_files_are_explained(tmp_path):
    path = tmp_path / "net.safetensors"
    with pytest.raises(AssetNotFound):
        load_rcnn(path)
    save_weights(path, {"a": torch.zeros(1)}, {"form": "light"})
    with pytest.raises(CheckpointMismatch, match="not of a DensePose-RCNN"):
        load_rcnn(path)
    save_rcnn(path, small_rcnn(), "0")
    metadata, state = read_weights(path)
    described = {**metadata, "rcnn": {**metadata["rcnn"], "wings": 2}}
    save_weights(path, state, described)
    with pytest.raises(CheckpointMismatch, match="form unknown here .*wings"):
        load_rcnn(path)
    described = {**metadata, "rcnn": {**metadata["rcnn"], "pyramid_channels": 16}}
    save_weights(path, state, described)
    with pytest.raises(CheckpointMismatch, match="do not fit this network"):
        load_rcnn(path)
    save_weights(path, {**state, "box_head.logits.bias": torch.full((2,), torch.nan)}, metadata)
    with pytest.raises(CheckpointMismatch, match="not finite"):
        load_rcnn(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointMismatch, match="no complete weights file"):
        load_rcnn(path)
