"""Loading official checkpoints: containers made up here, with the layout of the released files and random weights."""

from collections import OrderedDict

import numpy as np
import pytest
import torch

from meshrec.errors import CheckpointMismatch
from meshrec.models import paper_correspondence_net, paper_location_net
from meshrec.models.decomr_official import load_official_decomr, read_official_decomr


def block(prefix, a, b):
    """Entries of one official bottleneck, written out independently of our classes."""
    half = b // 2
    shapes = {"conv1": (half, a, 1, 1), "conv2": (half, half, 3, 3), "conv3": (b, half, 1, 1), "norm1": (half,),
              "norm2": (half,), "norm3": (b,)}
    if a != b:
        shapes["skip_conv"] = (b, a, 1, 1)
    return {f"{prefix}.{name}.{kind}": torch.randn(shape if kind == "weight" else shape[:1])
            for name, shape in shapes.items() for kind in ("weight", "bias")}


def conv(prefix, a, b):
    return {f"{prefix}.weight": torch.randn(b, a, 1, 1), f"{prefix}.bias": torch.randn(b)}


def linear(prefix, a, b):
    return {f"{prefix}.weight": torch.randn(b, a), f"{prefix}.bias": torch.randn(b)}


def batch_norm(prefix, width):
    return {f"{prefix}.weight": torch.randn(width), f"{prefix}.bias": torch.randn(width),
            f"{prefix}.running_mean": torch.randn(width), f"{prefix}.running_var": torch.rand(width),
            f"{prefix}.num_batches_tracked": torch.tensor(7)}


def official_cnet():
    from torchvision.models import resnet50

    state = {f"resnet.{name}": torch.rand(value.shape).to(value.dtype)
             for name, value in resnet50(weights=None).state_dict().items()}
    for level, (a, b) in enumerate([(512, 256), (1024, 512), (2048, 1024)]):
        state |= block(f"dp_layers.{level}.1", a, b)
    for name, outputs in (("dp_uv_end", 2), ("dp_mask_end", 1)):
        state |= block(f"{name}.0", 256, 32) | conv(f"{name}.1", 32, outputs)
    return state


def official_lnet():
    state = linear("fc_head.0", 2048, 512) | batch_norm("fc_head.1", 512) | linear("fc_head.3", 512, 256)
    state |= linear("camera.0", 2048, 512) | batch_norm("camera.1", 512) | linear("camera.3", 512, 256)
    state |= batch_norm("camera.4", 256) | linear("camera.6", 256, 3)
    state |= conv("uv_conv1.0", 518, 512) | conv("uv_conv1.2", 512, 512) | conv("uv_conv1.4", 512, 256)
    state |= {"hg.norm.weight": torch.randn(256), "hg.norm.bias": torch.randn(256)}
    for level in range(3):
        narrow, wide = 256 << level, 512 << level
        state |= block(f"hg.down_layers.{level}.0", narrow, wide) | block(f"hg.up_layers.{level}.1", wide, narrow)
    state |= block("uv_conv2", 256, 128) | block("decoder.0.1", 128, 64)
    return state | block("uv_end.0", 64, 32) | conv("uv_end.1", 32, 3)


@pytest.fixture(scope="module")
def official():
    torch.manual_seed(3)
    return official_cnet(), official_lnet()


@pytest.fixture(scope="module")
def nets():
    return paper_correspondence_net(), paper_location_net(torch.zeros(3, 64, 64))


def write(path, cnet, lnet, prefix=""):
    """The container as the official saver writes it, bookkeeping included."""
    container = {"CNet": OrderedDict((prefix + name, value) for name, value in cnet.items()),
                 "optimizer": {"state": {}, "param_groups": [{"lr": 2.5e-4, "betas": (0.9, 0.999)}]},
                 "epoch": 3, "batch_idx": 10, "batch_size": 128, "dataset_perm": np.random.permutation(20),
                 "total_step_count": np.int64(5000)}
    if lnet is not None:
        container["LNet"] = OrderedDict((prefix + name, value) for name, value in lnet.items())
    torch.save(container, path)
    return path


