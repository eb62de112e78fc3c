"""Our nets against the official DecoMR code, where a checkout of it is at hand (it is not ours to ship)."""

import contextlib
import importlib
import os
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch

from meshrec.models import paper_correspondence_net, paper_location_net
from meshrec.models.decomr_official import load_official_decomr
from meshrec.structures import IuvMap

REPOSITORY = os.environ.get("MESHREC_DECOMR_REPO")
pytestmark = pytest.mark.skipif(not REPOSITORY, reason="set MESHREC_DECOMR_REPO to a checkout of zengwang430521/DecoMR")
TOLERANCE = 1e-4  # float32; the two sum in different orders


@contextlib.contextmanager
def official_code(folder: Path, reference_map: torch.Tensor):
    """The official module of nets, imported without the parts of its packages that need OpenGL and licensed files."""
    (folder / "data").mkdir()
    np.save(folder / "data/BF_ref_map_64.npy", reference_map.permute(1, 2, 0)[None].numpy())
    before, modules = Path.cwd(), dict(sys.modules)
    for name in ("models", "utils"):
        package = types.ModuleType(name)
        package.__path__ = [str(Path(REPOSITORY) / name)]
        sys.modules[name] = package
    os.chdir(folder)
    try:
        nets = importlib.import_module("models.dense_cnn")
        backbone = nets.resnet50backbone
        nets.resnet50backbone = lambda pretrained: backbone(pretrained=False)
        yield nets
    finally:
        os.chdir(before)
        for name in set(sys.modules) - set(modules):
            if name.split(".")[0] in ("models", "utils"):
                del sys.modules[name]


def settle(net: torch.nn.Module, run) -> None:
    """Random weights, with running statistics that keep the activations near one."""
    for module in net.modules():
        if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
            module.momentum = 1.0
        if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d, torch.nn.GroupNorm)):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.2)
    with torch.no_grad():
        run(net.train())
    net.eval()


def assert_close(name, ours, theirs):
    error = (ours - theirs).abs().max() / theirs.abs().max()
    print(f"{name}: largest difference {(ours - theirs).abs().max():.2e}, of values up to {theirs.abs().max():.2f}")
    assert theirs.std() > 1e-3, f"{name} is constant, which compares nothing"
    assert error <= TOLERANCE, f"{name} differs by {error:.1e} of the largest value"


@pytest.mark.parametrize("map_resolution", [128, 256])
def test_paper_nets_with_official_weights_equal_the_official_code(tmp_path, map_resolution):
    torch.manual_seed(1)
    reference_map, images = torch.randn(3, 64, 64), torch.rand(2, 3, 224, 224)
    correspondence_net = paper_correspondence_net()
    location_net = paper_location_net(reference_map, map_resolution)
    normalised = (images - correspondence_net.image_mean) / correspondence_net.image_std
    with official_code(tmp_path, reference_map) as code, torch.no_grad():
        cnet = code.DPNet(warp_lv=2, norm_type="GN")
        lnet = code.UVNet(uv_channels=64, uv_res=map_resolution, warp_lv=2, uv_type="BF", norm_type="GN")
        settle(cnet, lambda net: net(normalised))
        cnet.dp_mask_end[1].bias -= cnet(normalised)[0][:, 0].logit().median()  # so that the mask splits the image
        iuv, features, code_vector = cnet(normalised)
        settle(lnet, lambda net: net(iuv, features, code_vector))
        location_map, camera = lnet(iuv, features, code_vector)
    torch.save({"CNet": cnet.state_dict(), "LNet": lnet.state_dict()}, tmp_path / "official.pt")

    load_official_decomr(tmp_path / "official.pt", correspondence_net, location_net)
    with torch.no_grad():
        found = correspondence_net.eval()(images)
        # From the official correspondence: a coordinate that lies between two texels may round either way.
        location = location_net.eval()(IuvMap(iuv[:, 0], iuv[:, 1:]), features, code_vector)
    assert_close("mask", found.iuv.mask, iuv[:, 0])
    assert_close("uv", found.iuv.uv, iuv[:, 1:])
    assert_close("features", found.features, features)
    assert_close("code", found.code, code_vector)
    assert_close("location map", location.location_map.points.permute(0, 2, 3, 1), location_map)
    assert_close("camera", location.camera.to_vector(), camera)
    assert 0.1 < (found.iuv.mask > 0.5).float().mean() < 0.9, "the transfer had nothing to choose"
