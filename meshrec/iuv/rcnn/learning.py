"""From which anchors and proposals a DensePose-RCNN learns; the defaults are detectron2's."""

from __future__ import annotations

from dataclasses import dataclass, field

from meshrec.iuv.rcnn.sampling import Balance


@dataclass(frozen=True)
class LearningConfig:
    """Overlaps are intersections over union with a true box."""

    anchors: Balance = field(default_factory=lambda: Balance(256, 0.5))
    """anchors of an image that the first stage learns from in a step."""
    anchor_background: float = 0.3
    """an anchor that overlaps less is background, ..."""
    anchor_person: float = 0.7
    """... from here on it is a person, in between it is ignored."""
    rois: Balance = field(default_factory=lambda: Balance(512, 0.25))
    """proposals of an image that the second stage learns from in a step."""
    roi_person: float = 0.5
    """from this overlap on a proposal is a person, below it is background."""
    chart_overlap: float = 0.7
    """overlap that proposals need for the DensePose branch to learn from them."""
    charts: int = 0
    """the DensePose branch learns from at most so many proposals of a micro-batch; 0 for no limit."""
    region_box_knee: float = 0.0
    """error below which the first stage's box regression is quadratic."""
    box_knee: float = 0.0
    """the same of the second stage."""

    def __post_init__(self) -> None:
        if not 0 < self.anchor_background <= self.anchor_person <= 1:
            raise ValueError(
                f"need 0 < anchor_background <= anchor_person <= 1, got {self.anchor_background}, {self.anchor_person}"
            )
        if self.charts < 0:
            raise ValueError(f"charts must not be negative, got {self.charts}")
