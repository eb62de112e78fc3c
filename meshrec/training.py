"""A whole training run: stages of a configuration, one after the other, into a run folder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from tqdm import tqdm

from meshrec.assets import write_atomically
from meshrec.build import Surface, TrainConfig, build_net, build_source, find_stage, weights_metadata
from meshrec.checkpoint import load_weights, save_weights
from meshrec.config import config_to_yaml, load_config
from meshrec.data.mixture import BatchSource
from meshrec.engine.checkpoints import Checkpoints
from meshrec.engine.distributed import EndedElsewhere, World, join_world
from meshrec.engine.pictures import PredictionPictures
from meshrec.engine.stages import NETS, StageConfig
from meshrec.engine.tasks import DecoMRTask
from meshrec.engine.trainer import train_stage
from meshrec.errors import InvalidInput
from meshrec.models import DecoMR
from meshrec.models.backbones import widen_first_convolution

BASIS_EXAMPLES = 4000  # location maps from which the light location net's basis is started


def run_training(
    config_path: str | Path,
    overrides: Sequence[str] = (),
    folder: str | Path | None = None,
    *,
    only: str | None = None,
    starts: Sequence[str] = (),
    threads: int | None = None,
) -> list[Path]:
    """Train every stage of a configuration that the run folder does not hold yet.

    Started by torchrun, this process is one of those that share the work; the first one writes.

    Args:
        config_path, overrides: see ``load_config``.
        folder: run folder; ``runs/NAME`` without one.
        only: train this stage only.
        starts: ``NET=FILE`` words: weights that a net (or ``all``) starts from.
        threads: CPU threads of this process.
    Returns:
        The weights written: one file per stage in full precision, and ``weights.safetensors``, the last of them in half
        precision, which is the file to use and to share. Nothing in processes other than the first.
    """
    with join_world() as world:
        try:
            config = world.from_first(lambda: load_config(TrainConfig, config_path, overrides))
            folder = Path(folder) if folder is not None else Path("runs") / Path(config_path).stem
            if threads:
                torch.set_num_threads(threads)
            return train_stages(config, folder, world, only=only, starts=starts)
        except EndedElsewhere:
            if world.is_first:
                raise
            return []


def train_stages(
    config: TrainConfig, folder: Path, world: World = World(), *, only: str | None = None, starts: Sequence[str] = ()
) -> list[Path]:
    """``run_training`` for a configuration that is ready, in processes that are.

    Only the first process reads and writes files of the run, so that machines need not share a disk.
    """
    stages = world.from_first(lambda: _chosen_stages(config, only))
    world.from_first(lambda: _write_configuration(config, folder))
    torch.manual_seed(config.seed)
    surface = Surface.load()
    net = build_net(config.model, surface)
    world.from_first(lambda: [_start_from(net, word, surface) for word in starts] and None)
    started = {word.partition("=")[0] for word in starts} & {"location_net", "all"}
    metadata = weights_metadata(config.model, surface)
    written = []
    for stage in stages:
        weights = folder / f"{stage.name}.safetensors"
        if world.from_first(weights.exists):
            world.from_first(lambda: load_weights(weights, net, expect={"atlas_hash": surface.atlas.hash}) and None)  # noqa: B023
            continue
        _run_stage(config, stage, net, surface, folder, world, fresh=not started)
        world.from_first(lambda: save_weights(weights, net, metadata))  # noqa: B023
        written.append(weights)
    final = folder / "weights.safetensors"
    if written or not world.from_first(final.exists):  # killed between the last stage's weights and these
        written.append(final)
        world.from_first(lambda: save_weights(final, net, metadata, half=True))
    return written if world.is_first else []


def _chosen_stages(config: TrainConfig, only: str | None) -> tuple[StageConfig, ...]:
    if not config.stages:
        raise InvalidInput("The configuration has no stages, so there is nothing to train.")
    return config.stages if only is None else (find_stage(config, only),)


def _write_configuration(config: TrainConfig, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f"Cannot make the run folder {folder}: {error.strerror or error}.") from error
    with write_atomically(folder / "config.yaml") as path:
        path.write_text(config_to_yaml(config))


def _run_stage(
    config: TrainConfig, stage: StageConfig, net: DecoMR, surface: Surface, folder: Path, world: World, *, fresh: bool
) -> None:
    number = config.stages.index(stage)  # of all stages, so that a stage run alone draws the same samples
    seed = config.seed + 101 * number
    torch.manual_seed(seed)  # a stage begins alike, whatever ran before it in this process
    device = world.pick_device(config.loop.device)
    source = build_source(config.data, stage, surface, device)
    task = DecoMRTask(surface.atlas, surface.body, device)
    fresh = fresh and not any("location_net" in earlier.nets for earlier in config.stages[:number])
    if stage.location_input == "rendered" and net.location_net.map_basis is not None and fresh:
        world.from_first(lambda: _start_basis(task, net, source, config.seed, folder, stage))
    bar = _ProgressBar(stage, shown=world.is_first)
    train_stage(
        net,
        source,
        stage,
        task.losses,
        config.loop,
        folder,
        seed=seed,
        world=world,
        draw_pictures=PredictionPictures(surface.body.faces) if stage.needs_pictures else None,
        progress=bar,
        report=bar.report,
    )


def _start_basis(
    task: DecoMRTask, net: DecoMR, source: BatchSource, seed: int, folder: Path, stage: StageConfig
) -> None:
    """Unless the stage's own checkpoint, which holds a basis, is there; an earlier stage's holds none."""
    if Checkpoints(folder).load(stage.name) is None:
        task.start_basis(net.location_net.map_basis, source, seed, BASIS_EXAMPLES)


class _ProgressBar:
    """Steps of a stage with the last line of the log beside them."""

    def __init__(self, stage: StageConfig, shown: bool) -> None:
        self.stage, self.shown = stage, shown

    def __call__(self, steps: range) -> tqdm:
        self.bar = tqdm(
            steps,
            desc=self.stage.name,
            total=self.stage.steps,
            initial=steps.start,
            mininterval=2,
            dynamic_ncols=True,
            disable=not self.shown,
        )
        return self.bar

    def report(self, line: dict[str, float]) -> None:
        self.bar.set_postfix_str(
            f"loss {line['total']:.4g}, {line['images_per_second']:.0f} images/s, "
            f"{line['data_wait']:.0%} waiting for data",
            refresh=False,
        )


def _start_from(net: DecoMR, word: str, surface: Surface) -> None:
    name, equals, path = word.partition("=")
    if not equals or name not in (*NETS, "all"):
        raise InvalidInput(f"{word!r} is no start: write NET=FILE with NET one of {', '.join((*NETS, 'all'))}.")
    only = None if name == "all" else [f"{name}."]
    widen = partial(widen_first_convolution, net=net)
    load_weights(Path(path), net, expect={"atlas_hash": surface.atlas.hash}, only=only, adapt=widen)
