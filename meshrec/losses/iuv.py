"""Losses of the correspondence net: DecoMR's mask and UV, and part, residual, front and facing of the default form.

The names in brackets are those of the trainer that the authors of DecoMR (CVPR 2020) released.

Targets may have a higher resolution than the prediction. Regression compares at the target's (prediction enlarged, as
DecoMR does); classes are read from the target at the centre of each predicted pixel.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.losses.reduce import mean_over, valid_mean
from meshrec.structures import IuvMap

RESIDUAL_KNEE = 0.1  # below this residual, in half part boxes, smooth L1 is quadratic


def mask_loss(mask_logit: Tensor, target_mask: Tensor, valid: Tensor) -> Tensor:
    """Binary cross-entropy of the person's mask (DecoMR's dp_mask, weight 0.2 there).

    The logits are enlarged bilinearly; DecoMR enlarges the probabilities, which saturate.

    Args:
        mask_logit: (B, h, w).
        target_mask: (B, H, W), 1 on the person.
        valid: (B,) which samples have a mask.
    """
    check_shapes(mask_logit=(mask_logit, "B h w"), target_mask=(target_mask, "B H W"), valid=(valid, "B"))
    logit = mask_logit.float()[:, None]
    if logit.shape[-2:] != target_mask.shape[-2:]:
        logit = F.interpolate(logit, size=target_mask.shape[-2:], mode="bilinear", align_corners=False)
    loss = F.binary_cross_entropy_with_logits(logit[:, 0], target_mask.float(), reduction="none")
    return valid_mean(loss, valid)


def uv_loss(uv: Tensor, target: IuvMap, valid: Tensor) -> Tensor:
    """L1 of the atlas coordinates over each person's pixels (DecoMR's dp_uv, weight 1 there).

    Every image counts the same, however small its person: this is the released weight of foreground over foreground
    area. The prediction is enlarged by repetition.

    Args:
        uv: (B, 2, h, w) in [0, 1].
        target: maps of (B, H, W).
        valid: (B,) which samples have correspondence.
    """
    check_shapes(uv=(uv, "B 2 h w"), mask=(target.mask, "B H W"), valid=(valid, "B"))
    enlarged = F.interpolate(uv.float(), size=target.uv.shape[-2:], mode="nearest-exact")
    return valid_mean(mean_over((enlarged - target.uv).abs(), target.mask > 0.5), valid)


def part_loss(part_logits: Tensor, part: Tensor, valid: Tensor) -> Tensor:
    """Cross-entropy of the part, the mean over the person and the mean over the background with equal weight.

    Args:
        part_logits: (B, 25, h, w), background first.
        part: (B, H, W) long, 0 to 24.
        valid: (B,) which samples have correspondence.
    """
    check_shapes(part_logits=(part_logits, "B 25 h w"), part=(part, "B H W"), valid=(valid, "B"))
    target = at_pixel_centres(part[:, None], part_logits.shape[-2:])[:, 0]
    loss = F.cross_entropy(part_logits.float(), target, reduction="none")
    return valid_mean(0.5 * (mean_over(loss, target > 0) + mean_over(loss, target == 0)), valid)


def part_residual_loss(uv_residual: Tensor, target_residual: Tensor, part: Tensor, valid: Tensor) -> Tensor:
    """Smooth L1 of the residual in the channels of the true part; the other parts' channels are free.

    Args:
        uv_residual: (B, 48, h, w).
        target_residual: (B, 2, H, W), from ``PartCode.encode``.
        part: (B, H, W) long, 0 to 24.
        valid: (B,) which samples have correspondence.
    """
    check_shapes(uv_residual=(uv_residual, "B 48 h w"), target_residual=(target_residual, "B 2 H W"),
                 part=(part, "B H W"), valid=(valid, "B"))
    size = uv_residual.shape[-2:]
    target = at_pixel_centres(target_residual, size)
    label = at_pixel_centres(part[:, None], size)
    index = (label - 1).clamp(min=0)[:, None].expand(-1, -1, 2, -1, -1)
    predicted = uv_residual.float().unflatten(1, (-1, 2)).gather(1, index)[:, 0]
    loss = F.smooth_l1_loss(predicted, target.float(), reduction="none", beta=RESIDUAL_KNEE)
    return valid_mean(mean_over(loss, label[:, 0] > 0), valid)


def front_loss(front_logit: Tensor, front: Tensor, target_mask: Tensor, valid: Tensor) -> Tensor:
    """Binary cross-entropy of the surface belonging to the front half of the body, over each person's pixels.

    Args:
        front_logit: (B, h, w).
        front: (B, H, W), 1 on the front half.
        target_mask: (B, H, W), 1 on the person.
        valid: (B,) which samples have correspondence.
    """
    check_shapes(front_logit=(front_logit, "B h w"), front=(front, "B H W"), target_mask=(target_mask, "B H W"),
                 valid=(valid, "B"))
    size = front_logit.shape[-2:]
    target = at_pixel_centres(front[:, None].float(), size)[:, 0]
    inside = at_pixel_centres(target_mask[:, None].float(), size)[:, 0] > 0.5
    loss = F.binary_cross_entropy_with_logits(front_logit.float(), target, reduction="none")
    return valid_mean(mean_over(loss, inside), valid)


def facing_loss(facing_logits: Tensor, facing_rad: Tensor, valid: Tensor) -> Tensor:
    """Cross-entropy of the heading, with the target shared between the two nearest bins.

    Args:
        facing_logits: (B, bins); bin k stands for the heading 2 pi k / bins.
        facing_rad: (B,) heading, 0 towards the camera.
        valid: (B,) which samples have a heading.
    """
    check_shapes(facing_logits=(facing_logits, "B K"), facing_rad=(facing_rad, "B"), valid=(valid, "B"))
    bins = facing_logits.shape[1]
    heading = torch.where(valid > 0, facing_rad, torch.zeros_like(facing_rad))
    position = torch.remainder(heading * bins / (2 * math.pi), bins)
    lower = position.floor().long() % bins
    share = (position - position.floor())[:, None]
    target = F.one_hot(lower, bins) * (1 - share) + F.one_hot((lower + 1) % bins, bins) * share
    loss = -(target * F.log_softmax(facing_logits.float(), dim=1)).sum(dim=1)
    return valid_mean(loss, valid)


def at_pixel_centres(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Values of (B, C, H, W) nearest to the centres of the pixels of a smaller grid, unmixed; any dtype."""
    if image.shape[-2:] == tuple(size):
        return image
    rows, columns = (((torch.arange(small, device=image.device) + 0.5) * (large / small)).long()
                     for small, large in zip(size, image.shape[-2:], strict=True))
    return image[..., rows[:, None], columns]
