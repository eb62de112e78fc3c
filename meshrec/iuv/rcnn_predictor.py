"""Our own DensePose-RCNN as an IUV predictor."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from meshrec.iuv.rcnn.inference import describe_people, find_people
from meshrec.iuv.rcnn.model import DensePoseRcnn
from meshrec.iuv.results import PersonIuv
from meshrec.iuv.selection import PeopleLimits, decode_best, decode_finite


class RcnnPredictor:
    """Finds people with a `DensePoseRcnn`.

    Args:
        model: stays as it is; the predictor shares its weights.
        charts: what the model's U and V refer to, see `meshrec.iuv.predictor.IuvPredictor`.
        limits: people below the score, or beyond the number, cost no time.
        device: where the model is moved and runs.
    """

    def __init__(
        self,
        model: DensePoseRcnn,
        charts: str,
        limits: PeopleLimits | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.charts, self.limits = charts, limits or PeopleLimits()
        boxes = replace(model.config.boxes, min_score=self.limits.min_score, max_people=self.limits.max_people)
        self._model = copy.copy(model.to(device).eval())
        self._model.config = replace(model.config, boxes=boxes)

    def predict(self, image: np.ndarray, boxes_xyxy_px: Tensor | None = None) -> list[PersonIuv]:
        """People of a photo, see `meshrec.iuv.predictor.IuvPredictor.predict`."""
        if boxes_xyxy_px is not None:
            return decode_finite(describe_people(self._model, image, boxes_xyxy_px))
        (output,) = find_people(self._model, [image])
        return decode_best(output, self.limits)
