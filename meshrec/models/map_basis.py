"""A linear basis of location maps: the coarse body that a global code describes, before local evidence corrects it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from meshrec.checks import check_shapes


class MapBasis(nn.Module):
    """Mean map plus a combination of ``size`` fixed component maps, whose coefficients are linear in a code.

    ``set_components`` takes the components from a principal component analysis of example maps. They stay fixed: 128 of
    them hold unseen bodies in all orientations to under 4 mm, every combination is smooth, and a step of the optimiser
    that suits the other weights would drown the fine ones. Until then they are small random maps.

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
        self.register_buffer("mean", reference_map.float().flatten().clone())
        self.register_buffer("components", torch.randn(size, reference_map.numel()) * (0.1 / size**0.5))

    def forward(self, code: Tensor) -> Tensor:
        """(B, width) -> (B, 3, R, R) metres, in single precision: half of it would be off by millimetres."""
        with torch.autocast(code.device.type, enabled=False):
            flat = self.mean + self.coefficients(code.float()) @ self.components
        return flat.unflatten(1, (3, self.resolution, self.resolution))

    @torch.no_grad()
    def set_components(self, maps: Tensor, mask: Tensor) -> float:
        """Take the mean and the principal components of example maps, scaled to coefficients of unit variance.

        Args:
            maps: (N, 3, R, R) metres, N larger than the number of components.
            mask: (R, R) True at texels that hold surface; the rim around them is filled from within, because enlarging
                the map reads it.
        Returns:
            The share of the variance that the components explain, 0 to 1.
        """
        size = len(self.components)
        check_shapes(maps=(maps, f"N 3 {self.resolution} {self.resolution}"), mask=(mask, "R R"))
        if len(maps) <= size:
            raise ValueError(f"{size} components need more than {size} example maps, got {len(maps)}.")
        flat = fill_rim(maps.float(), mask).flatten(1)
        mean = flat.mean(dim=0)
        _, deviations, directions = torch.pca_lowrank(flat - mean, q=min(size + 16, *flat.shape), center=False, niter=4)
        scale = deviations[:size] / (len(maps) - 1) ** 0.5
        self.components.copy_((directions[:, :size] * scale).T)
        self.mean.copy_(mean)
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
