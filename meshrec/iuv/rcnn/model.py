"""The assembled DensePose-RCNN, step by step; inference runs all of them, training and tests call them one by one."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from meshrec.checks import check_shapes
from meshrec.iuv.rcnn.anchors import Anchors
from meshrec.iuv.rcnn.backbone import make_backbone
from meshrec.iuv.rcnn.box_head import BoxHead, Detections, best_people
from meshrec.iuv.rcnn.chart_head import ChartMaps, ChartPredictor, ConvHead, DeepLabHead, PyramidDecoder
from meshrec.iuv.rcnn.config import STRIDES, ChartConfig, InputConfig, RcnnConfig
from meshrec.iuv.rcnn.pooling import pool_boxes
from meshrec.iuv.rcnn.proposals import RegionHead, Regions, best_regions
from meshrec.iuv.results import ChartOutput

LEVELS = ("p2", "p3", "p4", "p5", "p6")
_POOLED_LEVELS = LEVELS[: len(STRIDES)]


class DensePoseRcnn(nn.Module):
    """Finds people and predicts their charts; random weights until a file of weights is loaded.

    All boxes are in pixels of the batch's images, which `meshrec.iuv.rcnn.inference` makes from photos.
    """

    def __init__(self, config: RcnnConfig) -> None:
        super().__init__()
        self.config = config
        channels, proposals, boxes = config.pyramid_channels, config.proposals, config.boxes
        self.normalise = Normalise(config.input)
        self.backbone = make_backbone(config.backbone, config.backbone_channels)
        self.pyramid = FeaturePyramidNetwork(list(self.backbone.channels), channels, LastLevelMaxPool())
        strides = (*STRIDES, 2 * STRIDES[-1])
        self.regions_head = RegionHead(channels, Anchors(proposals.anchor_sizes_px, proposals.anchor_ratios, strides))
        self.box_head = BoxHead(channels, boxes.pooled_size, boxes.width)
        self.charts = ChartBranch(channels, config.charts)

    def forward(self, images: Tensor, sizes_px: Tensor) -> list[ChartOutput]:
        """People of every image.

        Args:
            images: (B, 3, H, W) RGB, 0 to 1 or uint8, padded at right and bottom.
            sizes_px: (B, 2) height and width of the images inside the padding.
        Returns:
            An output for each image, best scored person first, boxes in its pixels; without people where there is
            nobody.
        """
        features = self.features(images, sizes_px)
        proposals = self.proposals(self.regions(features), sizes_px)
        people = self.detect(features, proposals, sizes_px)
        maps = self.densepose(features, [found.boxes_xyxy_px for found in people])
        return [
            ChartOutput(part.coarse_segm, part.fine_segm, part.u, part.v, found.boxes_xyxy_px, found.scores)
            for found, part in zip(people, maps.split([len(found) for found in people]))
        ]

    def features(self, images: Tensor, sizes_px: Tensor) -> dict[str, Tensor]:
        """Images as in `forward` -> pyramid levels ``p2`` to ``p6``, (B, C, H, W) at strides 4 to 64."""
        maps = self.backbone(self.normalise(images, sizes_px))
        return dict(zip(LEVELS, self.pyramid(dict(zip(_POOLED_LEVELS, maps))).values()))

    def regions(self, features: dict[str, Tensor]) -> Regions:
        """What the first stage says about every anchor."""
        return self.regions_head([features[level] for level in LEVELS])

    def proposals(self, regions: Regions, sizes_px: Tensor) -> list[Tensor]:
        """(R_b, 4) boxes of each image that may hold a person, best first; without gradient."""
        config = self.config.proposals
        per_level = config.per_level_in_training if self.training else config.per_level
        return best_regions(regions, sizes_px, per_level, config.kept, config.nms_iou)

    def box_outputs(self, features: dict[str, Tensor], boxes_xyxy_px: list[Tensor]) -> tuple[Tensor, Tensor]:
        """(P, 2) logits of person and background and (P, 4) shifts for the boxes of all images one after another."""
        config = self.config.boxes
        levels = [features[level] for level in _POOLED_LEVELS]
        pooled = pool_boxes(levels, boxes_xyxy_px, config.pooled_size, config.sampling_ratio, config.half_pixel)
        return self.box_head(pooled)

    def detect(self, features: dict[str, Tensor], proposals: list[Tensor], sizes_px: Tensor) -> list[Detections]:
        """The people among each image's proposals, (R_b, 4) boxes."""
        config = self.config.boxes
        logits, deltas = self.box_outputs(features, proposals)
        counts = [len(boxes) for boxes in proposals]
        choice = (config.delta_weights, config.min_score, config.nms_iou, config.max_people)
        return [
            best_people(*image, *choice)
            for image in zip(proposals, logits.split(counts), deltas.split(counts), sizes_px, strict=True)
        ]

    def densepose(self, features: dict[str, Tensor], boxes_xyxy_px: list[Tensor]) -> ChartMaps:
        """Chart maps for each image's (P_b, 4) boxes, all images one after another; there may be no box at all."""
        return self.charts([features[level] for level in _POOLED_LEVELS], boxes_xyxy_px)


class Normalise(nn.Module):
    """RGB images of a batch as the backbone wants them: colour order, mean, scale, zeros as padding."""

    def __init__(self, config: InputConfig) -> None:
        super().__init__()
        self.reverse = config.colours == "bgr"
        self.register_buffer("mean", torch.tensor(config.mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(config.std)[:, None, None], persistent=False)

    def forward(self, images: Tensor, sizes_px: Tensor) -> Tensor:
        """(B, 3, H, W) RGB, 0 to 1 or uint8, and (B, 2) sizes -> (B, 3, H', W'), multiples of the coarsest stride."""
        check_shapes(images=(images, "B 3 H W"), sizes_px=(sizes_px, "B 2"))
        images = images.to(self.mean.dtype) if images.dtype == torch.uint8 else images * 255.0
        images = ((images.flip(1) if self.reverse else images) - self.mean) / self.std
        height, width = images.shape[-2:]
        rows = torch.arange(height, device=images.device) < sizes_px[:, :1]
        columns = torch.arange(width, device=images.device) < sizes_px[:, 1:]
        images = images * (rows[:, None, :, None] & columns[:, None, None, :])
        return F.pad(images, (0, -width % STRIDES[-1], 0, -height % STRIDES[-1]))


class ChartBranch(nn.Module):
    """Decoder, pooling, head and predictor of the chart maps."""

    def __init__(self, channels: int, config: ChartConfig) -> None:
        super().__init__()
        self.config = config
        self.decoder = PyramidDecoder(channels, config.decoder_channels) if config.decoder else None
        pooled_channels = config.decoder_channels if config.decoder else channels
        head = {"v1convx": ConvHead, "deeplab": DeepLabHead}[config.head]
        self.head = head(pooled_channels, config.width, config.convolutions)
        out_channels = config.width if config.convolutions else pooled_channels
        self.predictor = ChartPredictor(
            out_channels, config.coarse_channels, config.fine_channels, config.segm_confidence
        )

    def forward(self, levels: list[Tensor], boxes_xyxy_px: list[Tensor]) -> ChartMaps:
        """Maps at strides 4 to 32 and each image's boxes -> maps of all boxes one after another."""
        config = self.config
        levels = levels if self.decoder is None else [self.decoder(levels)]
        pooled = pool_boxes(levels, boxes_xyxy_px, config.pooled_size, config.sampling_ratio, config.half_pixel)
        return self.predictor(self.head(pooled))
