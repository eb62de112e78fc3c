"""The training of nets that regress body parameters."""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import Tensor

from meshrec.body import BodyModel
from meshrec.body.pose_prior import PosePrior
from meshrec.build import Surface
from meshrec.build_hmr import HmrTrainConfig, build_hmr, build_hmr_source, fill_hmr, read_decomr_backbone, save_hmr
from meshrec.checkpoint import fill_model, read_weights
from meshrec.data.fit_store import FitStore
from meshrec.data.synthetic.poses import PoseSampler
from meshrec.engine.crop_fitting import CropFitter
from meshrec.engine.distributed import World
from meshrec.engine.fits_in_the_loop import FitsInTheLoop
from meshrec.engine.hmr_pictures import HmrPictures
from meshrec.engine.hmr_task import HmrTask
from meshrec.engine.stages import HMR_NETS, HmrStage
from meshrec.errors import InvalidInput
from meshrec.fitting.options import FitOptions
from meshrec.models.body_discriminator import BodyDiscriminator
from meshrec.models.hmr_in_training import HmrInTraining
from meshrec.models.spin_official import SPIN_EXTENSIONS, read_official_spin
from meshrec.training.course import StageWork, read_start

_CLASSIFIER = "resnet.fc."  # idle in the backbones of DecoMR's paper form


class BodyRegression:
    """A `meshrec.training.course.Course` for HMR in all of its forms."""

    def __init__(self, config: HmrTrainConfig) -> None:
        self.config = config
        self.surface = Surface.load()
        discriminator = BodyDiscriminator() if config.model.discriminator else None
        self.net = HmrInTraining(build_hmr(config.model), discriminator)
        for stage in config.stages:
            self._check_can_learn(stage)

    def _check_can_learn(self, stage: HmrStage) -> None:
        if self.config.model.shares_backbone and "backbone" in stage.nets:
            raise InvalidInput("A light HMR shares its backbone, which cannot learn: leave it out of the stages' nets.")
        if "discriminator" in stage.nets and self.net.discriminator is None:
            raise InvalidInput(f"Stage {stage.name} trains a net that has no discriminator: set model.discriminator.")
        if not any(list(getattr(self.net, name).parameters()) for name in stage.nets):
            raise InvalidInput(f"Stage {stage.name} trains {', '.join(stage.nets)}, with nothing in it that learns.")

    def start_from(self, word: str) -> None:
        """From our weights or SPIN's official ones; the backbone also from that of a correspondence net.

        ``all`` fills every part that the file holds.
        """
        name, path = read_start(word, (*HMR_NETS, "all"))
        official = path.suffix in SPIN_EXTENSIONS
        if official and name != "backbone" and self.net.regressor.relu:
            raise InvalidInput(f"SPIN's regressor has no ReLUs: set model.form=spin, or take backbone={path} alone.")
        state = self._official(path) if official else read_weights(path)[1]
        if name == "backbone" and not any(key.startswith("backbone.") for key in state):
            backbone = read_decomr_backbone(path)
            own = {key: value for key, value in backbone.items() if not key.startswith(_CLASSIFIER)}
            fill_model(self.net.backbone, own, str(path))
            return
        parts = sorted({key.partition(".")[0] for key in state}) if name == "all" else [name]
        fill_model(self.net, state, str(path), [f"{part}." for part in parts])

    def _official(self, path: Path) -> dict[str, Tensor]:
        """SPIN's state; old files lack the counters of batch normalisation."""
        own = self.net.state_dict()
        return {key: own[key] for key in own if key.endswith("num_batches_tracked")} | read_official_spin(path)

    def load(self, path: Path) -> None:
        fill_hmr(path, self.net, self.config.model, self.surface.body.hash)

    def save(self, path: Path, *, half: bool = False) -> None:
        # Files in half precision are those to use, which nobody trains on.
        save_hmr(path, self.net, self.config.model, self.surface.body, half=half, whole=not half)

    def prepare(self, stage: HmrStage, device: torch.device, folder: Path, world: World) -> StageWork:
        source = build_hmr_source(self.config.data, stage, self.surface, device)
        body = copy.deepcopy(self.surface.body).to(device)
        fits = self._fits(source.fits, body, device) if len(source.fits) else None
        synthetic = self.config.data.synthetic
        poses = PoseSampler.from_motion_pack(synthetic.motion_pack, device)
        task = HmrTask(body, poses, fits, synthetic.shape_deviation)
        return StageWork(source.batches, task.losses, HmrPictures(body, fits), memory=fits)

    def _fits(self, store: FitStore, body: BodyModel, device: torch.device) -> FitsInTheLoop:
        options = FitOptions(iterations=self.config.fits.iterations)
        fitter = CropFitter(body, PosePrior.from_file().to(device), options)
        return FitsInTheLoop(self.config.fits, store, fitter)
