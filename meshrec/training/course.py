"""What a run needs to know about the kind of net that it trains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import nn

from meshrec.data.mixture import BatchSource
from meshrec.engine.distributed import World
from meshrec.engine.stages import Stage
from meshrec.engine.trainer import DrawPictures, Memory, StepLosses
from meshrec.errors import InvalidInput


@dataclass(frozen=True)
class StageWork:
    """What the training loop gets for one stage.

    Attributes:
        source: draws the batches.
        losses: of a micro-batch.
        draw_pictures: of predictions; None where the stage has no pictures.
        memory: what the losses remember from step to step.
    """

    source: BatchSource
    losses: StepLosses
    draw_pictures: DrawPictures | None
    memory: Memory | None = None


class Course(Protocol):
    """A net to be trained, with everything that depends on its kind.

    Attributes:
        net: trained in place.
    """

    net: nn.Module

    def start_from(self, word: str) -> None:
        """Fill a part of the net: ``NET=FILE``, see `read_start`."""

    def load(self, path: Path) -> None:
        """Fill the net with the weights of a stage that has been trained."""

    def save(self, path: Path, *, half: bool = False) -> None:
        """Write the net's weights, with what they belong to."""

    def prepare(self, stage: Stage, device: torch.device, folder: Path, world: World) -> StageWork:
        """Everything for a stage that is about to begin, or to go on; called in every process."""


def read_start(word: str, parts: Sequence[str]) -> tuple[str, Path]:
    """The net and the file of a word ``NET=FILE``.

    Args:
        parts: the nets that there are.
    Raises:
        InvalidInput: no such word.
    """
    name, equals, path = word.partition("=")
    if not equals or name not in parts:
        raise InvalidInput(f"{word!r} is no start: write NET=FILE with NET one of {', '.join(parts)}.")
    return name, Path(path)
