"""Errors of dense correspondence: in the atlas, and along the surface of the body (GPS)."""

from __future__ import annotations

import torch
from torch import Tensor

from meshrec.checks import check_shapes

# Gueler, Neverova and Kokkinos, "DensePose: dense human pose estimation in the wild", CVPR 2018: a geodesic distance of
# 0.255 m is one standard deviation, so that 0.3 m gives a similarity of one half.
GPS_NORMALISER_M = 0.255
# What DensePose-COCO's evaluation has used since 2019 in its place, the mean geodesic distance within the part that the
# annotated point lies on: torso, hands, feet, upper legs, lower legs, upper arms, lower arms, head. Index 0 is unused.
GPS_PART_NORMALISERS_M = (
    (torch.nan,) + 2 * (0.351,) + 2 * (0.107,) + 2 * (0.126,) + 4 * (0.237,) + 4 * (0.173,) + 4 * (0.142,)
    + 4 * (0.128,) + 2 * (0.150,)
)  # fmt: skip


def uv_error(predicted: Tensor, target: Tensor, visible: Tensor) -> Tensor:
    """Mean distance in the atlas over the pixels that show the person.

    Args:
        predicted, target: (B, 2, H, W) in [0, 1].
        visible: (B, H, W) which pixels count.
    Returns:
        (B,) in atlas units (1 is the side of the chart); NaN where no pixel counts.
    """
    check_shapes(predicted=(predicted, "B 2 H W"), target=(target, "B 2 H W"), visible=(visible, "B H W"))
    visible = visible.bool()
    distance = (predicted - target).norm(dim=1) * visible
    count = visible.flatten(1).sum(1)
    return torch.where(count > 0, distance.flatten(1).sum(1) / count.clamp_min(1), torch.nan)


def geodesic_point_similarity(
    distance_m: Tensor, annotated: Tensor, normaliser_m: Tensor | float = GPS_NORMALISER_M
) -> Tensor:
    """GPS of a person: the mean over annotated points of exp(-d^2 / (2 k^2)).

    Args:
        distance_m: (B, N) metres along the surface between the annotated and the predicted point; infinite where
            nothing is predicted at the annotated pixel, which makes a similarity of zero.
        annotated: (B, N) bool, the point exists.
        normaliser_m: k in metres; the paper's 0.255 for all, or (B, N) from `part_normalisers_m`.
    Returns:
        (B,) from 0 to 1; NaN where no point is annotated.
    """
    check_shapes(distance_m=(distance_m, "B N"), annotated=(annotated, "B N"))
    similarity = torch.exp(-distance_m.square() / (2 * normaliser_m**2))
    return torch.where(annotated.bool(), similarity, torch.nan).nanmean(1)


def part_normalisers_m(part: Tensor) -> Tensor:
    """The normaliser of points on parts 1 to 24, any shape; NaN for 0."""
    return torch.tensor(GPS_PART_NORMALISERS_M, device=part.device)[part]


def masked_similarity(similarity: Tensor, mask_iou: Tensor) -> Tensor:
    """GPSm: the geometric mean of GPS and the IoU of the masks, which points alone cannot see.

    Introduced by detectron2's DensePose project, release notes of April 2020.

    Args:
        similarity, mask_iou: (B,) from 0 to 1.
    """
    check_shapes(similarity=(similarity, "B"), mask_iou=(mask_iou, "B"))
    return (similarity * mask_iou).sqrt()
