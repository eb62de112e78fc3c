"""Detectron2's DensePose models by the names of their configurations."""

from __future__ import annotations

import difflib
from pathlib import Path

from meshrec.checkpoint import fill_model
from meshrec.errors import CheckpointMismatch, InvalidInput
from meshrec.iuv.rcnn.config import ChartConfig, RcnnConfig
from meshrec.iuv.rcnn.detectron2_weights import config_of, read_detectron2_weights
from meshrec.iuv.rcnn.model import DensePoseRcnn

_BACKBONES = {"R_50": "msra_resnet50", "R_101": "msra_resnet101"}
_HEADS = {"": "v1convx", "DL_": "deeplab"}
# Trained with a confidence in U and V, which inference does not need; M: and in the segmentation, which scales it.
_CONFIDENCES = {"": False, "WC1_": False, "WC1M_": True, "WC2_": False, "WC2M_": True}

ZOO = {
    f"densepose_rcnn_{size}_FPN_{head}{confidence}s1x": RcnnConfig(
        backbone=_BACKBONES[size], charts=ChartConfig(head=_HEADS[head], segm_confidence=_CONFIDENCES[confidence])
    )
    for size in _BACKBONES
    for head in _HEADS
    for confidence in _CONFIDENCES
} | {
    f"densepose_rcnn_{size}_FPN_s1x_legacy": RcnnConfig(
        backbone=_BACKBONES[size], charts=ChartConfig(decoder=False, pooled_size=14, coarse_channels=15)
    )
    for size in _BACKBONES
}


def zoo_config(name: str) -> RcnnConfig:
    """The configuration of a chart model of detectron2's zoo.

    Args:
        name: such as ``densepose_rcnn_R_50_FPN_s1x``; a path to detectron2's YAML file of that name does as well.
    Raises:
        InvalidInput: no such model, or one of a kind that is not supported.
    """
    key = Path(name).name.removesuffix(".yaml")
    if key in ZOO:
        return ZOO[key]
    if "_soft_" in key or "HRNet" in key:
        kind = "surface embeddings (CSE)" if "_soft_" in key else "HRNet backbones"
        raise InvalidInput(f"DensePose models with {kind}, such as {key}, are not supported yet; take a chart model.")
    nearest = difflib.get_close_matches(key, ZOO, n=1, cutoff=0.0)[0]
    raise InvalidInput(f"There is no DensePose configuration {name!r}; the nearest is {nearest}.")


def load_zoo_model(checkpoint: str | Path, name: str | None = None) -> DensePoseRcnn:
    """A model of detectron2's zoo with its weights, in evaluation mode on the CPU.

    Args:
        checkpoint: the zoo's unmodified ``.pkl``, or what a training of detectron2 saved as ``.pth``.
        name: of the configuration, see `zoo_config`; by default the file's names and shapes tell it.
    Raises:
        InvalidInput: no such configuration.
        AssetNotFound: no such file.
        CheckpointMismatch: the file is damaged, or holds another model.
    """
    wanted = None if name is None else zoo_config(name)
    weights = read_detectron2_weights(checkpoint)
    found = config_of(weights)
    if wanted not in (None, found) and found in ZOO.values():
        fitting = next(key for key, config in ZOO.items() if config == found)
        raise CheckpointMismatch(
            f"{checkpoint} holds a model of the form {fitting}, but the configuration {name} was asked for; ask for "
            "that form, or take the file that belongs to the configuration."
        )
    model = DensePoseRcnn(found)
    fill_model(model, weights, str(checkpoint))
    return model.eval()
