"""Detectron2's own DensePose as an IUV predictor; the only module that imports detectron2."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from meshrec.checkpoint import fill_model
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.iuv.rcnn.detectron2_weights import read_detectron2_file
from meshrec.iuv.results import DENSEPOSE_CHARTS, ChartOutput, PersonIuv
from meshrec.iuv.selection import PeopleLimits, decode_best, decode_finite
from meshrec.optional import require

_SOURCE = "git+https://github.com/facebookresearch/detectron2.git"
_INSTALL = (
    f"pip install --no-build-isolation '{_SOURCE}'` and "
    f"`pip install --no-build-isolation '{_SOURCE}#subdirectory=projects/DensePose'"
)
# Settings that checkpoints may carry along with the weights.
_IDLE = ("pixel_mean", "pixel_std", "proposal_generator.anchor_generator.")


def require_detectron2() -> tuple[ModuleType, ModuleType]:
    """The packages detectron2 and densepose.

    Raises:
        MissingDependency: one of them is absent; the message has both install lines.
    """
    purpose = "run DensePose models with detectron2"
    return tuple(require(package, purpose=purpose, install=_INSTALL) for package in ("detectron2", "densepose"))


class Detectron2Predictor:
    """Finds people with detectron2, for any chart model of its DensePose project.

    Args:
        config: the model's YAML file, as in ``projects/DensePose/configs``.
        checkpoint: the zoo's ``.pkl``, or what a training of detectron2 saved as ``.pth``; read without running
            anything in it, which detectron2 itself would.
        limits: people below the score, or beyond the number, cost no time.
        device: where the model runs.
    Raises:
        MissingDependency: detectron2 or its DensePose project is absent.
        InvalidInput: the configuration is none, or of a model without charts.
        AssetNotFound, CheckpointMismatch: a file is missing, damaged, or belongs to another configuration.
    """

    def __init__(
        self,
        config: str | Path,
        checkpoint: str | Path,
        limits: PeopleLimits | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        require_detectron2()
        self.charts, self.limits = DENSEPOSE_CHARTS, limits or PeopleLimits()
        self._config = read_detectron2_config(config)
        self._config.MODEL.DEVICE = str(device)
        self._config.MODEL.ROI_HEADS.SCORE_THRESH_TEST = self.limits.min_score
        self._config.TEST.DETECTIONS_PER_IMAGE = self.limits.max_people
        modeling = require("detectron2.modeling", purpose="build DensePose models", install=_INSTALL)
        self._model = modeling.build_model(self._config).eval()
        state = {name: value for name, value in read_detectron2_file(checkpoint).items() if not name.startswith(_IDLE)}
        own = {name: value for name, value in self._model.state_dict().items() if name.startswith(_IDLE)}
        fill_model(self._model, {**own, **state}, str(checkpoint))

    def predict(self, image: np.ndarray, boxes_xyxy_px: Tensor | None = None) -> list[PersonIuv]:
        """People of a photo, see `meshrec.iuv.predictor.IuvPredictor.predict`."""
        if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise InvalidInput("A photo must be a uint8 RGB array of shape (H, W, 3).")
        output = self.raw_output(image, boxes_xyxy_px)
        if output is None:
            return []
        return decode_best(output, self.limits) if boxes_xyxy_px is None else decode_finite(output)

    @torch.no_grad()
    def raw_output(self, image: np.ndarray, boxes_xyxy_px: Tensor | None = None) -> ChartOutput | None:
        """What the head says about the people of an (H, W, 3) uint8 RGB photo, found or given as (N, 4) boxes; None
        where there is nobody.
        """
        transforms = require("detectron2.data.transforms", purpose="resize photos", install=_INSTALL)
        sizes = self._config.INPUT
        resize = transforms.ResizeShortestEdge([sizes.MIN_SIZE_TEST] * 2, sizes.MAX_SIZE_TEST)
        ordered = image[..., ::-1] if sizes.FORMAT == "BGR" else image
        resized = resize.get_transform(ordered).apply_image(ordered)
        pixels = torch.from_numpy(resized.astype("float32").transpose(2, 0, 1))
        height, width = image.shape[:2]
        given = None if boxes_xyxy_px is None else [self._instances(boxes_xyxy_px, (height, width), pixels.shape[1:])]
        photo = {"image": pixels, "height": height, "width": width}
        (found,) = self._model.inference([photo], detected_instances=given)
        found = found["instances"]
        if len(found) == 0:
            return None
        maps = found.pred_densepose
        return ChartOutput(maps.coarse_segm, maps.fine_segm, maps.u, maps.v, found.pred_boxes.tensor, found.scores)

    def _instances(self, boxes_xyxy_px: Tensor, photo_size: tuple[int, int], net_size: tuple[int, int]) -> Any:
        """Boxes of a photo as people that the net has already found in its input."""
        structures = require("detectron2.structures", purpose="hold given boxes", install=_INSTALL)
        down, across = (net / photo for net, photo in zip(net_size, photo_size, strict=True))
        boxes = structures.Boxes(boxes_xyxy_px.float() * boxes_xyxy_px.new_tensor([across, down, across, down]).float())
        boxes.clip(net_size)
        count = len(boxes)
        fields = {
            "pred_boxes": boxes,
            "pred_classes": torch.zeros(count, dtype=torch.long),
            "scores": torch.ones(count),
        }
        return structures.Instances(tuple(net_size), **fields).to(self._config.MODEL.DEVICE)


def read_detectron2_config(path: str | Path) -> Any:
    """Detectron2's configuration of a chart model.

    Raises:
        AssetNotFound: no such file.
        InvalidInput: no configuration of a DensePose model, or one of surface embeddings.
    """
    path = Path(path)
    if not path.is_file():
        raise AssetNotFound(
            f"There is no DensePose configuration {path}; those of the zoo are in detectron2's folder "
            "projects/DensePose/configs."
        )
    detectron2_config = require("detectron2.config", purpose="read DensePose configurations", install=_INSTALL)
    densepose = require("densepose", purpose="read DensePose configurations", install=_INSTALL)
    config = detectron2_config.get_cfg()
    densepose.add_densepose_config(config)
    try:
        config.merge_from_file(str(path), allow_unsafe=False)
    except Exception as error:  # yaml, assertions and lookups of detectron2
        raise InvalidInput(f"{path} is not a configuration of a DensePose model ({type(error).__name__}).") from error
    head = config.MODEL.ROI_DENSEPOSE_HEAD
    if head.CSE.EMBEDDERS or "Embedding" in head.PREDICTOR_NAME:
        raise InvalidInput(
            f"{path} is a model of continuous surface embeddings (CSE), which are not supported yet; take a chart "
            "model such as densepose_rcnn_R_50_FPN_s1x.yaml."
        )
    if config.MODEL.ROI_HEADS.NAME != "DensePoseROIHeads" or not config.MODEL.DENSEPOSE_ON:
        raise InvalidInput(f"{path} is a configuration of detectron2, but not of a DensePose model.")
    return config
