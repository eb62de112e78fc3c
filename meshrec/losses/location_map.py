"""Losses of the location net: weighted L1 on the map, total variation, and consistency of map, camera and IUV.

The names in brackets are those of the trainer that the authors of DecoMR (CVPR 2020) released.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.losses.reduce import valid_mean
from meshrec.structures import SMPL24, IuvMap, LocationMap, WeakPerspectiveCamera
from meshrec.uv.atlas import TexelTable

# DecoMR's weights of body parts (released weight_p24 map), by the joint that moves the part: thin and far parts, which
# cover few texels, count more.
PART_WEIGHTS = {"foot": 25.0, "ankle": 25.0, "wrist": 25.0, "hand": 25.0, "hip": 5.0, "knee": 5.0, "shoulder": 5.0,
                "elbow": 5.0, "neck": 2.0, "head": 2.0}


def location_map_loss(prediction: LocationMap, target: Tensor, weight: Tensor, valid: Tensor) -> Tensor:
    """Weighted L1 over all texels, metres (DecoMR's uv, weight 1 there).

    Args:
        prediction: maps of (B, 3, R, R).
        target: (B, 3, R, R) metres.
        weight: (R, R), 0 outside the chart, mean 1; see ``part_weight_map``.
        valid: (B,) which samples have a body.
    """
    check_shapes(points=(prediction.points, "B 3 R R"), target=(target, "B 3 R R"), weight=(weight, "R R"),
                 valid=(valid, "B"))
    return valid_mean((weight * (prediction.points.float() - target).abs()).mean(dim=(1, 2, 3)), valid)


def total_variation_loss(prediction: LocationMap, mask: Tensor, valid: Tensor) -> Tensor:
    """Sum of the absolute differences of neighbouring texels inside the chart, over (R - 1)^2 (DecoMR's tv).

    A mean over the samples; the released code sums over its batch (weight 1e-4) and also counts texels off the chart.

    Args:
        prediction: maps of (B, 3, R, R).
        mask: (R, R) True inside the chart.
        valid: (B,) which samples count.
    """
    check_shapes(points=(prediction.points, "B 3 R R"), mask=(mask, "R R"), valid=(valid, "B"))
    points = prediction.points.float()
    rows = (points.diff(dim=2).abs() * (mask[1:] & mask[:-1])).sum(dim=(1, 2, 3))
    columns = (points.diff(dim=3).abs() * (mask[:, 1:] & mask[:, :-1])).sum(dim=(1, 2, 3))
    return valid_mean((rows + columns) / (prediction.resolution - 1) ** 2, valid)


def consistency_loss(prediction: LocationMap, camera: WeakPerspectiveCamera, target: IuvMap, valid: Tensor) -> Tensor:
    """Each pixel of the person, looked up in the map and projected, must land on itself (DecoMR's con, weight 1).

    Squared error in crop units of [-1, 1], mean over the whole image, of which the background counts as zero. Gradients
    reach the map and the camera.

    Args:
        prediction: maps of (B, 3, R, R).
        camera: weak perspective of the crops.
        target: true correspondence, (B, H, W).
        valid: (B,) which samples have correspondence.
    """
    check_shapes(points=(prediction.points, "B 3 R R"), mask=(target.mask, "B H W"), scale=(camera.scale, "B"),
                 valid=(valid, "B"))
    _, height, width = target.mask.shape
    # A coordinate that is not a number would crash the sampler's backward pass instead of raising.
    grid = (2.0 * target.uv.nan_to_num(0.0) - 1.0).permute(0, 2, 3, 1)
    points_xy = prediction.points[:, :2].float()
    xy = F.grid_sample(points_xy, grid, mode="bilinear", padding_mode="border", align_corners=True)
    projected = camera.scale[:, None, None, None] * (xy + camera.translation[:, :, None, None])
    x = (torch.arange(width, device=xy.device) + 0.5) * (2 / width) - 1
    y = (torch.arange(height, device=xy.device) + 0.5) * (2 / height) - 1
    pixel = torch.stack([x.expand(height, width), y[:, None].expand(height, width)])
    inside = (target.mask > 0.5)[:, None]
    squared = torch.where(inside, (projected - pixel).square(), torch.zeros_like(projected))
    return valid_mean(squared.mean(dim=(1, 2, 3)), valid)


def part_weight_map(skinning_weights: Tensor, table: TexelTable) -> Tensor:
    """DecoMR's texel weights: the largest part weight of a texel's vertices, 0 off the chart, mean 1 over the map.

    Args:
        skinning_weights: (V, 24) of the body, in the order of SMPL24; the heaviest joint names a vertex' part.
        table: texels of the map.
    Returns:
        (R, R).
    """
    check_shapes(skinning_weights=(skinning_weights, f"V {len(SMPL24)}"))
    by_joint = torch.tensor([PART_WEIGHTS.get(name.split("_")[-1], 1.0) for name in SMPL24.names])
    by_vertex = by_joint.to(skinning_weights)[skinning_weights.argmax(dim=1)]
    weight = by_vertex[table.vertex_index.to(by_vertex.device)].amax(dim=-1) * table.mask.to(by_vertex)
    return weight / weight.mean()
