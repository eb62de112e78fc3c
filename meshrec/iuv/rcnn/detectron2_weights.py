"""Checkpoints of detectron2's DensePose project: names of their entries here, and what they tell about the net."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from meshrec.array_pickle import load_array_pickle
from meshrec.checkpoint import read_torch_file
from meshrec.errors import AssetNotFound, CheckpointMismatch, InvalidInput
from meshrec.iuv.rcnn.config import ChartConfig, RcnnConfig

_log = logging.getLogger(__name__)

# Start of a name in detectron2 -> start of ours. Detectron2 counts the stages and levels of stride 4 to 32 from 2 to 5.
KEYS = {
    "backbone.bottom_up.stem.conv1.norm.": "backbone.stem.1.",
    "backbone.bottom_up.stem.conv1.": "backbone.stem.0.",
    **{f"backbone.bottom_up.res{stage + 2}.": f"backbone.stages.{stage}." for stage in range(4)},
    **{f"backbone.fpn_lateral{level + 2}.": f"pyramid.inner_blocks.{level}.0." for level in range(4)},
    **{f"backbone.fpn_output{level + 2}.": f"pyramid.layer_blocks.{level}.0." for level in range(4)},
    "proposal_generator.rpn_head.conv.": "regions_head.conv.",
    "proposal_generator.rpn_head.objectness_logits.": "regions_head.logits.",
    "proposal_generator.rpn_head.anchor_deltas.": "regions_head.deltas.",
    "roi_heads.box_head.fc1.": "box_head.hidden.0.",
    "roi_heads.box_head.fc2.": "box_head.hidden.1.",
    "roi_heads.box_predictor.cls_score.": "box_head.logits.",
    "roi_heads.box_predictor.bbox_pred.": "box_head.deltas.",
    # Every second layer of the decoder's levels enlarges and has no weights.
    **{
        f"roi_heads.decoder.p{level + 2}.{2 * step}.": f"charts.decoder.levels.{level}.{step}."
        for level in range(4)
        for step in range(max(1, level))
    },
    "roi_heads.decoder.predictor.": "charts.decoder.last.",
    **{
        f"roi_heads.densepose_head.ASPP.convs.{branch}.{layer}.": f"charts.head.branches.{branch}.{layer}."
        for branch in range(4)
        for layer in range(2)
    },
    "roi_heads.densepose_head.ASPP.convs.4.1.": "charts.head.average.0.",
    "roi_heads.densepose_head.ASPP.convs.4.2.": "charts.head.average.1.",
    "roi_heads.densepose_head.ASPP.project.0.": "charts.head.merge.",
    **{f"roi_heads.densepose_head.body_conv_fcn{i + 1}.norm.": f"charts.head.convs.{i}.1." for i in range(8)},
    **{f"roi_heads.densepose_head.body_conv_fcn{i + 1}.": f"charts.head.convs.{i}.0." for i in range(8)},
    "roi_heads.densepose_predictor.ann_index_lowres.": "charts.predictor.coarse_segm.",
    "roi_heads.densepose_predictor.index_uv_lowres.": "charts.predictor.fine_segm.",
    "roi_heads.densepose_predictor.u_lowres.": "charts.predictor.u.",
    "roi_heads.densepose_predictor.v_lowres.": "charts.predictor.v.",
    "roi_heads.densepose_predictor.coarse_segm_confidence_lowres.": "charts.predictor.coarse_confidence.",
    "roi_heads.densepose_predictor.fine_segm_confidence_lowres.": "charts.predictor.fine_confidence.",
}
# Inside a block of the backbone: detectron2 keeps a normalisation with its convolution.
_BLOCK_KEYS = {
    "shortcut.norm.": "downsample.1.",
    "shortcut.": "downsample.0.",
    **{f"conv{layer}.norm.": f"bn{layer}." for layer in (1, 2, 3)},
}
# What the configuration says anyway, and the uncertainty of U and V, which only training needs.
_IDLE = ("pixel_mean", "pixel_std", "proposal_generator.anchor_generator.")
_UNCERTAINTY = tuple(f"roi_heads.densepose_predictor.{name}_lowres." for name in ("sigma_2", "kappa_u", "kappa_v"))
_EMBEDDING = ("roi_heads.embedder.", "roi_heads.densepose_predictor.embed_lowres.")


def read_detectron2_weights(path: str | Path) -> dict[str, Tensor]:
    """The weights in a file of detectron2, the zoo's pickle or a ``.pth``, under our names; nothing in it is run.

    What only training needs is left out.

    Raises:
        AssetNotFound: no such file.
        CheckpointMismatch: damaged, or not a DensePose chart model.
    """
    return renamed(read_detectron2_file(path), str(path))


def read_detectron2_file(path: str | Path) -> dict[str, Tensor]:
    """All weights in a file of detectron2 under its own names; nothing in it is run.

    Raises:
        AssetNotFound: no such file.
        CheckpointMismatch: damaged, or no checkpoint of detectron2.
    """
    path = Path(path)
    if not path.is_file():
        raise AssetNotFound(f"There is no weights file {path}.")
    content = read_torch_file(path) if path.suffix in (".pt", ".pth") else _read_pickle(path)
    if isinstance(content, Mapping) and "blobs" in content:
        raise CheckpointMismatch(f"{path} comes from Caffe2's DensePose, which is not supported; take detectron2's.")
    weights = content.get("model") if isinstance(content, Mapping) else None
    if not isinstance(weights, Mapping) or not weights:
        raise CheckpointMismatch(f"{path} is not a checkpoint of detectron2: it has no table of weights 'model'.")
    return {str(name): _tensor(value, f"{name} in {path}") for name, value in weights.items()}


def renamed(weights: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """Weights of detectron2 under our names, without what only training needs.

    Args:
        source: where they come from, for messages.
    Raises:
        CheckpointMismatch: a name that no supported chart model has.
    """
    if any(name.startswith(_EMBEDDING) for name in weights):
        raise CheckpointMismatch(
            f"{source} predicts continuous surface embeddings (CSE), which are not supported yet; take a chart model "
            "such as densepose_rcnn_R_50_FPN_s1x."
        )
    uncertainty = [name for name in weights if name.startswith(_UNCERTAINTY)]
    if uncertainty:
        _log.info("%s: left out the uncertainty of U and V (%s)", source, ", ".join(uncertainty))
    return {
        _our_name(name, source): value
        for name, value in weights.items()
        if not name.startswith((*_IDLE, *_UNCERTAINTY))
    }


def config_of(weights: Mapping[str, Tensor]) -> RcnnConfig:
    """The zoo's configuration that these weights, under our names, were trained with."""

    def has(start: str) -> bool:
        return any(name.startswith(start) for name in weights)

    decoder = has("charts.decoder.")
    coarse = weights.get("charts.predictor.coarse_segm.bias")
    return RcnnConfig(
        backbone="msra_resnet101" if has("backbone.stages.2.6.") else "msra_resnet50",
        charts=ChartConfig(
            decoder=decoder,
            pooled_size=28 if decoder else 14,
            head="deeplab" if has("charts.head.branches.") else "v1convx",
            coarse_channels=15 if coarse is not None and len(coarse) == 15 else 2,
            segm_confidence=has("charts.predictor.fine_confidence."),
        ),
    )


