"""A whole training run: stages of a configuration, one after the other, into a run folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from tqdm import tqdm

from meshrec.assets import write_atomically
from meshrec.build import TrainConfig, find_stage
from meshrec.build_detector import DetectorTrainConfig
from meshrec.build_hmr import HmrTrainConfig
from meshrec.config import config_to_yaml, load_one_of
from meshrec.engine.distributed import EndedElsewhere, World, join_world
from meshrec.engine.stages import Stage
from meshrec.engine.trainer import train_stage
from meshrec.errors import InvalidInput
from meshrec.training.course import Course
from meshrec.training.detection import Detection
from meshrec.training.hmr import BodyRegression
from meshrec.training.reconstruction import Reconstruction

# By the configuration's key ``task``.
TASKS = {"reconstruction": TrainConfig, "detection": DetectorTrainConfig, "parameters": HmrTrainConfig}
COURSES = {TrainConfig: Reconstruction, DetectorTrainConfig: Detection, HmrTrainConfig: BodyRegression}
RunConfig = TrainConfig | DetectorTrainConfig | HmrTrainConfig


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
            config = world.from_first(lambda: load_one_of(TASKS, "task", config_path, overrides))
            folder = Path(folder) if folder is not None else Path("runs") / Path(config_path).stem
            if threads:
                torch.set_num_threads(threads)
            return train_stages(config, folder, world, only=only, starts=starts)
        except EndedElsewhere:
            if world.is_first:
                raise
            return []


def train_stages(
    config: RunConfig, folder: Path, world: World = World(), *, only: str | None = None, starts: Sequence[str] = ()
) -> list[Path]:
    """``run_training`` for a configuration that is ready, in processes that are.

    Only the first process reads and writes files of the run, so that machines need not share a disk.
    """
    stages = world.from_first(lambda: _chosen_stages(config, only))
    world.from_first(lambda: _write_configuration(config, folder))
    torch.manual_seed(config.seed)
    course = COURSES[type(config)](config)
    world.from_first(lambda: [course.start_from(word) for word in starts] and None)
    written = []
    for stage in stages:
        weights = folder / f"{stage.name}.safetensors"
        if world.from_first(weights.exists):
            world.from_first(lambda: course.load(weights))  # noqa: B023
            continue
        _run_stage(config, stage, course, folder, world)
        world.from_first(lambda: course.save(weights))  # noqa: B023
        written.append(weights)
    final = folder / "weights.safetensors"
    if written or not world.from_first(final.exists):  # killed between the last stage's weights and these
        written.append(final)
        world.from_first(lambda: course.save(final, half=True))
    return written if world.is_first else []


def _chosen_stages(config: RunConfig, only: str | None) -> tuple[Stage, ...]:
    if not config.stages:
        raise InvalidInput("The configuration has no stages, so there is nothing to train.")
    return config.stages if only is None else (find_stage(config, only),)


def _write_configuration(config: RunConfig, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f"Cannot make the run folder {folder}: {error.strerror or error}.") from error
    with write_atomically(folder / "config.yaml") as path:
        path.write_text(config_to_yaml(config))


def _run_stage(config: RunConfig, stage: Stage, course: Course, folder: Path, world: World) -> None:
    number = config.stages.index(stage)  # of all stages, so that a stage run alone draws the same samples
    seed = config.seed + 101 * number
    torch.manual_seed(seed)  # a stage begins alike, whatever ran before it in this process
    work = course.prepare(stage, world.pick_device(config.loop.device), folder, world)
    bar = _ProgressBar(stage, shown=world.is_first)
    train_stage(
        course.net,
        work.source,
        stage,
        work.losses,
        config.loop,
        folder,
        seed=seed,
        world=world,
        draw_pictures=work.draw_pictures,
        memory=work.memory,
        progress=bar,
        report=bar.report,
    )


class _ProgressBar:
    """Steps of a stage with the last line of the log beside them."""

    def __init__(self, stage: Stage, shown: bool) -> None:
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
