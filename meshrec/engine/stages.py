"""What a training stage is: which nets learn, from what, towards which losses."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field

NETS = ("correspondence_net", "location_net")
HMR_NETS = ("backbone", "reader", "regressor", "discriminator")
DETECTOR_NETS = ("backbone", "pyramid", "regions_head", "box_head", "charts")
LOCATION_INPUTS = ("none", "rendered", "predicted", "mixed")


OPTIMIZERS = ("adamw", "sgd")
SCHEDULES = ("cosine", "constant", "steps")


@dataclass(frozen=True)
class Stage:
    """What every stage has, whatever it trains; stages follow each other on the same nets."""

    name: str
    """names the stage's logs and weights."""
    steps: int
    """optimiser steps."""
    _: KW_ONLY
    seconds: float = 0.0
    """ends the stage after so many seconds of steps, if that is before ``steps``; 0 for no such end. The schedule then
    follows the time, so such a stage differs from run to run."""
    batch: int = 48
    """samples of a micro-batch, which are drawn together."""
    micro_batches: int = 0
    """micro-batches of a step in all processes: gradients are averaged over them. A number makes the training the same
    in one process and in as many as divide it; 0 takes one for each process, so that more processes learn from more."""
    size: int = 128
    """side of the crops in pixels; for ``rendered`` the side of the IUV image; for a detector the longest side of its
    pictures."""
    photo_share: float = 0.0
    """share of real photographs in the batches, if any are configured; 1 leaves the synthetic people out."""
    optimizer: str = "adamw"
    """``adamw``, or ``sgd`` with momentum 0.9."""
    learning_rate: float = 1e-3
    rate_factors: dict[str, float] = field(default_factory=dict)
    """by how much the learning rates of single nets differ from that, by the nets' names."""
    weight_decay: float = 0.01
    warmup_steps: int = 200
    schedule: str = "cosine"
    """``cosine`` falls to a hundredth, ``constant`` does not fall, ``steps`` falls to a tenth at each of ``drops``."""
    drops: tuple[float, ...] = ()
    """where a schedule of ``steps`` falls, as shares of the stage."""
    average_decay: float = 0.998
    """of the running mean of the weights, which is what is kept and shown."""
    clip_norm: float = 5.0
    """gradients longer than this are shortened; 0 leaves them."""
    losses: dict[str, float] = field(default_factory=dict)
    """weight of each loss by name; a loss that is not listed, or has weight 0, is not computed."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "losses", {name: weight for name, weight in self.losses.items() if weight})
        for name, value, known in (("schedule", self.schedule, SCHEDULES), ("optimizer", self.optimizer, OPTIMIZERS)):
            if value not in known:
                raise ValueError(f"{name} must be one of {known}, got {value!r}")
        if bool(self.drops) != (self.schedule == "steps") or not all(0 < drop < 1 for drop in self.drops):
            raise ValueError(f"drops, between 0 and 1, belong to the schedule 'steps', got {self.drops}")
        if not self.losses:
            raise ValueError(f"stage {self.name!r} lists no losses, so it has nothing to learn")
        if self.steps < 1 or self.batch < 1 or not 0 <= self.photo_share <= 1:
            raise ValueError("steps and batch must be positive, photo_share from 0 to 1")
        if (
            not set(self.rate_factors) <= set(getattr(self, "nets", ()))
            or min(self.rate_factors.values(), default=1) <= 0
        ):
            raise ValueError(f"rate_factors must be positive and of nets that learn, got {self.rate_factors}")
        if self.micro_batches < 0 or self.seconds < 0:
            raise ValueError("micro_batches and seconds must not be negative")


@dataclass(frozen=True)
class StageConfig(Stage):
    """One stage of training the correspondence net, the location net, or both."""

    nets: tuple[str, ...] = NETS
    """which nets learn; the others are left out or frozen."""
    location_input: str = "predicted"
    """what the location net reads: ``none`` (it is not run), ``rendered`` correspondence with errors put on it (no
    pictures are drawn), ``predicted`` by the correspondence net, or ``mixed``, half and half."""
    refine: bool = True
    """False trains the location net's coarse map only, which is many times faster."""
    iuv_share: float = 0.0
    """for a model with ``iuv_input``: share of the samples whose true correspondence the correspondence net is given,
    with a detector's errors; the others are learnt without, so that the net works either way."""

    def __post_init__(self) -> None:
        unknown = set(self.nets) - set(NETS)
        if unknown or not self.nets:
            raise ValueError(f"nets must be among {NETS}, got {self.nets}")
        if self.location_input not in LOCATION_INPUTS:
            raise ValueError(f"location_input must be one of {LOCATION_INPUTS}, got {self.location_input!r}")
        if self.location_input == "none" and "location_net" in self.nets:
            raise ValueError("a location net that learns needs a location_input other than 'none'")
        if not 0 <= self.iuv_share <= 1:
            raise ValueError(f"iuv_share must lie between 0 and 1, got {self.iuv_share}")
        if self.location_input == "rendered" and "correspondence_net" in self.nets:
            raise ValueError("a correspondence net cannot learn from 'rendered' input, which has no pictures")
        super().__post_init__()

    @property
    def needs_pictures(self) -> bool:
        """Whether the stage's batches must hold images."""
        return self.location_input != "rendered"


@dataclass(frozen=True)
class DetectionStage(Stage):
    """One stage of training a DensePose-RCNN."""

    nets: tuple[str, ...] = DETECTOR_NETS
    """which parts of the detector learn; the others are frozen."""

    def __post_init__(self) -> None:
        super().__post_init__()
        unknown = set(self.nets) - set(DETECTOR_NETS)
        if unknown or not self.nets:
            raise ValueError(f"nets must be among {DETECTOR_NETS}, got {self.nets}")


@dataclass(frozen=True)
class HmrStage(Stage):
    """One stage of training an HMR, with or without a discriminator."""

    nets: tuple[str, ...] = HMR_NETS[:3]
    """which parts learn; the others are frozen. A frozen backbone also keeps its batch statistics."""

    def __post_init__(self) -> None:
        super().__post_init__()
        unknown = set(self.nets) - set(HMR_NETS)
        if unknown or not self.nets:
            raise ValueError(f"nets must be among {HMR_NETS}, got {self.nets}")
