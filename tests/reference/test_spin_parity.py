"""Our net against the official SPIN code, where a checkout of it is at hand (it is not ours to ship)."""

import contextlib
import importlib
import os
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from meshrec.geometry.rotations import random_rotation_matrix
from meshrec.models.spin_official import SPIN_KEYS, load_official_spin

REPOSITORY = os.environ.get("MESHREC_SPIN_REPO")
pytestmark = pytest.mark.skipif(not REPOSITORY, reason="set MESHREC_SPIN_REPO to a checkout of nkolot/SPIN")
TOLERANCE = 1e-5  # float32 of values around one; the two sum in different orders
STAGES = ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4")
LAYERS = (*STAGES, "fc1", "fc2", "decpose", "decshape", "deccam")


@pytest.fixture
def official_module():
    """The official module of the network, imported without the rest of its packages, which need OpenGL and chumpy."""
    modules = dict(sys.modules)
    for name in ("models", "utils"):
        package = types.ModuleType(name)
        package.__path__ = [str(Path(REPOSITORY) / name)]
        sys.modules[name] = package
    try:
        yield importlib.import_module("models.hmr")
    finally:
        for name in set(sys.modules) - set(modules):
            if name.split(".")[0] in ("models", "utils"):
                del sys.modules[name]


@pytest.fixture
def official(official_module, tmp_path):
    """SPIN's network with random weights that keep activations around one, so that no layer goes unseen."""
    torch.manual_seed(1)
    pose = random_rotation_matrix((24,))[..., :2].reshape(144) + 0.1 * torch.randn(144)
    np.savez(tmp_path / "mean.npz", pose=pose.numpy(), shape=np.linspace(-1, 1, 10), cam=np.float32([0.9, 0.05, -0.1]))
    net = official_module.hmr(str(tmp_path / "mean.npz"), pretrained=False)
    for name, module in net.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
            gain = 0.3 if name.endswith("bn3") else 1.0  # residuals add up
            nn.init.uniform_(module.weight, 0.5 * gain, 1.5 * gain)
            nn.init.normal_(module.bias, std=0.2 * gain)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.5 * module.in_features**-0.5)
            nn.init.normal_(module.bias, std=0.1)
    with torch.no_grad():
        net.train()(torch.randn(4, 3, 224, 224))
    return net.eval()


@contextlib.contextmanager
def recorded(net: nn.Module, names: dict[str, str]):
    """What the named layers give, by the first of their two names; one entry per call."""
    seen = {label: [] for label in names}
    handles = [
        net.get_submodule(name).register_forward_hook(
            lambda module, inputs, output, label=label: seen[label].append(output.detach().clone())
        )
        for label, name in names.items()
    ]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def assert_close(name, ours, theirs):
    error, largest = float((ours - theirs).abs().max()), float(theirs.abs().max())
    print(f"{name}: largest difference {error:.1e}, of values up to {largest:.2f}")
    assert theirs.std() > 1e-2, f"{name} is constant, which compares nothing"
    assert error <= TOLERANCE, f"{name} differs by {error:.1e}, of values up to {largest:.2f}"


def test_net_with_official_weights_equals_the_official_code_layer_by_layer(official, tmp_path):
    torch.save({"model": official.state_dict(), "epoch": 1}, tmp_path / "model_checkpoint.pt")
    net = load_official_spin(tmp_path / "model_checkpoint.pt")
    images = torch.rand(2, 3, 224, 224)
    ours_by_theirs = {name: SPIN_KEYS[f"{name}."].rstrip(".") for name in LAYERS}
    with torch.no_grad(), recorded(net, ours_by_theirs) as ours:
        output = net(images)
    with torch.no_grad(), recorded(official, {name: name for name in LAYERS}) as theirs:
        # Normalised as in the released dataset and demo.
        mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[:, None, :, None, None]
        rotations, betas, camera = official((images - mean) / std)

    for name in LAYERS:
        assert len(ours[name]) == len(theirs[name]) == (1 if name in STAGES else 3)
        for step, (mine, other) in enumerate(zip(ours[name], theirs[name], strict=True)):
            assert_close(f"{name}, call {step + 1}", mine, other)
    assert_close("root", output.params.global_orient, rotations[:, 0])
    assert_close("pose", output.params.body_pose, rotations[:, 1:])
    assert_close("betas", output.params.betas, betas)
    assert_close("camera", output.camera.to_vector(), camera)
    moved = (output.steps[0].params.body_pose - output.params.body_pose).abs().max()
    assert moved > 0.1, "the steps did nothing"


def test_every_official_entry_has_a_place_and_the_steps_agree_one_by_one(official, tmp_path):
    torch.save({"model": official.state_dict()}, tmp_path / "model_checkpoint.pt")
    net = load_official_spin(tmp_path / "model_checkpoint.pt")
    assert len(net.state_dict()) == len(official.state_dict())
    images = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        normalised = (images - net.image_mean) / net.image_std
        for steps, estimate in enumerate(net(images).steps, start=1):
            rotations, betas, _ = official(normalised, n_iter=steps)
            assert_close(f"pose after {steps}", estimate.params.body_pose, rotations[:, 1:])
            assert_close(f"betas after {steps}", estimate.params.betas, betas)
