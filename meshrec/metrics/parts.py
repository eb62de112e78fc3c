"""Agreement of part segmentations, through confusion matrices.

A confusion matrix holds pixels as integers, so matrices of many people, or of several processes, add up exactly; the
protocol of LSP pools them over the whole set before any share is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec.checks import check_shapes

# The 24 DensePose parts (index 0 is the background) in the six parts that Lassner et al., "Unite the people", CVPR 2017
# annotated on Leeds Sports Pose; ours are: 1 head, 2 torso, 3 left arm, 4 right arm, 5 left leg, 6 right leg. A hand
# belongs to its arm, a foot to its leg.
LSP6_OF_PART = (0, 2, 2, 4, 3, 5, 6, 6, 5, 6, 5, 6, 5, 6, 5, 3, 4, 3, 4, 3, 4, 3, 4, 1, 1)
# The same in the 14 parts of DensePose-COCO's coarse masks: torso, right hand, left hand, left foot, right foot, then
# right and left upper and lower legs, left and right upper and lower arms, head (Gueler et al., CVPR 2018).
DENSEPOSE14_OF_PART = (0, 1, 1, 2, 3, 4, 5, 6, 7, 6, 7, 8, 9, 8, 9, 10, 11, 10, 11, 12, 13, 12, 13, 14, 14)


@dataclass(frozen=True)
class SegmentationScores:
    """Shares from 0 to 1 of a confusion matrix.

    Attributes:
        accuracy: share of all pixels that are right.
        f1: (C,) per class; NaN for a class that neither side has.
        iou: (C,) likewise.
    """

    accuracy: float
    f1: Tensor
    iou: Tensor

    @property
    def mean_f1(self) -> float:
        """Mean over the classes, the background among them, as SPIN's code takes it (Kolotouros et al., ICCV 2019)."""
        return float(self.f1.nanmean())

    @property
    def mean_iou(self) -> float:
        """Mean over the classes, the background among them."""
        return float(self.iou.nanmean())


def confusion_matrix(predicted: Tensor, target: Tensor, classes: int, known: Tensor | None = None) -> Tensor:
    """Pixels of every true class (rows) that were given every class (columns).

    Args:
        predicted, target: (B, H, W) long, 0 to classes - 1; booleans are two classes.
        known: (B, H, W) bool, the pixel's class is annotated; by default all are.
    Returns:
        (B, classes, classes) long.
    Raises:
        ValueError: a class is out of range.
    """
    known = torch.ones_like(predicted, dtype=torch.bool) if known is None else known.bool()
    check_shapes(predicted=(predicted, "B H W"), target=(target, "B H W"), known=(known, "B H W"))
    predicted, target = predicted.long(), target.long()
    for name, labels in (("predicted", predicted), ("target", target)):
        if bool(((labels < 0) | (labels >= classes))[known].any()):
            raise ValueError(f"{name} has classes outside 0 to {classes - 1}.")
    person = torch.arange(len(predicted), device=predicted.device)[:, None, None]
    cell = (person * classes + target) * classes + predicted
    counts = torch.bincount(cell[known], minlength=len(predicted) * classes * classes)
    return counts.reshape(len(predicted), classes, classes)


def segmentation_scores(confusion: Tensor) -> SegmentationScores:
    """Accuracy, F1 and intersection over union of one confusion matrix (C, C), usually a sum over a set.

    With two classes these are the foreground-background figures of the LSP protocol, with seven its part figures.
    """
    check_shapes(confusion=(confusion, "C C"))
    confusion = confusion.double()
    right, predicted, target = confusion.diagonal(), confusion.sum(0), confusion.sum(1)
    total = confusion.sum()
    accuracy = float(right.sum() / total) if total > 0 else float("nan")
    return SegmentationScores(
        accuracy, _share(2 * right, predicted + target), _share(right, predicted + target - right)
    )


def _share(part: Tensor, whole: Tensor) -> Tensor:
    return torch.where(whole > 0, part / whole.clamp_min(1), torch.nan)
