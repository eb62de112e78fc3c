"""Output layers of the correspondence net: the paper's continuous IUV, and the part-wise one of the default model."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from meshrec.models.blocks import Bottleneck
from meshrec.models.part_code import PART_COUNT, PartCode

HEAD_WIDTH = 32  # channels before the last convolution of the paper's heads


@dataclass(frozen=True)
class HeadOutput:
    """What a head reads from the (B, C, h, w) feature map; ``None`` where a head does not predict something.

    Attributes:
        mask_logit: (B, h, w) of the pixel showing the person.
        uv: (B, 2, h, w) atlas coordinates in [0, 1].
        part_logits: (B, 25, h, w), background first.
        uv_residual: (B, 48, h, w) in the boxes of parts 1 to 24 (``PartCode``).
        front_logit: (B, h, w) of the surface belonging to the front half of the body.
        joint_heatmaps: (B, J, h, w) logits; their softmax over the pixels is the distribution of a joint.
    """

    mask_logit: Tensor
    uv: Tensor
    part_logits: Tensor | None = None
    uv_residual: Tensor | None = None
    front_logit: Tensor | None = None
    joint_heatmaps: Tensor | None = None


class ContinuousHead(nn.Module):
    """DecoMR's heads: sigmoid mask and sigmoid u, v on the one continuous chart."""

    joints = 0  # it has no heatmaps

    def __init__(self, channels: int, norm: str = "group") -> None:
        super().__init__()
        self.mask = nn.Sequential(Bottleneck(channels, HEAD_WIDTH, norm), nn.Conv2d(HEAD_WIDTH, 1, 1))
        self.uv = nn.Sequential(Bottleneck(channels, HEAD_WIDTH, norm), nn.Conv2d(HEAD_WIDTH, 2, 1))

    def forward(self, features: Tensor) -> HeadOutput:
        return HeadOutput(self.mask(features).squeeze(1).float(), self.uv(features).float().sigmoid())


class PartHead(nn.Module):
    """Part, front or back, and a residual per part; beside them the mask and heatmaps of joints.

    Args:
        channels: width of the feature map.
        part_code: boxes of the parts in the atlas.
        joints: how many joints get a heatmap; 0 for none.
    """

    def __init__(self, channels: int, part_code: PartCode, joints: int = 0, norm: str = "batch") -> None:
        super().__init__()
        self.part_code, self.joints = part_code, joints
        self.block = Bottleneck(channels, channels, norm)
        self._sizes = [1, 1, PART_COUNT + 1, 2 * PART_COUNT, joints]
        self.last = nn.Conv2d(channels, sum(self._sizes), 1)

    def forward(self, features: Tensor) -> HeadOutput:
        maps = self.last(self.block(features)).float()
        mask, front, parts, residual, heatmaps = torch.split(maps, self._sizes, dim=1)
        return HeadOutput(mask.squeeze(1), self.part_code.decode(parts, residual), parts, residual, front.squeeze(1),
                          heatmaps if heatmaps.shape[1] else None)
