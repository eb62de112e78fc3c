"""A body of 25 vertices, flat, with an atlas that covers most of the unit square and no seam."""

import torch

from meshrec.uv.atlas import UvAtlas

SIDE = 5


def small_atlas() -> UvAtlas:
    line = torch.linspace(0.1, 0.9, SIDE)
    texcoords = torch.stack([line.repeat(SIDE), line.repeat_interleave(SIDE)], dim=1)
    corner = (torch.arange(SIDE - 1)[:, None] * SIDE + torch.arange(SIDE - 1)).flatten()
    lower = torch.stack([corner, corner + 1, corner + SIDE], dim=1)
    upper = torch.stack([corner + 1, corner + SIDE + 1, corner + SIDE], dim=1)
    return UvAtlas(texcoords, torch.cat([lower, upper]), torch.arange(SIDE * SIDE), None)


def part_boxes() -> tuple[torch.Tensor, torch.Tensor]:
    """Boxes of 24 parts: a grid of 4 rows of 6."""
    index = torch.arange(24)
    centres = torch.stack([(index % 6 + 0.5) / 6, (index // 6 + 0.5) / 4], dim=1)
    return centres, torch.tensor([1 / 12, 1 / 8]).expand(24, 2)
