"""A whole training run: stages of a configuration, one after the other, into a run folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from tqdm import tqdm

from meshrec.assets import write_atomically
from meshrec.build import Surface, TrainConfig, build_net, build_source, find_stage, weights_metadata
from meshrec.checkpoint import load_weights, read_torch_file, save_weights
from meshrec.config import config_to_yaml, load_config
from meshrec.engine.pictures import PredictionPictures
from meshrec.engine.stages import NETS, StageConfig
from meshrec.engine.tasks import DecoMRTask
from meshrec.engine.trainer import pick_device, train_stage
from meshrec.errors import InvalidInput
from meshrec.models import DecoMR

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

    Args:
        config_path, overrides: see ``load_config``.
        folder: run folder; ``runs/NAME`` without one.
        only: train this stage only.
        starts: ``NET=FILE`` words: weights that a net (or ``all``) starts from.
        threads: CPU threads of this process.
    Returns:
        The weights written: one file per stage in full precision, and ``weights.safetensors``, the last of them in half
        precision, which is the file to use and to share.
    """
    config = load_config(TrainConfig, config_path, overrides)
    if not config.stages:
        raise InvalidInput(f"{config_path} has no stages, so there is nothing to train.")
    stages = config.stages if only is None else (find_stage(config, only),)
    folder = Path(folder) if folder is not None else Path("runs") / Path(config_path).stem
    folder.mkdir(parents=True, exist_ok=True)
    with write_atomically(folder / "config.yaml") as path:
        path.write_text(config_to_yaml(config))
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(config.seed)
    surface = Surface.load()
    net = build_net(config.model, surface)
    for word in starts:
        _start_from(net, word, surface)
    started = {word.partition("=")[0] for word in starts} & {"location_net", "all"}
    written = []
    for stage in stages:
        weights = folder / f"{stage.name}.safetensors"
        if weights.exists():
            load_weights(weights, net, expect={"atlas_hash": surface.atlas.hash})
            continue
        _run_stage(config, stage, net, surface, folder, fresh=not started)
        save_weights(weights, net, weights_metadata(config.model, surface))
        written.append(weights)
    final = folder / "weights.safetensors"
    if written or not final.exists():  # the run may have been killed between the last stage's weights and these
        written.append(final)
        save_weights(final, net, weights_metadata(config.model, surface), half=True)
    return written


def _run_stage(
    config: TrainConfig, stage: StageConfig, net: DecoMR, surface: Surface, folder: Path, *, fresh: bool
) -> None:
    number = config.stages.index(stage)  # of all stages, so that a stage run alone draws the same samples
    source = build_source(config.data, stage, surface)
    task = DecoMRTask(surface.atlas, surface.body, pick_device(config.loop.device))
    basis = net.location_net.map_basis
    # The checkpoint in the folder may be an earlier stage's; only this stage's own holds a basis that was started.
    latest = folder / "latest.pt"
    resumes = latest.exists() and read_torch_file(latest)["stage"] == stage.name
    fresh = fresh and not any("location_net" in earlier.nets for earlier in config.stages[:number])
    if stage.location_input == "rendered" and basis is not None and fresh and not resumes:
        task.start_basis(basis, source, config.seed, BASIS_EXAMPLES)
    pictures = PredictionPictures(surface.body.faces) if stage.needs_pictures else None
    train_stage(
        net,
        source,
        stage,
        task.losses,
        config.loop,
        folder,
        seed=config.seed + 101 * number,
        draw_pictures=pictures,
        progress=lambda steps: tqdm(
            steps, desc=stage.name, total=stage.steps, initial=steps.start, mininterval=2, dynamic_ncols=True
        ),
    )


def _start_from(net: DecoMR, word: str, surface: Surface) -> None:
    name, equals, path = word.partition("=")
    if not equals or name not in (*NETS, "all"):
        raise InvalidInput(f"{word!r} is no start: write NET=FILE with NET one of {', '.join((*NETS, 'all'))}.")
    only = None if name == "all" else [f"{name}."]
    load_weights(Path(path), net, expect={"atlas_hash": surface.atlas.hash}, only=only)
