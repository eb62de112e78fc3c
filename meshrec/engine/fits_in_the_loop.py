"""SPIN's loop (ICCV 2019): inside training, bodies are fitted to photographs from what the net believes, and teach it.

The better the net, the better its fits, and the better what it learns from. A fit is kept as long as none is better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from meshrec.body.turned_params import turn_params
from meshrec.data.fit_store import FitStore, as_vectors
from meshrec.engine.crop_fitting import CropFitter
from meshrec.engine.distributed import World
from meshrec.structures import BodyParams, TrainingBatch

_EXTREME_BETA = 3.0  # standard deviations; such shapes make up for a wrong pose (SPIN)


@dataclass(frozen=True)
class FitLoopConfig:
    """How fits are made and used."""

    every: int = 0
    """steps from one fitting to the next; 0 only uses the fits that the data come with."""
    iterations: int = 12
    """of each fitting, which begins at what the net believes."""
    most_error: float = 0.045
    """a fit teaches if its joints lie, in the mean, no further from the labelled ones than this share of the crop's
    side (SPIN: a mean square of 100 at 224 pixels)."""
    most_energy: float = 120.0
    """a fit is kept if the negative log density of its pose is no higher; ordinary poses have some 35."""

    def __post_init__(self) -> None:
        if self.every < 0 or self.iterations < 1:
            raise ValueError("every must not be negative, iterations at least 1")


class FitsInTheLoop:
    """Looks up, makes and keeps fits; a `meshrec.engine.trainer.Memory`.

    Args:
        store: of everybody whom the training's sources number.
        fitter: on the device of the batches.
    """

    def __init__(self, config: FitLoopConfig, store: FitStore, fitter: CropFitter) -> None:
        self.config, self.store, self.fitter = config, store, fitter
        self.steps = 0
        self._better: list[tuple[float, int, Tensor, Tensor]] = []

    @torch.no_grad()
    def look_up(self, batch: TrainingBatch) -> TrainingBatch:
        """The batch with stored fits in place of unknown parameters, where they are good in this crop."""
        fits, error = self._stored(batch)
        return _with_fits(batch, fits, error <= self.config.most_error)

    @torch.no_grad()
    def teach(self, batch: TrainingBatch, believed: BodyParams) -> TrainingBatch:
        """The same, and every so many steps better fits are looked for before.

        Args:
            believed: what the net says of the batch.
        """
        fits, error = self._stored(batch)
        if self.config.every and self.steps % self.config.every == 0:
            wanted = (batch.person >= 0) & ~batch.has_params & self.fitter.can_fit(batch)
            if wanted.any():
                fits, error = self._improve(batch, believed, fits, error, torch.nonzero(wanted)[:, 0])
        return _with_fits(batch, fits, error <= self.config.most_error)

    def end_step(self, world: World) -> None:
        """Keep the step's better fits, in all processes alike; of several of one person the one of the least error."""
        for _, person, pose, betas in sorted(world.gather(self._better), key=lambda fit: -fit[0]):
            self.store.put(person, pose, betas)
        self._better = []
        self.steps += 1

    def state(self) -> dict[str, Any]:
        return {"steps": self.steps} | self.store.state()

    def restore(self, state: dict[str, Any]) -> None:
        self.store.restore(state)
        self.steps = state["steps"]

    def _stored(self, batch: TrainingBatch) -> tuple[BodyParams, Tensor]:
        """Fits in the crops' axes, and (B,) their errors; infinite for people who have none or need none."""
        fits, known = self.store.look_up(batch.person)
        fits, known = turn_params(fits.to(batch.turn_cam), batch.turn_cam), known.to(batch.has_params.device)
        error = torch.full_like(batch.facing_rad, torch.inf)
        if (chosen := torch.nonzero(known & ~batch.has_params)[:, 0]).numel():
            error[chosen] = self.fitter.errors(batch[chosen], fits[chosen])
        return fits, error

    def _improve(
        self, batch: TrainingBatch, believed: BodyParams, fits: BodyParams, error: Tensor, wanted: Tensor
    ) -> tuple[BodyParams, Tensor]:
        """Fits and errors with those of the wanted people (N,) that came out better, which are also noted for later.

        Both fits of a person are judged in the same crop, because each crop shows other joints.
        """
        some = batch[wanted]
        found = _without_extreme_shapes(self.fitter.fit(some, believed[wanted]))
        found_error = self.fitter.errors(some, found)
        plausible = self.fitter.prior.energy(found.body_pose) <= self.config.most_energy
        better = plausible & (found_error < error[wanted])
        place, found, found_error = wanted[better], found[better], found_error[better]
        vectors = as_vectors(turn_params(found, batch.turn_cam[place].mT))
        self._better += zip(found_error.tolist(), batch.person[place].tolist(), *vectors, strict=True)
        fits = _merged(fits, found, lambda stored, new: stored.index_copy(0, place, new))
        return fits, error.index_copy(0, place, found_error)


def _with_fits(batch: TrainingBatch, fits: BodyParams, good: Tensor) -> TrainingBatch:
    """The batch with the good ones (B,) among fits."""
    pick = lambda known, fit: torch.where(good.view(-1, *[1] * (fit.dim() - 1)), fit, known)  # noqa: E731
    return batch.with_params(_merged(batch.params, fits, pick), batch.has_params | good)


def _merged(first: BodyParams, second: BodyParams, merge) -> BodyParams:
    names = ("betas", "global_orient", "body_pose")
    return BodyParams(*(merge(getattr(first, name), getattr(second, name)) for name in names))


def _without_extreme_shapes(params: BodyParams) -> BodyParams:
    """The mean shape in place of extreme ones (SPIN)."""
    usual = (params.betas.abs() <= _EXTREME_BETA).all(1, keepdim=True)
    return BodyParams(params.betas * usual, params.global_orient, params.body_pose)
