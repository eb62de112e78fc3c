"""Losses of DensePose's chart head: who is the person, which part of the body is it, and where on the part's chart.

The head says all this on square maps over each box. The truth is either dense, or known at annotated points, where the
maps are read bilinearly. U and V are read from the channel of the true part; the other channels are free.

Loss and weight of DensePose's own training: coarse segmentation 5, fine segmentation 1, U and V 0.01 each, these two
summed over the points.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.losses.reduce import valid_mean

UNKNOWN = -1
DENSE_KNEE = 0.1  # chart units; errors above it pull with constant strength


def coarse_segmentation_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of person, or limb, and background: the mean over the pixels that are known.

    Args:
        logits: (R, K, S, S), K = 2 or 15, background first.
        target: (R, S, S) long, -1 unknown.
    """
    check_shapes(logits=(logits, "R K S S"), target=(target, "R S S"))
    return _cross_entropy(logits, target, target != UNKNOWN)


def fine_segmentation_loss(logits: Tensor, part: Tensor) -> Tensor:
    """Cross-entropy of the part: the mean over the pixels whose part is known.

    Background is left to the coarse segmentation, as in DensePose, whose points all lie on people.

    Args:
        logits: (R, 25, S, S), background first.
        part: (R, S, S) long, 1 to 24; 0 or -1 where no part is known.
    """
    check_shapes(logits=(logits, "R 25 S S"), part=(part, "R S S"))
    return _cross_entropy(logits, part, part > 0)


def dense_chart_loss(coordinate: Tensor, target: Tensor, part: Tensor) -> Tensor:
    """Smooth L1 of U or of V: the mean over the pixels whose part is known.

    Args:
        coordinate: (R, 25, S, S), one channel per part.
        target: (R, S, S) in [0, 1].
        part: (R, S, S) long, 1 to 24; 0 or -1 where no part is known.
    """
    check_shapes(coordinate=(coordinate, "R 25 S S"), target=(target, "R S S"), part=(part, "R S S"))
    predicted = coordinate.gather(1, part.clamp(min=0)[:, None])[:, 0].float()
    loss = F.smooth_l1_loss(predicted, target.float(), reduction="none", beta=DENSE_KNEE)
    return valid_mean(loss, part > 0)


def point_segmentation_loss(logits: Tensor, roi: Tensor, position: Tensor, part: Tensor) -> Tensor:
    """Cross-entropy of the part at annotated points, their mean (DensePose's I).

    Args:
        logits: (R, 25, S, S).
        roi: (Q,) long, the map each point lies on.
        position: (Q, 2) column and row on the map, see `read_maps`.
        part: (Q,) long, 1 to 24.
    """
    check_shapes(logits=(logits, "R 25 S S"), roi=(roi, "Q"), position=(position, "Q 2"), part=(part, "Q"))
    loss = F.cross_entropy(read_maps(logits, roi, position), part, reduction="sum")
    return loss / max(1, len(part))


def point_chart_loss(coordinate: Tensor, roi: Tensor, position: Tensor, part: Tensor, target: Tensor) -> Tensor:
    """Smooth L1 of U or of V at annotated points, their sum (DensePose's U and V).

    Args:
        coordinate: (R, 25, S, S).
        roi, position, part: as in `point_segmentation_loss`.
        target: (Q,) in [0, 1].
    """
    check_shapes(coordinate=(coordinate, "R 25 S S"), roi=(roi, "Q"), part=(part, "Q"), target=(target, "Q"))
    predicted = read_maps(coordinate, roi, position).gather(1, part[:, None])[:, 0]
    return F.smooth_l1_loss(predicted, target.float(), reduction="sum")


def read_maps(maps: Tensor, roi: Tensor, position: Tensor) -> Tensor:
    """Bilinear values of maps at points, (Q, C) in float32.

    Args:
        maps: (R, C, S, S).
        roi: (Q,) long, the map of each point.
        position: (Q, 2) column and row: whole numbers are the values themselves, and from the last one on nothing
            changes any more. DensePose's training takes value k for what is seen k / S along the box, half a value
            left of and above where the result is drawn.
    """
    size = maps.shape[-1]
    low = position.floor().long().clamp(0, size - 1)
    high = (low + 1).clamp(max=size - 1)
    share = (position - low).clamp(0, 1).float()
    x, y = share.unbind(dim=-1)
    value = lambda row, column: maps[roi, :, row, column].float()  # noqa: E731 - four of them read as one sum
    top = value(low[:, 1], low[:, 0]) * (1 - x)[:, None] + value(low[:, 1], high[:, 0]) * x[:, None]
    bottom = value(high[:, 1], low[:, 0]) * (1 - x)[:, None] + value(high[:, 1], high[:, 0]) * x[:, None]
    return top * (1 - y)[:, None] + bottom * y[:, None]


def _cross_entropy(logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
    loss = F.cross_entropy(logits.float(), torch.where(known, target, 0), reduction="none")
    return valid_mean(loss, known)
