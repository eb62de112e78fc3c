"""Whoever finds the people of a photo and their IUV, behind one protocol, and the choice between the backends."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from meshrec.assets import asset_path
from meshrec.errors import InvalidInput, MissingDependency
from meshrec.iuv.detectron2_predictor import Detectron2Predictor, require_detectron2
from meshrec.iuv.rcnn.zoo import load_zoo_model
from meshrec.iuv.rcnn_files import load_rcnn
from meshrec.iuv.rcnn_predictor import RcnnPredictor
from meshrec.iuv.results import DENSEPOSE_CHARTS, PersonIuv
from meshrec.iuv.selection import PeopleLimits

BACKENDS = ("auto", "ours", "detectron2")
DEFAULT_WEIGHTS = "weights/densepose_rcnn_light.safetensors"

_log = logging.getLogger(__name__)


class IuvPredictor(Protocol):
    """Finds people and their IUV.

    Attributes:
        charts: what U and V refer to, the hash of a `PartCharts` or `DENSEPOSE_CHARTS`.
    """

    charts: str

    def predict(self, image: np.ndarray, boxes_xyxy_px: Tensor | None = None) -> list[PersonIuv]:
        """The people of a photo, the best scored one first.

        Args:
            image: (H, W, 3) uint8 RGB.
            boxes_xyxy_px: (N, 4) where people are; they are then described in this order, each with the score 1,
                whatever the limits, and nobody is looked for. What of a box lies outside the photo is cut off.
        Returns:
            Boxes in the photo's pixels and inside it, charts on the predictor's device; nobody is an empty list.
        Raises:
            InvalidInput: something else than such an image.
            CheckpointMismatch: the weights are damaged and give numbers that are not finite.
        """
        ...


def make_predictor(
    backend: str = "auto",
    checkpoint: str | Path | None = None,
    config: str | Path | None = None,
    limits: PeopleLimits | None = None,
    device: torch.device | str = "cpu",
) -> IuvPredictor:
    """A predictor by the name of its backend.

    Args:
        backend: ``"ours"`` needs no further package. ``"detectron2"`` runs detectron2 itself. ``"auto"`` takes
            detectron2 for a checkpoint of detectron2 whose configuration is given, if it is installed; otherwise ours.
        checkpoint: weights of ours (``.safetensors``; the shipped ones by default), or of detectron2's DensePose
            (``.pkl``, ``.pth``), which either backend runs.
        config: of a checkpoint of detectron2: its YAML file, or for ours its name. Ours tells it from the checkpoint
            where it is not given.
        limits: which people are kept.
        device: where the net runs.
    Raises:
        InvalidInput: an unknown backend, options that do not fit together, or a kind of model that is not supported.
        MissingDependency: detectron2 was asked for and is not there.
        AssetNotFound, CheckpointMismatch: a file is missing, damaged, or of another model.
    """
    if backend not in BACKENDS:
        raise InvalidInput(f"There is no IUV backend {backend!r}; choose one of {', '.join(BACKENDS)}.")
    foreign = checkpoint is not None and Path(checkpoint).suffix != ".safetensors"
    if backend == "detectron2" or (backend == "auto" and foreign and _runs_detectron2(config)):
        if not foreign or config is None:
            raise InvalidInput("The detectron2 backend needs a checkpoint of detectron2 and its configuration's file.")
        return Detectron2Predictor(config, checkpoint, limits, device)
    if foreign:
        model = load_zoo_model(checkpoint, None if config is None else str(config))
        return RcnnPredictor(model, DENSEPOSE_CHARTS, limits, device)
    if config is not None:
        raise InvalidInput(
            "Weights of meshrec know their own configuration; give one only with a detectron2 checkpoint."
        )
    loaded = load_rcnn(asset_path(DEFAULT_WEIGHTS) if checkpoint is None else checkpoint)
    return RcnnPredictor(loaded.model, loaded.charts, limits, device)


def chosen_finder(finder: IuvPredictor | bool, device: torch.device | str = "cpu") -> IuvPredictor | None:
    """The finder that somebody brings, the shipped one for True, none for False."""
    if isinstance(finder, bool):
        return make_predictor(device=device) if finder else None
    return finder


def _runs_detectron2(config: str | Path | None) -> bool:
    if config is None or not Path(config).is_file():
        return False
    try:
        require_detectron2()
    except MissingDependency as error:
        _log.info("%s Our own DensePose-RCNN is used instead.", error)
        return False
    return True