def _our_name(name: str, source: str) -> str:
    start = next((start for start in KEYS if name.startswith(start)), None)
    if start is None:
        raise CheckpointMismatch(f"{source} has an entry {name!r} that no supported DensePose model has.")
    rest = name.removeprefix(start)
    if KEYS[start].startswith("backbone.stages."):
        block, _, rest = rest.partition(".")
        inner = next((inner for inner in _BLOCK_KEYS if rest.startswith(inner)), "")
        rest = f"{block}.{_BLOCK_KEYS.get(inner, '')}{rest.removeprefix(inner)}"
    return KEYS[start] + rest


def _read_pickle(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            return load_array_pickle(file)
    except InvalidInput as error:
        raise CheckpointMismatch(f"Cannot read {path} as weights: {error}") from error
    except Exception as error:  # damaged bytes can make the decoder fail in any way
        raise CheckpointMismatch(
            f"Cannot read {path} as weights: it is damaged or no pickle ({type(error).__name__}); download it again."
        ) from error


def _tensor(value: Any, name: str) -> Tensor:
    if isinstance(value, Tensor):
        return value
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
        raise CheckpointMismatch(f"{name} is no array of numbers, so the file is no checkpoint of detectron2.")
    return torch.from_numpy(np.ascontiguousarray(value))
