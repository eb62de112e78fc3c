"""A linear basis of location maps: the coarse body that a global code describes, before local evidence corrects it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from meshrec.checks import check_shapes


class MapBasis(nn.Module):
    """Mean map plus a learned combination of ``size`` component maps.

    The components are ordinary weights. ``set_components`` starts them from a principal component analysis of example
    maps, which saves the net most of its first hours.

    Args:
        reference_map: (3, R, R) metres, the mean to start from.
        width: size of the code.
        size: number of components.
    """

    def __init__(self, reference_map: Tensor, width: int, size: int) -> None:
        super().__init__()
        check_shapes(reference_map=(reference_map, "3 R R"))
        self.resolution = reference_map.shape[-1]
        self.coefficients = nn.Linear(width, size)
        self.components = nn.Linear(size, reference_map.numel())
        with torch.no_grad():
            self.components.weight.normal_(std=0.1 / size**0.5)
            self.components.bias.copy_(reference_map.flatten())

    def forward(self, code: Tensor) -> Tensor:
        """(B, width) -> (B, 3, R, R) metres."""
        return self.components(self.coefficients(code)).float().unflatten(1, (3, self.resolution, self.resolution))

    @torch.no_grad()
    def set_components(self, maps: Tensor, mask: Tensor) -> float:
        """Start from the mean and the principal components of example maps, scaled to unit-variance coefficients.

        Args:
            maps: (N, 3, R, R) metres, N larger than the number of components.
            mask: (R, R) True at texels that hold surface; the rim around them is filled from within, because enlarging
                the map reads it.
        Returns:
            The share of the variance that the components explain, 0 to 1.
        """
        size = self.components.in_features
        check_shapes(maps=(maps, f"N 3 {self.resolution} {self.resolution}"), mask=(mask, "R R"))
        if len(maps) <= size:
            raise ValueError(f"{size} components need more than {size} example maps, got {len(maps)}.")
        flat = fill_rim(maps.float(), mask).flatten(1)
        mean = flat.mean(dim=0)
        _, deviations, directions = torch.pca_lowrank(flat - mean, q=min(size + 16, *flat.shape), center=False, niter=4)
        scale = deviations[:size] / (len(maps) - 1) ** 0.5
        self.components.weight.copy_((directions[:, :size] * scale).contiguous())
        self.components.bias.copy_(mean)
        return float(deviations[:size].square().sum() / (flat - mean).square().sum())


def fill_rim(maps: Tensor, mask: Tensor, rings: int = 2) -> Tensor:
    """Extend maps beyond their chart: each empty texel gets the mean of its filled neighbours, ring after ring.

    Args:
        maps: (N, C, R, R).
        mask: (R, R) True at texels that hold a value.
    """
    filled = mask.to(maps).expand(1, 1, -1, -1)
    maps = maps * filled
    for _ in range(rings):
        share = F.avg_pool2d(filled, 3, 1, 1)
        spread = F.avg_pool2d(maps, 3, 1, 1) / share.clamp(min=1e-6)
        maps = torch.where(filled > 0, maps, spread)
        filled = (share > 0).to(maps)
    return maps
