"""From configurations and files to HMRs and what they are trained with, as `meshrec.build` does for DecoMR."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from meshrec.assets import array_hash, asset_path
from meshrec.body import BodyModel
from meshrec.build import DEFAULT_WEIGHTS, DataConfig, Surface, build_people, ready_model
from meshrec.checkpoint import fill_model, read_metadata, read_weights, save_weights, without_prefix
from meshrec.data.fit_store import FitStore, without_fits
from meshrec.data.image_dataset import ImageDataset
from meshrec.data.mixture import BatchSource, Mixture
from meshrec.data.numbered_people import NumberedPeople
from meshrec.data.photo_sets import PhotoPeople
from meshrec.engine.devices import pick_device
from meshrec.engine.fits_in_the_loop import FitLoopConfig
from meshrec.engine.stages import HmrStage
from meshrec.engine.trainer import LoopConfig
from meshrec.errors import CheckpointMismatch
from meshrec.geometry.crops import PERSON_CROP_ENLARGEMENT
from meshrec.iuv.predictor import IuvPredictor
from meshrec.models.decomr import BACKBONE_PREFIX
from meshrec.models.hmr import Hmr
from meshrec.models.hmr_variants import light_hmr, paper_hmr, spin_hmr
from meshrec.pipeline import MeshModel

NET = "hmr"  # what files of weights say that they are of
DEFAULT_HMR_WEIGHTS = "weights/hmr_light.safetensors"
FORMS = {"light": light_hmr, "hmr": paper_hmr, "spin": spin_hmr}
_PERCEPTION = ("correspondence_net.", "location_net.body_encoder.")


@dataclass(frozen=True)
class HmrConfig:
    """Which net."""

    form: str = "light"
    """``light``, which reads what light DecoMR knows before it draws a surface, ``hmr`` or ``spin``, as published."""
    input_size: int = 128
    """side of the crops that reconstruction feeds the net, in pixels."""
    discriminator: bool = False
    """whether there is one that learns to tell recorded bodies from predicted ones, for adversarial losses."""
    own_encoder: bool = False
    """whether a light net shares DecoMR's correspondence net alone, and learns to encode what that finds."""

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise ValueError(f"form must be one of {tuple(FORMS)}, got {self.form!r}")
        if self.own_encoder and not self.shares_backbone:
            raise ValueError(f"own_encoder belongs to the form 'light', got {self.form!r}")

    @property
    def shares_backbone(self) -> bool:
        """Whether the backbone is a part of DecoMR, which stays as it is and is kept in its own file."""
        return self.form == "light"


@dataclass(frozen=True)
class HmrTrainConfig:
    """A whole training of an HMR."""

    task: str = "parameters"
    """tells this kind of training from those of DecoMR and of a detector."""
    model: HmrConfig = field(default_factory=HmrConfig)
    data: DataConfig = field(default_factory=DataConfig)
    fits: FitLoopConfig = field(default_factory=FitLoopConfig)
    """SPIN's loop, over the photographs whose people have no measured parameters."""
    stages: tuple[HmrStage, ...] = ()
    loop: LoopConfig = field(default_factory=LoopConfig)
    seed: int = 1


def build_hmr(config: HmrConfig, backbone: str | Path | None = None) -> Hmr:
    """An untrained net; a shared backbone is that of a file.

    Args:
        backbone: weights of the DecoMR whose backbone is shared; the shipped ones without.
    """
    if not config.shares_backbone:
        return FORMS[config.form]()
    shared = read_shared_perception(backbone, config.own_encoder)
    metadata = read_metadata(asset_path(DEFAULT_WEIGHTS) if backbone is None else backbone)
    net = light_hmr(bool(int(metadata.get("iuv_input", 0))), config.own_encoder)
    fill_model(net.backbone, shared, str(backbone or DEFAULT_WEIGHTS))
    return net


def read_shared_perception(weights: str | Path | None = None, correspondence_only: bool = False) -> dict[str, Tensor]:
    """The state of what a light HMR shares with light DecoMR, in the weights of that, by default the shipped ones."""
    parts = _PERCEPTION[:1] if correspondence_only else _PERCEPTION
    shared = _part_of_decomr(weights, parts, "light DecoMR, whose perception a light HMR shares")
    return without_prefix(shared, _PERCEPTION[0] if correspondence_only else "location_net.")


def read_decomr_backbone(weights: str | Path) -> dict[str, Tensor]:
    """The state of the correspondence net's backbone in DecoMR's weights, which an HMR of the same form starts from."""
    backbone = _part_of_decomr(weights, (BACKBONE_PREFIX,), "correspondence net with a backbone")
    return without_prefix(backbone, BACKBONE_PREFIX)


def _part_of_decomr(weights: str | Path | None, prefixes: tuple[str, ...], what: str) -> dict[str, Tensor]:
    path = asset_path(DEFAULT_WEIGHTS) if weights is None else Path(weights)
    part = {name: value for name, value in read_weights(path)[1].items() if name.startswith(prefixes)}
    if not part:
        raise CheckpointMismatch(f"{path} holds no {what}.")
    return part


def backbone_hash(net: Hmr) -> str:
    """Sixteen digits that tell the weights of a net's backbone from others."""
    state = net.backbone.state_dict()
    return array_hash(*(state[name].float().cpu().numpy() for name in sorted(state) if state[name].is_floating_point()))


