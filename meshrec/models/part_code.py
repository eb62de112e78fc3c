"""Atlas coordinates as a classification: which of 24 parts, and where inside that part's box.

Regressing one continuous chart with an L1 loss averages the front and the back of the body; a part label cannot.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from meshrec.checks import check_shapes
from meshrec.uv.parts import PART_COUNT


class PartCode(nn.Module):
    """Converts atlas coordinates to residuals in the box of a part, and back.

    Args:
        centres_uv: (24, 2) middle of each part's box in the atlas.
        extents_uv: (24, 2) half the size of that box, positive.
    """

    def __init__(self, centres_uv: Tensor, extents_uv: Tensor) -> None:
        super().__init__()
        check_shapes(centres_uv=(centres_uv, f"{PART_COUNT} 2"), extents_uv=(extents_uv, f"{PART_COUNT} 2"))
        if not bool((extents_uv > 0).all()):
            raise ValueError("extents_uv must be positive.")
        self.register_buffer("centres_uv", centres_uv.float().clone())
        self.register_buffer("extents_uv", extents_uv.float().clone())

    def encode(self, uv: Tensor, part: Tensor) -> Tensor:
        """Residuals of points in the box of their part.

        Args:
            uv: (B, 2, H, W) atlas coordinates.
            part: (B, H, W) long, 1 to 24; 0 (background) gives meaningless residuals.
        Returns:
            (B, 2, H, W), -1 to 1 within the box.
        """
        check_shapes(uv=(uv, "B 2 H W"), part=(part, "B H W"))
        index = (part - 1).clamp(0, PART_COUNT - 1)
        return (uv - _per_pixel(self.centres_uv, index)) / _per_pixel(self.extents_uv, index)

    def decode(self, part_logits: Tensor, uv_residual: Tensor) -> Tensor:
        """Atlas coordinates from the most likely part and its residual.

        Differentiable through the residual of the winning part; the choice of the part is not.

        Args:
            part_logits: (B, 25, H, W), background first; the background is never chosen.
            uv_residual: (B, 48, H, W), u and v of part 1, then of part 2, and so on.
        Returns:
            (B, 2, H, W) in [0, 1].
        """
        check_shapes(part_logits=(part_logits, f"B {PART_COUNT + 1} H W"),
                     uv_residual=(uv_residual, f"B {2 * PART_COUNT} H W"))
        index = part_logits[:, 1:].argmax(dim=1)
        residual = select_part(uv_residual.unflatten(1, (PART_COUNT, 2)), index)
        return (_per_pixel(self.centres_uv, index) + residual * _per_pixel(self.extents_uv, index)).clamp(0.0, 1.0)


def select_part(values: Tensor, index: Tensor) -> Tensor:
    """Picks each pixel's part: values (B, 24, C, H, W), index (B, H, W) from 0 -> (B, C, H, W)."""
    index = index[:, None, None].expand(-1, -1, values.shape[2], -1, -1)
    return values.gather(1, index).squeeze(1)


def _per_pixel(table: Tensor, index: Tensor) -> Tensor:
    """(24, 2) table looked up at (B, H, W) -> (B, 2, H, W)."""
    return table[index].permute(0, 3, 1, 2)


def part_boxes_uv(corners_uv: Tensor, face_part: Tensor) -> tuple[Tensor, Tensor]:
    """Box of each part in the atlas.

    Args:
        corners_uv: (F, 3, 2) atlas coordinates of the faces' corners.
        face_part: (F,) part of each face, 1 to 24.
    Returns:
        Centres and half sizes, each (24, 2).
    Raises:
        ValueError: a part has no face.
    """
    check_shapes(corners_uv=(corners_uv, "F 3 2"), face_part=(face_part, "F"))
    centres, extents = [], []
    for part in range(1, PART_COUNT + 1):
        points = corners_uv[face_part == part].reshape(-1, 2)
        if not len(points):
            raise ValueError(f"Part {part} has no face.")
        low, high = points.amin(dim=0), points.amax(dim=0)
        centres.append((low + high) / 2)
        extents.append((high - low) / 2)
    return torch.stack(centres), torch.stack(extents)
