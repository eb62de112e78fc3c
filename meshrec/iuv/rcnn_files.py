"""Our own weights of a DensePose-RCNN: a file that says of which form the net is and which charts it learned."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshrec.checkpoint import fill_model, read_weights, save_weights
from meshrec.errors import CheckpointMismatch
from meshrec.iuv.rcnn.config import BoxConfig, ChartConfig, InputConfig, ProposalConfig, RcnnConfig
from meshrec.iuv.rcnn.model import DensePoseRcnn

_KIND = "densepose_rcnn"
_PARTS = {"input": InputConfig, "proposals": ProposalConfig, "boxes": BoxConfig, "charts": ChartConfig}


@dataclass(frozen=True)
class LoadedRcnn:
    """A net from a file.

    Attributes:
        model: in evaluation mode on the CPU.
        charts: what its U and V refer to, the hash of a `PartCharts`.
    """

    model: DensePoseRcnn
    charts: str


def save_rcnn(
    path: str | Path,
    model: DensePoseRcnn,
    charts_hash: str,
    metadata: Mapping[str, Any] | None = None,
    *,
    half: bool = False,
) -> None:
    """Write a net.

    Args:
        path: a ``.safetensors`` file.
        charts_hash: of the charts that it was trained with.
        metadata: what else to record, such as figures; JSON values.
        half: store floating point as float16.
    """
    described = {"kind": _KIND, "rcnn": dataclasses.asdict(model.config), "charts_hash": charts_hash}
    save_weights(path, model, {**(metadata or {}), **described}, half=half)


def load_rcnn(path: str | Path) -> LoadedRcnn:
    """Read what `save_rcnn` wrote.

    Raises:
        AssetNotFound: no such file.
        CheckpointMismatch: damaged, or weights of something else.
    """
    metadata, state = read_weights(path)
    if metadata.get("kind") != _KIND:
        raise CheckpointMismatch(f"{path} holds weights, but not of a DensePose-RCNN.")
    try:
        model, charts = DensePoseRcnn(_config(metadata["rcnn"])), str(metadata["charts_hash"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointMismatch(f"{path} holds a DensePose-RCNN of a form unknown here ({error}).") from error
    fill_model(model, state, str(path))
    return LoadedRcnn(model.eval(), charts)


def _config(values: Mapping[str, Any]) -> RcnnConfig:
    """The configuration from JSON, which has lists for tuples."""
    parts = {name: kind(**_with_tuples(values[name])) for name, kind in _PARTS.items()}
    return RcnnConfig(**{**_with_tuples(values), **parts})


def _with_tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
