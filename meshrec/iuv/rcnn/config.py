"""Every size and threshold of a DensePose-RCNN; the defaults are detectron2's R_50_FPN_s1x."""

from __future__ import annotations

from dataclasses import dataclass, field

from meshrec.uv.parts import PART_COUNT

HEADS = ("v1convx", "deeplab")
COLOUR_ORDERS = ("bgr", "rgb")
STRIDES = (4, 8, 16, 32)  # of the pyramid's levels that boxes are pooled from: p2 to p5


@dataclass(frozen=True)
class InputConfig:
    """What a photo becomes before the backbone sees it."""

    short_side_px: int = 800
    """photos are resized to this shorter side, ..."""
    long_side_px: int = 1333
    """... unless their longer side would exceed this."""
    colours: str = "bgr"
    """order of the channels, ``bgr`` or ``rgb``."""
    mean: tuple[float, float, float] = (103.53, 116.28, 123.675)
    """subtracted from values of 0 to 255, in that order of channels."""
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """divides the difference."""

    def __post_init__(self) -> None:
        if self.colours not in COLOUR_ORDERS:
            raise ValueError(f"colours must be one of {COLOUR_ORDERS}, got {self.colours!r}")
        if not 0 < self.short_side_px <= self.long_side_px:
            raise ValueError(f"need 0 < short_side_px <= long_side_px, got {self.short_side_px}, {self.long_side_px}")


@dataclass(frozen=True)
class ProposalConfig:
    """Region proposals."""

    anchor_sizes_px: tuple[int, ...] = (32, 64, 128, 256, 512)
    """square root of an anchor's area, one size for each of the levels p2 to p6."""
    anchor_ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    """height over width."""
    per_level: int = 1000
    """best scored anchors of each level that suppression gets to see, ..."""
    per_level_in_training: int = 2000
    """... and while training."""
    kept: int = 1000
    """proposals of an image that remain."""
    nms_iou: float = 0.7
    """of two boxes of a level that overlap by more than this, the better scored one remains."""

    def __post_init__(self) -> None:
        if len(self.anchor_sizes_px) != len(STRIDES) + 1:
            raise ValueError(f"anchor_sizes_px needs {len(STRIDES) + 1} sizes, got {len(self.anchor_sizes_px)}")


@dataclass(frozen=True)
class BoxConfig:
    """The second stage: which proposals are people, and their exact boxes."""

    pooled_size: int = 7
    sampling_ratio: int = 2
    """samples along each side of a pooled cell."""
    half_pixel: bool = False
    """whether pooling takes pixel centres into account (RoIAlign version 2); the zoo's models do not."""
    width: int = 1024
    """features of each of the two hidden layers."""
    delta_weights: tuple[float, float, float, float] = (10.0, 10.0, 5.0, 5.0)
    """scale of the regressed shifts in x and y, and of the logarithms of width and height."""
    min_score: float = 0.05
    nms_iou: float = 0.5
    max_people: int = 100
    """in one image."""


@dataclass(frozen=True)
class ChartConfig:
    """The DensePose branch."""

    decoder: bool = True
    """pool from one map that a decoder merges from all levels; otherwise from the level that suits the box."""
    decoder_channels: int = 256
    pooled_size: int = 28
    """the maps come out at four times this size."""
    sampling_ratio: int = 2
    half_pixel: bool = False
    head: str = "v1convx"
    """``v1convx``, plain convolutions, or ``deeplab``, with dilated ones before them and group normalisation."""
    convolutions: int = 8
    width: int = 512
    """channels of those convolutions."""
    coarse_channels: int = 2
    """background and person, or 15: background and 14 limbs."""
    segm_confidence: bool = False
    """whether the head scales its logits by a confidence of its own (the zoo's WC2 models)."""

    def __post_init__(self) -> None:
        if self.head not in HEADS:
            raise ValueError(f"head must be one of {HEADS}, got {self.head!r}")
        if self.coarse_channels not in (2, 15):
            raise ValueError(f"coarse_channels must be 2 or 15, got {self.coarse_channels}")

    @property
    def fine_channels(self) -> int:
        """Background and the parts."""
        return PART_COUNT + 1


@dataclass(frozen=True)
class RcnnConfig:
    """A whole DensePose-RCNN."""

    backbone: str = "msra_resnet50"
    """``msra_resnet50`` or ``msra_resnet101``, the zoo's, or timm's name of an encoder such as ``resnet18``."""
    backbone_channels: tuple[int, ...] = ()
    """widths of the stages of a residual net of timm, where they are not the usual ones."""
    pyramid_channels: int = 256
    input: InputConfig = field(default_factory=InputConfig)
    proposals: ProposalConfig = field(default_factory=ProposalConfig)
    boxes: BoxConfig = field(default_factory=BoxConfig)
    charts: ChartConfig = field(default_factory=ChartConfig)
