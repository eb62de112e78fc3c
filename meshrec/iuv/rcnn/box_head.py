"""The detector's second stage: which proposals are people, and their exact boxes."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import nms

from meshrec.iuv.rcnn.boxes import Weights, clip_boxes, decode_boxes

PERSON, BACKGROUND = 0, 1  # detectron2 puts the background last


@dataclass(frozen=True)
class Detections:
    """People of one image, best first.

    Attributes:
        boxes_xyxy_px: (P, 4) in the image as the net sees it.
        scores: (P,) 0 to 1.
    """

    boxes_xyxy_px: Tensor
    scores: Tensor

    def __len__(self) -> int:
        return len(self.scores)


class BoxHead(nn.Module):
    """Two hidden layers over a box's pooled features; classes are person and background."""

    def __init__(self, channels: int, pooled_size: int, width: int) -> None:
        super().__init__()
        self.hidden = nn.ModuleList([nn.Linear(channels * pooled_size**2, width), nn.Linear(width, width)])
        self.logits = nn.Linear(width, 2)
        self.deltas = nn.Linear(width, 4)
        for layer, std in ((self.logits, 0.01), (self.deltas, 0.001)):
            nn.init.normal_(layer.weight, std=std)
            nn.init.zeros_(layer.bias)

    def forward(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """(P, C, S, S) -> (P, 2) logits of person and background, (P, 4) shifts from proposal to person."""
        x = pooled.flatten(1)
        for layer in self.hidden:
            x = F.relu(layer(x))
        return self.logits(x), self.deltas(x)


def best_people(
    proposals_xyxy_px: Tensor,
    logits: Tensor,
    deltas: Tensor,
    size_px: Tensor,
    weights: Weights,
    min_score: float,
    nms_iou: float,
    max_people: int,
) -> Detections:
    """Decode and choose the people of one image.

    Args:
        proposals_xyxy_px: (R, 4).
        logits, deltas: (R, 2) and (R, 4) of `BoxHead`.
        size_px: (2,) height and width of the image; boxes are clipped to it.
        weights, min_score, nms_iou, max_people: see `BoxConfig`.
    """
    boxes = decode_boxes(proposals_xyxy_px, deltas, weights)
    scores = logits.to(boxes.dtype).softmax(1)[:, PERSON]
    usable = (scores > min_score) & boxes.isfinite().all(1)
    boxes, scores = clip_boxes(boxes[usable], size_px), scores[usable]
    chosen = nms(boxes, scores, nms_iou)[:max_people]
    return Detections(boxes[chosen], scores[chosen])
