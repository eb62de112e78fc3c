"""A DensePose-RCNN so small that it runs in a moment, whose random weights find people everywhere."""

from __future__ import annotations

import torch

from meshrec.iuv.rcnn.config import BoxConfig, ChartConfig, InputConfig, RcnnConfig
from meshrec.iuv.rcnn.model import DensePoseRcnn

SMALL_RCNN = RcnnConfig(
    backbone="resnet10t",
    pyramid_channels=8,
    input=InputConfig(short_side_px=96, long_side_px=160, colours="rgb"),
    boxes=BoxConfig(width=16, max_people=5),
    charts=ChartConfig(decoder_channels=8, width=8, convolutions=1, pooled_size=7),
)


def small_rcnn() -> DensePoseRcnn:
    """A net of that form in evaluation mode; the same one every time."""
    torch.manual_seed(0)
    model = DensePoseRcnn(SMALL_RCNN).eval()
    with torch.no_grad():
        model.box_head.logits.weight.normal_(std=0.5)
        model.box_head.deltas.weight.normal_(std=0.5)
        model.regions_head.logits.weight.normal_()
    return model
