"""What stands behind synthetic people: photographs from a folder, or soft procedural scenery."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from meshrec.data.synthetic.dice import Dice

_log = logging.getLogger(__name__)
_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}


class Backgrounds:
    """A bank of pictures, cut to random windows; empty banks paint their own.

    Args:
        pictures: (P, 3, h, w) uint8 RGB, or None.
    """

    def __init__(self, pictures: Tensor | None = None) -> None:
        self.pictures = pictures

    @classmethod
    def from_folder(cls, folder: str | Path | None, size: int = 256) -> Backgrounds:
        """Read every picture of a folder, shortest side cropped to ``size``; unreadable files are skipped."""
        if folder is None or not Path(folder).is_dir():
            return cls()
        pictures = []
        for path in sorted(Path(folder).iterdir()):
            if path.suffix.lower() not in _SUFFIXES:
                continue
            picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
            if picture is None:
                _log.warning("Skipping %s: not a picture.", path)
                continue
            pictures.append(torch.from_numpy(_cover(picture, size)[..., ::-1].copy()).permute(2, 0, 1))
        return cls(torch.stack(pictures) if pictures else None)

    def part(self, first: float, last: float) -> Backgrounds:
        """A share of the bank, for example (0, 0.9) for training and (0.9, 1) for testing."""
        if self.pictures is None:
            return self
        count = len(self.pictures)
        return Backgrounds(self.pictures[int(first * count) : max(int(last * count), int(first * count) + 1)])

    def to(self, device: torch.device | str) -> Backgrounds:
        """The same bank on another device."""
        return Backgrounds(None if self.pictures is None else self.pictures.to(device))

    def sample(self, count: int, size: int, dice: Dice, zoom: tuple[float, float] = (0.35, 1.0)) -> Tensor:
        """(B, 3, size, size) float RGB in [0, 1]: random windows, mirrored and re-lit, on the device of the dice.

        Args:
            zoom: bounds of the share of a picture's side that a window shows.
        """
        if self.pictures is None:
            return _scenery(count, size, dice)
        index, shown = dice.integers(len(self.pictures), count), dice.uniform(count, low=zoom[0], high=zoom[1])
        flip = torch.where(dice.chance(0.5, count), -1.0, 1.0)
        theta = torch.zeros(count, 2, 3, device=dice.device)
        theta[:, 0, 0], theta[:, 1, 1] = shown * flip, shown
        theta[:, :, 2] = (1 - shown)[:, None] * dice.uniform(count, 2, low=-1.0, high=1.0)
        gain = dice.uniform(count, 1, 1, 1, low=0.75, high=1.2) / 255
        grid = F.affine_grid(theta, [count, 3, size, size], align_corners=False)
        pictures = self.pictures.index_select(0, index).float().mul_(gain)
        windows = F.grid_sample(pictures, grid, mode="bilinear", padding_mode="border", align_corners=False)
        return windows.clamp_(0, 1)


def _cover(picture: np.ndarray, size: int) -> np.ndarray:
    height, width = picture.shape[:2]
    scale = size / min(height, width)
    picture = cv2.resize(
        picture,
        (max(size, round(width * scale)), max(size, round(height * scale))),
        interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR,
    )
    top, left = (picture.shape[0] - size) // 2, (picture.shape[1] - size) // 2
    return picture[top : top + size, left : left + size]


def _scenery(count: int, size: int, dice: Dice) -> Tensor:
    """Coloured noise of several scales with a few straight edges, as stand-in for rooms and streets."""
    # Like most places, more grey than colourful.
    picture = (
        dice.uniform(count, 1, 1, 1, low=0.15, high=0.85)
        .lerp(dice.uniform(count, 3, 1, 1), 0.3)
        .expand(count, 3, size, size)
        .clone()
    )
    for cells, strength in ((3, 0.5), (8, 0.3), (24, 0.2), (max(1, size // 3), 0.12)):
        noise = dice.uniform(count, 1, cells, cells, low=-0.5, high=0.5)
        noise = noise.lerp(dice.uniform(count, 3, cells, cells, low=-0.5, high=0.5), 0.3)
        picture.add_(F.interpolate(noise, size=(size, size), mode="bilinear", align_corners=False), alpha=strength)
    steps = torch.linspace(-1, 1, size, device=dice.device)
    for _ in range(4):
        angle, offset = dice.uniform(count, 1, 1, low=0.0, high=6.28), dice.uniform(count, 1, 1, low=-0.8, high=0.8)
        beyond = (torch.cos(angle) * steps[None, None, :] + torch.sin(angle) * steps[None, :, None] > offset)[:, None]
        picture.add_(beyond * (dice.uniform(count, 1, 1, 1, low=-0.3, high=0.3) + 0.08 * dice.normal(count, 3, 1, 1)))
    return picture.clamp_(0, 1)
