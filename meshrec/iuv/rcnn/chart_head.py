"""The DensePose branch: a decoder that merges the pyramid, two kinds of head, and the predictor of chart maps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_GROUPS = 32  # of every normalisation in the DeepLab head
_DILATIONS = (6, 12, 56)
_CONFIDENCE_FLOOR = 0.01


@dataclass(frozen=True)
class ChartMaps:
    """Raw maps for P boxes, see `meshrec.iuv.results.ChartOutput`: (P, K, S, S) and three of (P, 25, S, S)."""

    coarse_segm: Tensor
    fine_segm: Tensor
    u: Tensor
    v: Tensor

    def split(self, counts: list[int]) -> list[ChartMaps]:
        """The boxes of each image."""
        parts = [tensor.split(counts) for tensor in (self.coarse_segm, self.fine_segm, self.u, self.v)]
        return [ChartMaps(*tensors) for tensors in zip(*parts)]


class PyramidDecoder(nn.Module):
    """One map at stride 4 from all levels (Panoptic FPN's decoder): convolve and enlarge each, then add them up."""

    def __init__(self, in_channels: int, channels: int, levels: int = 4) -> None:
        super().__init__()
        # The finest level has one convolution, as the next has; each further one has one more.
        self.levels = nn.ModuleList(
            nn.ModuleList(_conv(in_channels if step == 0 else channels, channels) for step in range(max(1, level)))
            for level in range(levels)
        )
        self.last = _conv(channels, channels, kernel=1)

    def forward(self, levels: list[Tensor]) -> Tensor:
        """(B, C, H, W) maps at strides 4, 8, ... -> (B, D, H, W) at stride 4."""
        merged: Tensor | None = None
        for number, (convs, x) in enumerate(zip(self.levels, levels, strict=True)):
            for conv in convs:
                x = F.relu(conv(x))
                x = x if number == 0 else F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            merged = x if merged is None else merged + x
        return self.last(merged)


class ConvHead(nn.Module):
    """Detectron2's V1ConvX head: 3x3 convolutions one after another; (P, C, S, S) -> (P, width, S, S)."""

    def __init__(self, in_channels: int, width: int, convolutions: int) -> None:
        super().__init__()
        layers = (_conv(width if step else in_channels, width) for step in range(convolutions))
        self.convs = nn.Sequential(*(nn.Sequential(layer, nn.ReLU()) for layer in layers))

    def forward(self, x: Tensor) -> Tensor:
        return self.convs(x)


class DeepLabHead(nn.Module):
    """Dilated convolutions and the box's average side by side, then normalised 3x3 convolutions.

    Raises:
        ValueError: channels that do not make groups of several.
    """

    def __init__(self, in_channels: int, width: int, convolutions: int) -> None:
        super().__init__()
        if in_channels % _GROUPS or width % _GROUPS or in_channels == _GROUPS:
            raise ValueError(
                f"The DeepLab head normalises {_GROUPS} groups of several channels, got {in_channels} and {width} "
                f"channels; take multiples of {_GROUPS}, at least {2 * _GROUPS}."
            )
        channels = in_channels
        self.branches = nn.ModuleList([_normed(in_channels, channels, kernel=1)])
        self.branches.extend(_normed(in_channels, channels, dilation=dilation) for dilation in _DILATIONS)
        self.average = _normed(in_channels, channels, kernel=1)
        self.merge = _conv((2 + len(_DILATIONS)) * channels, channels, kernel=1, bias=False)
        self.convs = nn.Sequential(*(_normed(width if step else channels, width) for step in range(convolutions)))

    def forward(self, x: Tensor) -> Tensor:
        """(P, C, S, S) -> (P, width, S, S)."""
        average = self.average(x.mean((2, 3), keepdim=True)).expand(-1, -1, *x.shape[-2:])
        merged = self.merge(torch.cat([*(branch(x) for branch in self.branches), average], 1))
        return self.convs(F.relu(merged))


class ChartPredictor(nn.Module):
    """From a head's features to chart maps of four times their size."""

    def __init__(self, in_channels: int, coarse_channels: int, fine_channels: int, segm_confidence: bool) -> None:
        super().__init__()
        self.coarse_segm = _enlarging(in_channels, coarse_channels)
        self.fine_segm = _enlarging(in_channels, fine_channels)
        self.u = _enlarging(in_channels, fine_channels)
        self.v = _enlarging(in_channels, fine_channels)
        self.coarse_confidence = _enlarging(in_channels, 1) if segm_confidence else None
        self.fine_confidence = _enlarging(in_channels, 1) if segm_confidence else None

    def forward(self, x: Tensor) -> ChartMaps:
        """(P, C, S, S) -> maps of 4 S."""
        coarse, fine, u, v = (_doubled(layer(x)) for layer in (self.coarse_segm, self.fine_segm, self.u, self.v))
        if self.coarse_confidence is not None:
            coarse = coarse * _positive(self.coarse_confidence(x))
            fine = fine * _positive(self.fine_confidence(x))
        return ChartMaps(coarse, fine, u, v)


def _positive(confidence: Tensor) -> Tensor:
    return F.softplus(_doubled(confidence)) + _CONFIDENCE_FLOOR


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def _enlarging(in_channels: int, channels: int) -> nn.ConvTranspose2d:
    """A transposed convolution that doubles the map."""
    return _with_start(nn.ConvTranspose2d(in_channels, channels, 4, stride=2, padding=1))


def _conv(in_channels: int, channels: int, kernel: int = 3, dilation: int = 1, bias: bool = True) -> nn.Conv2d:
    padding = dilation * (kernel // 2)
    return _with_start(nn.Conv2d(in_channels, channels, kernel, padding=padding, dilation=dilation, bias=bias))


def _normed(in_channels: int, channels: int, kernel: int = 3, dilation: int = 1) -> nn.Sequential:
    conv = _conv(in_channels, channels, kernel, dilation, bias=False)
    return nn.Sequential(conv, nn.GroupNorm(_GROUPS, channels), nn.ReLU())


def _with_start(layer: nn.Conv2d | nn.ConvTranspose2d) -> nn.Conv2d | nn.ConvTranspose2d:
    """Random weights for layers before a rectifier (He et al. 2015), biases of zero."""
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
