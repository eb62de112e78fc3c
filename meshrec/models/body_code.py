"""Global code of a body from its IUV map, its 2D joints and the image's code, any of the last two absent.

Transfer to UV space says where each visible texel lies in the image, but a convolution over UV space sees little of
the whole: which way the person faces, or that the knees are bent, is written all over the *image* of correspondences.
This encoder reads that image. It works without pictures, so it can be trained on rendered correspondence alone.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from meshrec.models.blocks import ResidualBlock, make_norm
from meshrec.structures import IuvMap

GRID = 64  # pixels per side at which the IUV map is read, whatever the resolution of the net that made it
FREQUENCIES = (1, 2, 4)  # half periods of the sines and cosines of u and v over the atlas
_PLANES = 5 + 4 * len(FREQUENCIES)  # mask, u, v, x, y and the waves


class BodyEncoder(nn.Module):
    """Encodes correspondence, and what else is known, into one vector.

    Args:
        width: size of the vector.
        code_channels: size of the image's code.
        joints: number of 2D joints.
        stages: channels of the convolutional stages, each of which halves the grid.
    """

    def __init__(self, width: int, code_channels: int, joints: int,
                 stages: tuple[int, ...] = (32, 64, 128, 192), norm: str = "group") -> None:
        super().__init__()
        self.width = width
        self.stem = nn.Sequential(nn.Conv2d(_PLANES, stages[0], 3, 2, 1, bias=False), make_norm(norm, stages[0]),
                                  nn.ReLU())
        self.stages = nn.Sequential(*(ResidualBlock(a, b, 2, norm) for a, b in pairwise(stages)))
        cells = (GRID >> len(stages)) ** 2
        self.from_iuv = nn.Linear(stages[-1] * cells, width)
        self.from_code = nn.Linear(code_channels, width, bias=False)
        self.from_joints = nn.Linear(3 * joints, width, bias=False)
        self.mix = nn.Sequential(nn.LayerNorm(width), nn.ReLU(), nn.Linear(width, width))
        self.norm = nn.LayerNorm(width)

    def forward(self, iuv: IuvMap, code: Tensor | None = None, joints: Tensor | None = None) -> Tensor:
        """Vectors of bodies; no gradient reaches the IUV map.

        Args:
            iuv: maps of any size.
            code: (B, D) pooled image features; absent counts as zero.
            joints: (B, J, 3) x, y in [-1, 1] over the crop and a confidence in [0, 1]; absent counts as unseen.
        Returns:
            (B, width).
        """
        vector = self.from_iuv(self.stages(self.stem(iuv_planes(iuv.detach(), GRID))).flatten(1))
        if code is not None:
            vector = vector + self.from_code(code)
        if joints is not None:
            confidence = joints[..., 2:]
            vector = vector + self.from_joints(torch.cat([joints[..., :2] * confidence, confidence], -1).flatten(1))
        return F.relu(self.norm(vector + self.mix(vector)))


def iuv_planes(iuv: IuvMap, size: int) -> Tensor:
    """The IUV map as an image for convolutions: (B, 17, size, size), zero off the person except for x and y.

    Planes: mask (0 or 1, because rendered and predicted masks must look alike), u, v, x, y, and sines and cosines of
    u and v, which make places on the atlas linearly separable.
    """
    mask = F.interpolate((iuv.mask[:, None] > 0.5).to(iuv.uv.dtype), size=(size, size), mode="nearest-exact")
    uv = F.interpolate(iuv.uv, size=(size, size), mode="nearest-exact")
    angles = torch.cat([math.pi * frequency * uv for frequency in FREQUENCIES], dim=1)
    surface = mask * torch.cat([torch.ones_like(mask), 2 * uv - 1, angles.sin(), angles.cos()], dim=1)
    line = (torch.arange(size, device=uv.device, dtype=uv.dtype) + 0.5) * (2 / size) - 1
    xy = torch.stack([line.expand(size, size), line[:, None].expand(size, size)])
    return torch.cat([surface, xy.expand(len(uv), -1, -1, -1)], dim=1)


def joints_from_heatmaps(heatmaps: Tensor, radius_ndc: float = 0.15) -> Tensor:
    """Peaks of joints' distributions over the pixels, and how much of each lies there.

    The mean of a whole distribution lies between its peaks where a net hesitates between two places, which is where no
    joint is; the mean inside a window around the highest pixel is exact to a fraction of a pixel and lies on a peak.

    Args:
        heatmaps: (B, J, h, w) logits.
        radius_ndc: half the side of the window, in crop units of [-1, 1]; at least one pixel is read to each side.
    Returns:
        (B, J, 3) x, y in [-1, 1] between the crop's edges, and the window's share of the distribution, at most 1.
    """
    _, _, height, width = heatmaps.shape
    probability = heatmaps.float().flatten(2).softmax(dim=-1)
    highest = probability.argmax(dim=-1, keepdim=True)
    row, column = highest // width, highest % width
    rows, columns = (torch.arange(cells, device=heatmaps.device) for cells in (height, width))
    near_row = (rows - row).abs() <= max(1, round(radius_ndc * height / 2))
    near_column = (columns - column).abs() <= max(1, round(radius_ndc * width / 2))
    window = probability.unflatten(2, (height, width)) * near_row[..., None] * near_column[..., None, :]
    over_columns, over_rows = window.sum(dim=2), window.sum(dim=3)
    share = over_rows.sum(dim=-1)
    # Products and sums, because autocast would make a matrix product lose the fraction of a pixel.
    x = (over_columns * ((columns + 0.5) * (2 / width) - 1)).sum(dim=-1) / share
    y = (over_rows * ((rows + 0.5) * (2 / height) - 1)).sum(dim=-1) / share
    return torch.stack([x, y, share], dim=-1)
