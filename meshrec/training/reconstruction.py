"""The training of the nets that turn a picture of a person into a mesh."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from meshrec.build import Surface, TrainConfig, build_net, build_people, build_source, weights_metadata
from meshrec.checkpoint import load_weights, save_weights
from meshrec.data.mixture import BatchSource
from meshrec.engine.checkpoints import Checkpoints
from meshrec.engine.distributed import World
from meshrec.engine.pictures import PredictionPictures
from meshrec.engine.stages import NETS, StageConfig
from meshrec.engine.tasks import DecoMRTask
from meshrec.models.backbones import widen_first_convolution
from meshrec.models.decomr import BACKBONE_PREFIX
from meshrec.training.course import StageWork, read_start

BASIS_EXAMPLES = 4000  # location maps from which the light location net's basis is started


class Reconstruction:
    """A `meshrec.training.course.Course` for DecoMR in both of its forms."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self.surface = Surface.load(atlas=config.model.atlas)
        self.net = build_net(config.model, self.surface)
        self._started: set[str] = set()

    def start_from(self, word: str) -> None:
        name, path = read_start(word, (*NETS, "backbone", "all"))
        if name == "backbone":  # knows of no atlas yet
            load_weights(path, self.net, only=[BACKBONE_PREFIX], adapt=self._widened)
            return
        only = None if name == "all" else [f"{name}."]
        self._fill(path, only, adapt=self._widened)
        self._started |= set(NETS) if name == "all" else {name}

    def load(self, path: Path) -> None:
        self._fill(path)

    def save(self, path: Path, *, half: bool = False) -> None:
        save_weights(path, self.net, weights_metadata(self.config.model, self.surface), half=half)

    def prepare(self, stage: StageConfig, device: torch.device, folder: Path, world: World) -> StageWork:
        source = build_source(self.config.data, stage, self.surface, device)
        task = DecoMRTask(self.surface.atlas, self.surface.body, device)
        # Only the first process has read the weights that this training starts from.
        if world.from_first(lambda: self._needs_basis(stage)):
            bodies = build_people(self.config.data.synthetic, self.surface, device).without_pictures()
            world.from_first(lambda: self._start_basis(task, bodies, folder, stage))
        draw = PredictionPictures(self.surface.body.faces) if stage.needs_pictures else None
        return StageWork(source, task.losses, draw)

    @property
    def _widened(self) -> Callable:
        return partial(widen_first_convolution, net=self.net)

    def _fill(self, path: Path, only: list[str] | None = None, adapt: Callable | None = None) -> None:
        load_weights(path, self.net, expect={"atlas_hash": self.surface.atlas.hash}, only=only, adapt=adapt)

    def _needs_basis(self, stage: StageConfig) -> bool:
        """Whether this is the first stage in which a location net with a basis learns."""
        earlier = self.config.stages[: self.config.stages.index(stage)]
        fresh = "location_net" not in self._started and not any("location_net" in other.nets for other in earlier)
        return fresh and "location_net" in stage.nets and self.net.location_net.map_basis is not None

    def _start_basis(self, task: DecoMRTask, bodies: BatchSource, folder: Path, stage: StageConfig) -> None:
        """Unless the stage's own checkpoint, which holds a basis, is there; an earlier stage's holds none."""
        if Checkpoints(folder).load(stage.name) is None:
            task.start_basis(self.net.location_net.map_basis, bodies, self.config.seed, BASIS_EXAMPLES)
