"""Convolutional blocks that several nets share: bottleneck, upsampling, hourglass, small residual block.

The bottleneck, its use for upsampling and the hourglass are DecoMR's (CVPR 2020, section 3 and the released code); all
convolutions in them carry a bias. Normalisation is chosen by name: ``"group"`` (8 channels a group, as released),
``"batch"`` (cheapest), or ``"layer"`` (over each pixel's channels; cheaper on CPU than groups, and like them the same
whatever else a batch holds).
"""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from timm.layers import LayerNorm2d
from torch import Tensor, nn

GROUP_SIZE = 8  # channels per normalisation group in DecoMR


def make_norm(kind: str, channels: int) -> nn.Module:
    """Normalisation layer for (B, channels, H, W).

    Raises:
        ValueError: unknown kind, or channels that do not divide into groups.
    """
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    if kind == "group":
        if channels % GROUP_SIZE:
            raise ValueError(f"Group normalisation needs a multiple of {GROUP_SIZE} channels, got {channels}.")
        return nn.GroupNorm(channels // GROUP_SIZE, channels)
    if kind == "layer":
        return LayerNorm2d(channels)
    raise ValueError(f"norm must be 'group', 'batch' or 'layer', got {kind!r}.")


class Bottleneck(nn.Module):
    """1x1 -> 3x3 -> 1x1 convolutions through half the output width, plus a skip; (B, in, H, W) -> (B, out, H, W)."""

    def __init__(self, in_channels: int, out_channels: int, norm: str = "group") -> None:
        super().__init__()
        half = out_channels // 2
        self.conv1 = nn.Conv2d(in_channels, half, 1)
        self.norm1 = make_norm(norm, half)
        self.conv2 = nn.Conv2d(half, half, 3, padding=1)
        self.norm2 = make_norm(norm, half)
        self.conv3 = nn.Conv2d(half, out_channels, 1)
        self.norm3 = make_norm(norm, out_channels)
        self.skip = nn.Identity() if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        y = F.relu(self.norm2(self.conv2(y)))
        return F.relu(self.norm3(self.conv3(y)) + self.skip(x))


class UpBlock(nn.Module):
    """Enlarges a map, then a bottleneck; by repetition, or bilinearly in the location net's decoder."""

    def __init__(self, in_channels: int, out_channels: int, norm: str = "group", mode: str = "nearest") -> None:
        super().__init__()
        self.mode = mode
        self.block = Bottleneck(in_channels, out_channels, norm)

    def forward(self, x: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """(B, in, H, W) -> (B, out, *size); twice the size where none is given.

        A size other than twice occurs where an odd map was halved (a 112 px crop has 7 and 4 pixel stages).
        """
        size = size or (2 * x.shape[-2], 2 * x.shape[-1])
        corners = {"align_corners": False} if self.mode == "bilinear" else {}
        return self.block(F.interpolate(x, size=size, mode=self.mode, **corners))


class Hourglass(nn.Module):
    """Halves a square map ``levels`` times while doubling its channels, and comes back with additive skips.

    (B, C, R, R) -> (B, C, R, R); R must be divisible by ``2 ** levels``. Lists run from the finest level down.
    """

    def __init__(self, channels: int, levels: int, norm: str = "group") -> None:
        super().__init__()
        widths = [channels * 2**level for level in range(levels + 1)]
        self.down = nn.ModuleList(Bottleneck(a, b, norm) for a, b in pairwise(widths))
        self.up = nn.ModuleList(UpBlock(b, a, norm) for a, b in pairwise(widths))
        self.norm = make_norm(norm, channels)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for down in self.down:
            skips.append(x)
            x = F.max_pool2d(down(x), 2)
        for up, skip in zip(reversed(self.up), reversed(skips), strict=True):
            x = up(x) + skip
        return self.norm(x)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a skip (ResNet's basic block); (B, in, H, W) -> (B, out, H / stride, W / stride)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, norm: str = "group") -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.norm1 = make_norm(norm, out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.norm2 = make_norm(norm, out_channels)
        same = stride == 1 and in_channels == out_channels
        self.skip = nn.Identity() if same else nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.skip(x))
