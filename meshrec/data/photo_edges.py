"""Photos made smaller, so that people at their edges are cut off as in pictures of close groups and tables.

Edges (left, top, right, bottom) are in continuous pixels of the photo; infinite ones cut nothing.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Generator

# How often each edge cuts: people are cut at the bottom far more often than at the head.
_SIDES = torch.tensor([0.16, 0.08, 0.16, 0.6])
_LEAST_CUT, _MOST_CUT = 0.08, 0.5  # of the box's width or height


def draw_edges(boxes_xywh_px: np.ndarray, share: float, generator: Generator) -> np.ndarray:
    """Edges (N, 4) that cut a share of the boxes (N, 4) at one side, and nothing of the others."""
    count = len(boxes_xywh_px)
    cut = (torch.rand(count, generator=generator) < share).numpy()
    side = torch.multinomial(_SIDES, max(count, 1), replacement=True, generator=generator).numpy()[:count]
    part = (_LEAST_CUT + (_MOST_CUT - _LEAST_CUT) * torch.rand(count, generator=generator)).numpy()
    edges = np.tile(np.array([-np.inf, -np.inf, np.inf, np.inf]), (count, 1))
    low, span = boxes_xywh_px[:, :2], boxes_xywh_px[:, 2:]
    near = np.concatenate([low + part[:, None] * span, low + (1 - part[:, None]) * span], 1)
    chosen = cut[:, None] & (side[:, None] == np.arange(4))
    return np.where(chosen, near, edges)


def boxes_within(boxes_xywh_px: np.ndarray, edges_px: np.ndarray) -> np.ndarray:
    """The parts of boxes (N, 4) of left, top, width, height that edges (N, 4) leave."""
    low = np.maximum(boxes_xywh_px[:, :2], edges_px[:, :2])
    high = np.minimum(boxes_xywh_px[:, :2] + boxes_xywh_px[:, 2:], edges_px[:, 2:])
    return np.concatenate([low, np.maximum(high - low, 0)], 1)


def points_within(points_px: np.ndarray, edges_px: np.ndarray) -> np.ndarray:
    """Which of points (N, J, 2) edges (N, 4) leave, (N, J) bool."""
    return ((points_px >= edges_px[:, None, :2]) & (points_px < edges_px[:, None, 2:])).all(-1)


def pixels_within(pixels: np.ndarray, edges_px: np.ndarray) -> np.ndarray:
    """An image (H, W, ...) that is zero beyond edges (4,)."""
    if np.isinf(edges_px).all():
        return pixels
    height, width = pixels.shape[:2]
    left, top, right, bottom = np.round(np.clip(edges_px, 0, [width, height, width, height])).astype(int)
    kept = np.zeros_like(pixels)
    kept[top:bottom, left:right] = pixels[top:bottom, left:right]
    return kept