def save_hmr(
    path: Path, net: Hmr, config: HmrConfig, body: BodyModel, *, half: bool = False, whole: bool = True
) -> None:
    """Write a net's weights with what they belong to; a shared backbone is named by its hash and left to its own file.

    Args:
        whole: keep the discriminator, from which training goes on but which predicting does not need.
    """
    left_out = (("backbone.",) if config.shares_backbone else ()) + (() if whole else ("discriminator.",))
    state = {name: value for name, value in net.state_dict().items() if not name.startswith(left_out)}
    metadata = {
        "net": NET,
        "form": config.form,
        "input_size": str(config.input_size),
        "crop_enlargement": str(PERSON_CROP_ENLARGEMENT),
        "body_hash": body.hash,
    }
    if config.shares_backbone:
        metadata |= {"backbone_hash": backbone_hash(net), "backbone_file": DEFAULT_WEIGHTS}
    if config.own_encoder:
        metadata["own_encoder"] = "1"
    save_weights(path, state, metadata, half=half)


def fill_hmr(path: Path, net: Hmr, config: HmrConfig, body_hash: str) -> None:
    """Fill a net with weights that `save_hmr` wrote.

    Raises:
        AssetNotFound: no such file.
        CheckpointMismatch: damaged, or of another form, body or backbone.
    """
    metadata, state = read_weights(path)
    if not any(name.startswith("discriminator.") for name in net.state_dict()):
        state = {name: value for name, value in state.items() if not name.startswith("discriminator.")}
    expected = {"net": NET, "form": config.form, "body_hash": body_hash}
    if config.shares_backbone:
        expected["backbone_hash"] = backbone_hash(net)
        state |= {f"backbone.{name}": value for name, value in net.backbone.state_dict().items()}
    for name, wanted in expected.items():
        if metadata.get(name) != wanted:
            raise CheckpointMismatch(
                f"{path} belongs to another {name.removesuffix('_hash')}: the file has {name} "
                f"{metadata.get(name, 'not recorded')}, in use is {wanted}; take weights that were made for it."
            )
    fill_model(net, state, str(path))


def load_hmr(
    weights: str | Path | None = None,
    body: str | Path | None = None,
    device: str | torch.device | None = None,
    finder: IuvPredictor | bool = True,
    fast: bool = False,
    backbone: str | Path | None = None,
) -> MeshModel:
    """A model that is ready to reconstruct, with body parameters.

    Args:
        weights: a file written by ``tools/train.py``; the shipped default without one.
        body, device, finder, fast: see `meshrec.load.load_model`.
        backbone: weights of the DecoMR whose backbone a light HMR shares; the shipped ones without.
    Raises:
        AssetNotFound: a file is missing.
        CheckpointMismatch: the weights are damaged, or belong to another net, body or backbone.
        InvalidInput: the body's file is damaged or of another kind.
        MeshrecError: the device is not available.
    """
    path = asset_path(DEFAULT_HMR_WEIGHTS) if weights is None else Path(weights)
    metadata = read_metadata(path)
    try:
        own_encoder = bool(int(metadata.get("own_encoder", 0)))
        config = HmrConfig(metadata["form"], int(metadata["input_size"]), own_encoder=own_encoder)
    except (KeyError, ValueError) as error:
        raise CheckpointMismatch(f"{path} holds weights, but not of an HMR ({error}).") from error
    surface = dataclasses.replace(Surface.load(), body=BodyModel.from_file(body))
    target = pick_device("cpu" if device is None else str(device))
    net = build_hmr(config, backbone)
    fill_hmr(path, net, config, surface.body.hash)
    return ready_model(net, surface, metadata, target, finder, fast)


@dataclass(frozen=True)
class HmrSource:
    """What a stage draws from.

    Attributes:
        batches: synthetic people, and photographs whose people are numbered through.
        fits: of those people, as the data have them.
    """

    batches: BatchSource
    fits: FitStore


def build_hmr_source(
    config: DataConfig, stage: HmrStage, surface: Surface, device: torch.device | str = "cpu"
) -> HmrSource:
    """Synthetic people, and photographs where the stage wants and finds them.

    Fits that files of labelled people hold start SPIN's loop; parameters that were measured stay what they are.
    """
    photos = _photographs(config, surface) if stage.photo_share else []
    if not photos:
        return HmrSource(build_people(config.synthetic, surface, device), FitStore.empty(0))
    total = sum(photo.share for photo in photos)
    first = [0, *accumulate(len(photo.fits) for photo in photos)]
    sources = [
        (NumberedPeople(photo.source, number), stage.photo_share * photo.share / total)
        for number, photo in zip(first, photos)
    ]
    if stage.photo_share < 1:
        sources.insert(0, (build_people(config.synthetic, surface, device), 1 - stage.photo_share))
    return HmrSource(Mixture(sources, device), FitStore.together([photo.fits for photo in photos]))


class _Photographs(NamedTuple):
    """A source of photographs, how often it is drawn, and the fits of all its people."""

    source: BatchSource
    share: float
    fits: FitStore


def _photographs(config: DataConfig, surface: Surface) -> list[_Photographs]:
    found = []
    for pack in config.photos:
        if (Path(pack.folder) / "index.json").is_file():
            people = PhotoPeople.from_packs([pack.folder], surface.body.vertex_count)
            found.append(_Photographs(people, pack.share, FitStore.empty(len(people))))
    for dataset in config.datasets:
        given = ImageDataset.from_config(dataset, surface.body, surface.atlas, surface.charts)
        fits = FitStore.of(given.people, surface.body.hash)
        people = ImageDataset(without_fits(given.people), given.folder, given.truth, surface=None)
        found.append(_Photographs(people, dataset.share, fits))
    return found
