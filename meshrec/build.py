"""From configurations and files to ready objects; the one module that knows every component."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from meshrec.assets import asset_path
from meshrec.body import BodyModel
from meshrec.body.pose_prior import PosePrior
from meshrec.checkpoint import load_weights, read_metadata
from meshrec.data.image_dataset import DatasetConfig, ImageDataset
from meshrec.data.mixture import BatchSource, Mixture
from meshrec.data.photo_sets import PhotoPeople
from meshrec.data.synthetic import SyntheticPeople, SyntheticPeopleConfig
from meshrec.engine.devices import pick_device
from meshrec.engine.stages import StageConfig
from meshrec.engine.trainer import LoopConfig
from meshrec.errors import CheckpointMismatch, InvalidInput
from meshrec.fitting.from_net import NetFitter
from meshrec.geometry.crops import PERSON_CROP_ENLARGEMENT, WIDE_CROP_ENLARGEMENT
from meshrec.iuv.predictor import IuvPredictor, chosen_finder
from meshrec.models import DecoMR, Hmr
from meshrec.models.part_code import part_boxes_uv
from meshrec.models.variants import (
    LIGHT_BASIS_GRID,
    LIGHT_UV_GRID,
    PAPER_UV_GRID,
    light_correspondence_net,
    light_location_net,
    paper_correspondence_net,
    paper_location_net,
)
from meshrec.pipeline import MeshModel
from meshrec.surface import Surface

DEFAULT_WEIGHTS = "weights/decomr_light.safetensors"
FORMS = ("light", "paper")


@dataclass(frozen=True)
class ModelConfig:
    """Which net."""

    form: str = "light"
    """``light``, the shipped default, or ``paper``, DecoMR as published."""
    map_resolution: int = 128
    """texels of the paper's location map, 128 or 256."""
    input_size: int = 224
    """side of the crops that reconstruction feeds the net, in pixels."""
    iuv_input: bool = False
    """whether the correspondence net also reads what a DensePose-RCNN found, where there is one."""
    atlas: str = ""
    """what maps and correspondence are drawn in: a file of ``tools/build_uv_atlas.py``, ``charts`` for the 24 charts
    side by side, or nothing for the shipped atlas."""

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise ValueError(f"form must be one of {FORMS}, got {self.form!r}")


@dataclass(frozen=True)
class PhotoPackConfig:
    """One pack of labelled photographs."""

    folder: str
    share: float = 1.0
    """how often it is drawn, relative to the other real photographs."""


@dataclass(frozen=True)
class DataConfig:
    """Where training samples come from."""

    synthetic: SyntheticPeopleConfig = field(default_factory=SyntheticPeopleConfig)
    photos: tuple[PhotoPackConfig, ...] = ()
    """packs that are not there are left out, so that the shipped configurations train without any download."""
    datasets: tuple[DatasetConfig, ...] = ()
    """files of labelled people, see docs/data.md; one that is not there is an error, because somebody asked for it."""


@dataclass(frozen=True)
class TrainConfig:
    """A whole training: the net, the data, the stages, and how they run."""

    task: str = "reconstruction"
    """tells this kind of training from that of a detector."""
    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    stages: tuple[StageConfig, ...] = ()
    loop: LoopConfig = field(default_factory=LoopConfig)
    seed: int = 1


def build_net(config: ModelConfig, surface: Surface) -> DecoMR:
    """An untrained net over a body's atlas."""
    atlas = surface.atlas
    if config.form == "paper":
        return DecoMR(
            paper_correspondence_net(atlas.hash, config.iuv_input),
            paper_location_net(surface.reference_map(PAPER_UV_GRID), config.map_resolution, atlas.hash),
            atlas,
        )
    boxes = part_boxes_uv(atlas.face_texcoords, surface.charts.face_part)
    return DecoMR(
        light_correspondence_net(*boxes, atlas.hash, config.iuv_input),
        light_location_net(surface.reference_map(LIGHT_UV_GRID), surface.reference_map(LIGHT_BASIS_GRID), atlas.hash),
        atlas,
    )


def build_people(
    config: SyntheticPeopleConfig, surface: Surface, device: torch.device | str = "cpu"
) -> SyntheticPeople:
    """Synthetic people on a device, from whichever of the configured packs are there."""
    known = surface.body, surface.atlas, surface.charts
    return SyntheticPeople.from_config(config, *known, device, surface.paint_atlas)


def build_source(
    config: DataConfig, stage: StageConfig, surface: Surface, device: torch.device | str = "cpu"
) -> BatchSource:
    """What a stage draws its batches from: synthetic people, and photographs where the stage wants and finds them.

    Args:
        device: where synthetic people are made and all batches end up.
    """
    if not stage.needs_pictures:
        return build_people(config.synthetic, surface, device).without_pictures()
    photos = _build_photos(config, surface) if stage.photo_share else []
    if not photos:
        return build_people(config.synthetic, surface, device)
    total = sum(share for _, share in photos)
    sources = [(source, stage.photo_share * share / total) for source, share in photos]
    if stage.photo_share < 1:
        sources.insert(0, (build_people(config.synthetic, surface, device), 1 - stage.photo_share))
    return Mixture(sources, device)


