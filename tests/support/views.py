"""Cameras together with what the slow rasteriser needs to know about them, and triangles to look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from meshrec.structures import PinholeCamera, WeakPerspectiveCamera


@dataclass(frozen=True)
class View:
    """One camera and its own account of its geometry.

    Attributes:
        to_ray: (column, row) in pixels -> origin (3,) and direction (3,) of unit depth.
        to_pixel: (3,) point -> (2,) pixel.
        near: smallest visible depth in metres, None without a near plane.
    """

    camera: PinholeCamera | WeakPerspectiveCamera
    size: tuple[int, int]
    to_ray: Callable
    to_pixel: Callable
    near: float | None


def pinhole_view(size=(11, 17), focal_px=(14.0, 12.0), centre_px=(8.0, 5.5), near=0.05) -> View:
    focal, centre = np.array(focal_px), np.array(centre_px)
    return View(
        PinholeCamera(torch.tensor([focal_px]), torch.tensor([centre_px]), size), size,
        lambda column, row: (np.zeros(3), np.append((np.array([column, row]) - centre) / focal, 1.0)),
        lambda point: point[:2] / point[2] * focal + centre, near,
    )


def weak_view(size=(11, 17), scale=0.6, translation=(0.1, -0.05)) -> View:
    half, shift = np.array([size[1] / 2, size[0] / 2]), np.array(translation)
    return View(
        WeakPerspectiveCamera(torch.tensor([scale]), torch.tensor([translation])), size,
        lambda column, row: (
            np.append((np.array([column, row]) / half - 1) / scale - shift, 0.0), np.array([0.0, 0.0, 1.0])),
        lambda point: (scale * (point[:2] + shift) + 1) * half, None,
    )


VIEWS = {"pinhole": pinhole_view, "weak_perspective": weak_view}


def triangle_soup(seed: int, count: int = 12, depth_m: float = 3.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Separate random triangles about a metre wide around (0, 0, depth_m): (3 count, 3) vertices, (count, 3) faces."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(count, 1, 3, generator=generator) * 0.6
    corners = centres + torch.randn(count, 3, 3, generator=generator) * 0.5
    return corners.reshape(-1, 3) + torch.tensor([0.0, 0.0, depth_m]), torch.arange(3 * count).view(count, 3)


def height_field(rows: int = 9, columns: int = 9, depth_m: float = 3.0) -> tuple[torch.Tensor, torch.Tensor]:
    """A wavy sheet without holes, 2 m wide, its front towards the camera: (V, 3) vertices, (F, 3) faces."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, rows), torch.linspace(-1, 1, columns), indexing="ij")
    vertices = torch.stack([x, y, depth_m + 0.1 * torch.sin(3 * x + 2 * y)], dim=-1).view(-1, 3)
    corner = (torch.arange(rows - 1)[:, None] * columns + torch.arange(columns - 1)).flatten()
    below = corner + columns
    upper = torch.stack([corner, below, corner + 1], dim=1)
    lower = torch.stack([corner + 1, below, below + 1], dim=1)
    return vertices, torch.cat([upper, lower])
