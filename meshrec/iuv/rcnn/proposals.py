"""Region proposals: where in a photo something may be a person (Faster R-CNN's first stage)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import batched_nms

from meshrec.iuv.rcnn.anchors import Anchors
from meshrec.iuv.rcnn.boxes import clip_boxes, decode_boxes, not_empty


@dataclass(frozen=True)
class Regions:
    """What the first stage says about every anchor, level by level, finest first.

    Attributes:
        anchors_xyxy_px: (A_l, 4) of each level, the same for all images.
        logits: (B, A_l) of each level, that the anchor holds a person.
        deltas: (B, A_l, 4) of each level, from anchor to person, see `decode_boxes`.
    """

    anchors_xyxy_px: list[Tensor]
    logits: list[Tensor]
    deltas: list[Tensor]


class RegionHead(nn.Module):
    """A convolution and two 1x1 predictors that all levels share."""

    def __init__(self, channels: int, anchors: Anchors) -> None:
        super().__init__()
        self.anchors = anchors
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.logits = nn.Conv2d(channels, anchors.per_cell, 1)
        self.deltas = nn.Conv2d(channels, 4 * anchors.per_cell, 1)
        for layer in (self.conv, self.logits, self.deltas):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)

    def forward(self, levels: list[Tensor]) -> Regions:
        """Maps (B, C, H, W) of the levels, finest first."""
        hidden = [F.relu(self.conv(level)) for level in levels]
        logits = [self.logits(x).permute(0, 2, 3, 1).flatten(1) for x in hidden]
        deltas = [self.deltas(x).permute(0, 2, 3, 1).reshape(len(x), -1, 4) for x in hidden]
        return Regions(self.anchors(levels), logits, deltas)


def best_regions(regions: Regions, sizes_px: Tensor, per_level: int, kept: int, nms_iou: float) -> list[Tensor]:
    """Boxes of the best anchors, without those that mostly repeat a better one of their level.

    Args:
        regions: of B images.
        sizes_px: (B, 2) height and width of the images inside the batch; boxes are clipped to them.
        per_level, kept, nms_iou: see `ProposalConfig`.
    Returns:
        (R_b, 4) boxes of each image, best first; no gradient flows through them.
    """
    scores, boxes, level_of = [], [], []
    for level, (anchors, logits, deltas) in enumerate(zip(regions.anchors_xyxy_px, regions.logits, regions.deltas)):
        best, index = logits.detach().topk(min(per_level, logits.shape[1]), dim=1)
        chosen = deltas.detach().gather(1, index[..., None].expand(-1, -1, 4))
        scores.append(best)
        boxes.append(decode_boxes(anchors[index], chosen))
        level_of.append(torch.full_like(best[0], level, dtype=torch.long))
    level_of = torch.cat(level_of)
    return [
        _suppressed(clip_boxes(image_boxes, size), image_scores, level_of, kept, nms_iou)
        for image_boxes, image_scores, size in zip(torch.cat(boxes, 1), torch.cat(scores, 1), sizes_px, strict=True)
    ]


def _suppressed(boxes: Tensor, scores: Tensor, level_of: Tensor, kept: int, nms_iou: float) -> Tensor:
    usable = not_empty(boxes) & boxes.isfinite().all(1) & scores.isfinite()
    boxes, scores, level_of = boxes[usable], scores[usable], level_of[usable]
    return boxes[batched_nms(boxes, scores.float(), level_of, nms_iou)[:kept]]
