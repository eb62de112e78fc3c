"""What stands behind synthetic people: photographs from a folder, or soft procedural scenery."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Generator, Tensor

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

    def sample(self, count: int, size: int, generator: Generator) -> Tensor:
        """(B, 3, size, size) float RGB in [0, 1]: random windows, mirrored and re-lit."""
        if self.pictures is None:
            return _scenery(count, size, generator)
        index = torch.randint(len(self.pictures), (count,), generator=generator)
        zoom = 0.35 + 0.65 * torch.rand(count, generator=generator)
        flip = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
        centre = (1 - zoom)[:, None] * (2 * torch.rand(count, 2, generator=generator) - 1)
        theta = torch.zeros(count, 2, 3)
        theta[:, 0, 0], theta[:, 1, 1], theta[:, :, 2] = zoom * flip, zoom, centre
        grid = F.affine_grid(theta, (count, 3, size, size), align_corners=False)
        windows = F.grid_sample(
            self.pictures[index].float() / 255, grid, mode="bilinear", padding_mode="reflection", align_corners=False
        )
        gain = 0.75 + 0.45 * torch.rand(count, 1, 1, 1, generator=generator)
        return (windows * gain).clamp(0, 1)


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


def _scenery(count: int, size: int, generator: Generator) -> Tensor:
    """Coloured noise of several scales with a few straight edges, as stand-in for rooms and streets."""
    picture = torch.rand(count, 3, 1, 1, generator=generator).expand(count, 3, size, size).clone()
    for cells, strength in ((3, 0.5), (8, 0.3), (24, 0.2), (size // 3, 0.12)):
        noise = torch.rand(count, 3, cells, cells, generator=generator) - 0.5
        picture = picture + strength * F.interpolate(noise, size=(size, size), mode="bilinear", align_corners=False)
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, size), torch.linspace(-1, 1, size), indexing="ij")
    for _ in range(4):
        angle = 6.28 * torch.rand(count, 1, 1, generator=generator)
        offset = 1.6 * torch.rand(count, 1, 1, generator=generator) - 0.8
        beyond = (torch.cos(angle) * columns + torch.sin(angle) * rows > offset)[:, None]
        shade = 0.5 * torch.rand(count, 3, 1, 1, generator=generator) - 0.25
        picture = picture + torch.where(beyond, shade, torch.zeros_like(shade))
    return picture.clamp(0, 1)