def _build_photos(config: DataConfig, surface: Surface) -> list[tuple[BatchSource, float]]:
    """Sources of real photographs and how often each is drawn."""
    packs = [pack for pack in config.photos if (Path(pack.folder) / "index.json").is_file()]
    vertices = surface.body.vertex_count
    return [
        *((PhotoPeople.from_packs([pack.folder], vertices), pack.share) for pack in packs),
        *(
            (ImageDataset.from_config(dataset, surface.body, surface.atlas, surface.charts), dataset.share)
            for dataset in config.datasets
        ),
    ]


def weights_metadata(config: ModelConfig, surface: Surface) -> dict[str, str]:
    """What is written beside weights, so that they are never used on another net, body or atlas."""
    return {
        "form": config.form,
        "map_resolution": str(config.map_resolution),
        "input_size": str(config.input_size),
        "crop_enlargement": str(PERSON_CROP_ENLARGEMENT),
        "iuv_input": str(int(config.iuv_input)),
        "body_hash": surface.body.hash,
        "atlas_hash": surface.atlas.hash,
    } | ({"atlas": config.atlas} if config.atlas else {})


def load_decomr(
    weights: str | Path | None = None,
    body: str | Path | None = None,
    device: str | torch.device | None = None,
    finder: IuvPredictor | bool = True,
    fast: bool = False,
) -> MeshModel:
    """DecoMR, ready to reconstruct.

    Args:
        weights: a file written by ``tools/train.py``; the shipped default without one.
        body: an SMPL-format file; the shipped body without one. Weights belong to the body they were trained on.
        device: for example ``"cuda"``; the CPU without one.
        finder: who finds people: True for the shipped DensePose-RCNN, False for nobody (photos are then taken as
            showing one person, unless boxes are given), or any of `meshrec.iuv.predictor`.
        fast: the net's own mesh at once, without the careful look of `MeshModel.fitter`.
    Raises:
        AssetNotFound: a file is missing.
        CheckpointMismatch: the weights are damaged, or belong to another net, body or atlas.
        InvalidInput: the body's file is damaged or of another kind.
        MeshrecError: the device is not available.
    """
    path = asset_path(DEFAULT_WEIGHTS) if weights is None else Path(weights)
    metadata = read_metadata(path)
    try:
        config = ModelConfig(
            metadata["form"],
            int(metadata["map_resolution"]),
            int(metadata["input_size"]),
            bool(int(metadata.get("iuv_input", 0))),
            metadata.get("atlas", ""),
        )
    except (KeyError, ValueError) as error:
        raise CheckpointMismatch(f"{path} holds weights, but not of DecoMR ({error}).") from error
    model = BodyModel.from_file(body)
    if model.hash != metadata.get("body_hash"):
        raise CheckpointMismatch(
            f"{path} was trained on body {metadata.get('body_hash')}, but body {model.hash} was given; "
            "use weights trained on that body."
        )
    surface = dataclasses.replace(Surface.load(atlas=config.atlas), body=model)
    target = pick_device("cpu" if device is None else str(device))
    net = build_net(config, surface)
    load_weights(path, net, expect={"atlas_hash": surface.atlas.hash})
    return ready_model(net, surface, metadata, target, finder, fast)


def ready_model(
    net: DecoMR | Hmr,
    surface: Surface,
    metadata: Mapping[str, str],
    device: torch.device,
    finder: IuvPredictor | bool,
    fast: bool,
) -> MeshModel:
    """A net with everything that reconstruction needs beside it, on a device; see `meshrec.load.load_model`.

    Args:
        metadata: what stands beside the net's weights; it says which crops they are for.
    """
    body = surface.body.to(device)
    fitter = None if fast else NetFitter(body, PosePrior.from_file().to(device), surface.atlas)
    return MeshModel(
        net.to(device).eval(),
        body,
        int(metadata["input_size"]),
        device,
        chosen_finder(finder, device),
        surface.charts,
        fitter,
        float(metadata.get("crop_enlargement", WIDE_CROP_ENLARGEMENT)),
    )


def find_stage(config: TrainConfig, name: str) -> StageConfig:
    """A stage by name.

    Raises:
        InvalidInput: there is none of that name; the message lists those there are.
    """
    for stage in config.stages:
        if stage.name == name:
            return stage
    raise InvalidInput(
        f"There is no stage {name!r}; the configuration has {', '.join(stage.name for stage in config.stages)}."
    )
