"""A training that takes milliseconds a step, with dropout and batch statistics as state that must survive."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from meshrec.engine.distributed import World
from meshrec.engine.stages import StageConfig
from meshrec.engine.trainer import LoopConfig, train_stage
from meshrec.structures import TrainingBatch

LOOP = dict(device="cpu", precision="fp32", workers=0, log_every=1, save_every=2)
# Columns of a log that say how fast the machine was.
TIMES = {"images_per_second", "data_wait"}


class Noise:
    """A source whose pictures follow from the seed; remembers the seeds it was asked for."""

    def __init__(self):
        self.seeds = []

    def batch(self, count, size, seed):
        self.seeds.append(seed)
        return TrainingBatch.unlabelled(
            torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed)), 1
        )


class Nets(nn.Module):
    """Two small nets under the names that stages know."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.correspondence_net = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Conv2d(4, 1, 1)
        )
        self.location_net = nn.Linear(2, 2)


def brightness(model, batch, stage, seed):
    found, true = model.correspondence_net(batch.images).mean((1, 2, 3)), batch.images.mean((1, 2, 3))
    return {"brightness": (found - true).square().mean()}


def toy_stage(**changes):
    settings = dict(
        name="first",
        steps=6,
        nets=("correspondence_net",),
        location_input="none",
        batch=4,
        size=8,
        warmup_steps=2,
        losses={"brightness": 1.0},
    )
    return StageConfig(**(settings | changes))


class Counting:
    """A memory of what the losses say, which changes the losses: it must survive like the weights."""

    def __init__(self):
        self.known, self.said = torch.zeros(3), []

    def losses(self, model, batch, stage, seed):
        loss = brightness(model, batch, stage, seed)["brightness"] * (1 + self.known.sum())
        self.said.append((seed, float(loss.detach())))
        return {"brightness": loss}

    def end_step(self, world):
        for seed, loss in sorted(world.gather(self.said)):
            self.known[seed % 3] += loss
        self.said = []

    def state(self):
        return {"known": self.known}

    def restore(self, state):
        self.known = state["known"].clone()


def train_toy(
    folder,
    *,
    losses=brightness,
    world=World(),
    source=None,
    progress=iter,
    loop=None,
    net=None,
    remembers=False,
    **changes,
):
    """One stage of the toy training; `changes` are those of the stage, `loop` those of the loop."""
    memory = Counting() if remembers else None
    return train_stage(
        net or Nets(),
        source or Noise(),
        toy_stage(**changes),
        memory.losses if memory else losses,
        LoopConfig(**(LOOP | (loop or {}))),
        Path(folder),
        seed=5,
        world=world,
        progress=progress,
        memory=memory,
    )