def test_made_up_states_have_the_published_entry_counts(official):
    assert [len(state) for state in official] == [394, 161]


@pytest.mark.parametrize("prefix", ["", "module."])
def test_official_container_fills_both_nets_strictly(tmp_path, official, nets, prefix):
    cnet, lnet = official
    load_official_decomr(write(tmp_path / "h36m.pt", cnet, lnet, prefix), *nets)
    correspondence, location = (net.state_dict() for net in nets)
    for ours, theirs in (("decoder.0.block.skip.weight", "dp_layers.0.1.skip_conv.weight"),
                         ("head.uv.1.bias", "dp_uv_end.1.bias"),
                         ("head.mask.0.norm3.weight", "dp_mask_end.0.norm3.weight"),
                         ("backbone.resnet.layer4.2.bn3.running_var", "resnet.layer4.2.bn3.running_var")):
        assert torch.equal(correspondence[ours], cnet[theirs])
    for ours, theirs in (("hourglass.up.2.block.conv2.weight", "hg.up_layers.2.1.conv2.weight"),
                         ("hourglass.down.0.conv1.bias", "hg.down_layers.0.0.conv1.bias"),
                         ("camera_layers.4.running_mean", "camera.4.running_mean"),
                         ("map_head.1.weight", "uv_end.1.weight"), ("fuse.4.weight", "uv_conv1.4.weight")):
        assert torch.equal(location[ours], lnet[theirs])


def test_first_stage_files_have_no_location_net(tmp_path, official, nets):
    path = write(tmp_path / "dp.pt", official[0], None)
    assert read_official_decomr(path).map_resolution == 0
    load_official_decomr(path, nets[0])
    with pytest.raises(CheckpointMismatch, match="first training stage"):
        load_official_decomr(path, *nets)


def test_map_resolution_is_told_by_the_decoder(tmp_path, official):
    cnet, lnet = official
    assert read_official_decomr(write(tmp_path / "a.pt", cnet, lnet)).map_resolution == 128
    larger = lnet | block("decoder.1.1", 128, 64)
    assert read_official_decomr(write(tmp_path / "b.pt", cnet, larger)).map_resolution == 256


def test_idle_classifier_and_counters_may_be_absent(tmp_path, official, nets):
    cnet = {name: value for name, value in official[0].items()
            if not name.startswith("resnet.fc.") and not name.endswith("num_batches_tracked")}
    load_official_decomr(write(tmp_path / "old.pt", cnet, official[1]), *nets)


def test_missing_unknown_and_misshapen_entries_are_named(tmp_path, official, nets):
    cnet, lnet = official
    without = {name: value for name, value in cnet.items() if name != "dp_uv_end.1.bias"}
    with pytest.raises(CheckpointMismatch, match=r"1 missing \(head.uv.1.bias\)"):
        load_official_decomr(write(tmp_path / "a.pt", without, lnet), *nets)
    with pytest.raises(CheckpointMismatch, match="mystery.weight"):
        load_official_decomr(write(tmp_path / "b.pt", cnet | {"mystery.weight": torch.zeros(1)}, lnet), *nets)
    with pytest.raises(CheckpointMismatch, match="another shape"):
        load_official_decomr(write(tmp_path / "c.pt", cnet, lnet | conv("uv_end.1", 32, 4)), *nets)


def test_batch_normalised_variants_and_other_files_are_refused(tmp_path, official):
    variant = official[0] | {"dp_layers.0.1.norm1.running_mean": torch.zeros(128)}
    with pytest.raises(CheckpointMismatch, match="batch normalisation"):
        read_official_decomr(write(tmp_path / "bn.pt", variant, None))
    torch.save({"model": {}}, tmp_path / "spin.pt")
    with pytest.raises(CheckpointMismatch, match="CNet"):
        read_official_decomr(tmp_path / "spin.pt")
