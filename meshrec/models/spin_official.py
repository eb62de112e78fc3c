"""Official SPIN checkpoints (ICCV 2019): what their entries are called, and strict loading into our net.

The files hold the network and its mean parameters, but no body: what they predict are parameters of SMPL, whose neutral
file the user has to bring. VIBE distributes the same network as ``spin_model_checkpoint.pth.tar``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from meshrec.checkpoint import fill_model, read_torch_file, without_prefix
from meshrec.errors import CheckpointMismatch
from meshrec.models.hmr import Hmr
from meshrec.models.hmr_variants import spin_hmr

SPIN_INPUT_SIZE = 224  # pixels a side of the crops that the weights know
SPIN_EXTENSIONS = (".pt", ".pth", ".tar")
# Official prefix -> ours. Backbone and regressor share one flat list of names in the files.
SPIN_KEYS = {
    **{f"{name}.": f"backbone.resnet.{name}." for name in ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4")},
    "fc1.": "regressor.fc1.",
    "fc2.": "regressor.fc2.",
    "decpose.": "regressor.pose_head.",
    "decshape.": "regressor.betas_head.",
    "deccam.": "regressor.camera_head.",
    "init_pose": "regressor.mean_pose",
    "init_shape": "regressor.mean_betas",
    "init_cam": "regressor.mean_camera",
}
_COUNTER = "num_batches_tracked"  # absent from files older than PyTorch 0.4.1


def load_official_spin(path: str | Path) -> Hmr:
    """SPIN's network with the weights of an official checkpoint, in evaluation mode; strict.

    Its bodies are SMPL's: give its parameters to a `BodyModel` of the user's own file.

    Raises:
        AssetNotFound: no such file.
        CheckpointMismatch: damaged, no such container, or names or shapes that SPIN's network does not have.
    """
    net = spin_hmr()
    counters = {name: value for name, value in net.state_dict().items() if name.endswith(_COUNTER)}
    fill_model(net, counters | read_official_spin(path), str(path))
    return net.eval()


def read_official_spin(path: str | Path) -> dict[str, Tensor]:
    """State of an official checkpoint under our names, in our layout.

    Raises:
        AssetNotFound: no such file.
        CheckpointMismatch: damaged, no such container, or an entry that SPIN's network does not have.
    """
    content = read_torch_file(path)
    if not isinstance(content, Mapping) or not isinstance(content.get("model"), Mapping):
        raise CheckpointMismatch(f"{path} is not an official SPIN checkpoint: it has no entry 'model'.")
    state = without_prefix(content["model"])
    if not isinstance(state.get("init_pose"), Tensor):
        raise CheckpointMismatch(f"{path} holds a model, but not SPIN's: it has no entry 'init_pose'.")
    return dict(_converted(name, value, path) for name, value in state.items())


def _converted(name: str, value: Tensor, path: str | Path) -> tuple[str, Tensor]:
    prefix = next((prefix for prefix in SPIN_KEYS if name.startswith(prefix)), None)
    if prefix is None or not isinstance(value, Tensor):
        raise CheckpointMismatch(f"{path} has an entry {name!r} that no SPIN checkpoint has.")
    if name.startswith("init_"):
        value = value.squeeze(0)
    if name == "init_pose" and value.numel() % 6 == 0:
        # Rows of (3, 2) matrices written out one after another: elements 0, 2, 4 are a rotation's first column. The
        # layers that read and write such vectors need no conversion, because ours flatten the same way.
        value = value.reshape(-1, 3, 2)
    return SPIN_KEYS[prefix] + name.removeprefix(prefix), value
