"""Official DecoMR checkpoints: what their entries are called, which options they imply, and strict loading.

The files hold neither the atlas nor the reference map, and mean nothing with another atlas: convert them once, with the
boundary-free template that their authors distribute, and record that atlas' hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from meshrec.checkpoint import fill_model, read_torch_file, without_prefix
from meshrec.errors import CheckpointMismatch
from meshrec.models.correspondence_net import CorrespondenceNet
from meshrec.models.location_net import LocationNet

# Official prefix -> ours. Index 0 of the decoder and of the hourglass is the finest level on both sides; the numbers
# that vanish count layers without weights (enlargements, pooling) in the official containers.
CORRESPONDENCE_KEYS = {
    "resnet.": "backbone.resnet.",
    **{f"dp_layers.{i}.1.": f"decoder.{i}.block." for i in range(3)},
    "dp_mask_end.": "head.mask.",
    "dp_uv_end.": "head.uv.",
}
LOCATION_KEYS = {
    "fc_head.": "code_layers.",
    "camera.": "camera_layers.",
    "uv_conv1.": "fuse.",
    "hg.norm.": "hourglass.norm.",
    **{f"hg.down_layers.{i}.0.": f"hourglass.down.{i}." for i in range(3)},
    **{f"hg.up_layers.{i}.1.": f"hourglass.up.{i}.block." for i in range(3)},
    "uv_conv2.": "narrow.",
    **{f"decoder.{i}.1.": f"decoder.{i}.block." for i in range(2)},
    "uv_end.": "map_head.",
}
_IGNORABLE = ("resnet.fc.",)  # the idle classifier: a file may lack it
_COUNTER = "num_batches_tracked"  # absent from files older than PyTorch 0.4.1


@dataclass(frozen=True)
class OfficialDecoMR:
    """An official checkpoint under our names.

    Attributes:
        correspondence: state of the correspondence net.
        location: state of the location net; empty in files of the first training stage.
        map_resolution: 128 or 256, told by the decoder's levels; 0 without a location net.
    """

    correspondence: dict[str, Tensor]
    location: dict[str, Tensor]
    map_resolution: int


def read_official_decomr(path: str | Path) -> OfficialDecoMR:
    """Read ``*.pt`` files of the official repository (containers with ``CNet`` and, after the first stage, ``LNet``).

    Raises:
        AssetNotFound: no such file.
        CheckpointMismatch: damaged, no such container, unknown names, or a form that was never released.
    """
    content = read_torch_file(path)
    if not isinstance(content, Mapping) or not isinstance(content.get("CNet"), Mapping):
        raise CheckpointMismatch(f"{path} is not an official DecoMR checkpoint: it has no entry 'CNet'.")
    correspondence = without_prefix(content["CNet"])
    location = without_prefix(content.get("LNet") or {})
    if "dp_layers.0.1.norm1.running_mean" in correspondence:
        raise CheckpointMismatch(f"{path} was trained with batch normalisation in its blocks; only the "
                                 "group-normalised form that was released is supported.")
    levels = len({name.split(".")[1] for name in location if name.startswith("decoder.")})
    return OfficialDecoMR(rename(correspondence, CORRESPONDENCE_KEYS, str(path)),
                          rename(location, LOCATION_KEYS, str(path)), 64 << levels if location else 0)


def load_official_decomr(path: str | Path, correspondence_net: CorrespondenceNet,
                         location_net: LocationNet | None = None) -> None:
    """Fill nets in the paper's form from an official checkpoint; strict but for the idle classifier.

    Raises:
        AssetNotFound, CheckpointMismatch: as ``read_official_decomr``, or the nets have another form.
    """
    official = read_official_decomr(path)
    if location_net is not None and not official.location:
        raise CheckpointMismatch(f"{path} comes from the first training stage and has no location net.")
    fill_model(correspondence_net, _completed(correspondence_net, official.correspondence), f"{path} (CNet)")
    if location_net is not None:
        fill_model(location_net, _completed(location_net, official.location), f"{path} (LNet)")


def rename(state: Mapping[str, Tensor], table: Mapping[str, str], source: str) -> dict[str, Tensor]:
    """A state under other names, each by the one prefix of the table that it starts with.

    Raises:
        CheckpointMismatch: a name has no entry in the table.
    """
    renamed = {}
    for name, value in state.items():
        prefix = next((prefix for prefix in table if name.startswith(prefix)), None)
        if prefix is None:
            raise CheckpointMismatch(f"{source} has an entry {name!r} that no DecoMR checkpoint has.")
        renamed[table[prefix] + name.removeprefix(prefix).replace("skip_conv.", "skip.")] = value
    return renamed


def _completed(net: CorrespondenceNet | LocationNet, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state with the net's own values where a file may rightly lack them."""
    idle = tuple(CORRESPONDENCE_KEYS["resnet."] + name.removeprefix("resnet.") for name in _IGNORABLE)
    own = net.state_dict()
    return {**{name: value for name, value in own.items() if name.startswith(idle) or name.endswith(_COUNTER)}, **state}
