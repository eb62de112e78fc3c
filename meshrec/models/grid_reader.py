"""One vector of a backbone's maps that still says where in the crop something was seen."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class GridReader(nn.Module):
    """Narrows maps by 1x1 convolutions, averages them over the cells of a coarse grid, and lists all cells.

    Args:
        channels: of the backbone's maps.
        widths: stage of the backbone -> channels to which its map is narrowed.
        cells: of the grid, per side.
    """

    def __init__(self, channels: tuple[int, ...], widths: dict[int, int], cells: int) -> None:
        super().__init__()
        self.cells = cells
        self.narrow = nn.ModuleDict(
            {str(stage): nn.Conv2d(channels[stage], width, 1) for stage, width in widths.items()}
        )
        self.width = channels[-1] + cells**2 * sum(widths.values())

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Maps (B, C, h, w), finest first -> (B, width): the mean of the coarsest, then the cells."""
        cells = [
            F.adaptive_avg_pool2d(F.relu(layer(maps[int(stage)])), self.cells).flatten(1)
            for stage, layer in self.narrow.items()
        ]
        return torch.cat([maps[-1].mean(dim=(2, 3)), *cells], dim=1)
