"""Anchors: the boxes at every cell of every pyramid level that region proposals start from."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Anchors(nn.Module):
    """Boxes of one size and several ratios around the first pixel of each cell.

    Args:
        sizes_px: square root of the anchors' area, one for each level.
        ratios: height over width.
        strides: pixels between the cells of each level.
    """

    def __init__(self, sizes_px: tuple[int, ...], ratios: tuple[float, ...], strides: tuple[int, ...]) -> None:
        super().__init__()
        self.strides = tuple(strides)
        # Not part of the state: files of weights need not repeat the configuration.
        self.register_buffer("corners_px", _corners(sizes_px, ratios), persistent=False)

    @property
    def per_cell(self) -> int:
        return self.corners_px.shape[1]

    def forward(self, levels: list[Tensor]) -> list[Tensor]:
        """Maps (B, C, H, W) of the levels, finest first -> (H * W * ratios, 4) boxes of each, ratio fastest."""
        return [
            self._around_cells(corners, level.shape[-2:], stride)
            for corners, level, stride in zip(self.corners_px, levels, self.strides, strict=True)
        ]

    @staticmethod
    def _around_cells(corners: Tensor, grid: torch.Size, stride: int) -> Tensor:
        y, x = (torch.arange(count, device=corners.device, dtype=corners.dtype) * stride for count in grid)
        y, x = torch.meshgrid(y, x, indexing="ij")
        return (torch.stack([x, y, x, y], -1)[:, :, None] + corners).reshape(-1, 4)


def _corners(sizes_px: tuple[int, ...], ratios: tuple[float, ...]) -> Tensor:
    """(levels, ratios, 4) boxes around the origin."""
    sizes = torch.tensor(sizes_px, dtype=torch.float64)[:, None]
    ratio = torch.tensor(ratios, dtype=torch.float64)
    widths = sizes / ratio.sqrt()
    half = torch.stack([widths, widths * ratio], -1) / 2
    return torch.cat([-half, half], -1).float()
