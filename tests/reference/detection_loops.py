"""Slow, obvious twins of the detector's box code, one box and one pixel at a time."""

import math

import numpy as np


def anchors(height: int, width: int, stride: int, size: float, ratios: list[float]) -> list[list[float]]:
    """Boxes around the corner of every cell, row by row; ratios are height over width at equal area."""
    boxes = []
    for row in range(height):
        for column in range(width):
            for ratio in ratios:
                box_width = math.sqrt(size * size / ratio)
                box_height = ratio * box_width
                x, y = column * stride, row * stride
                boxes.append([x - box_width / 2, y - box_height / 2, x + box_width / 2, y + box_height / 2])
    return boxes


def decode(box: list[float], delta: list[float], weights: tuple[float, ...]) -> list[float]:
    """Move and stretch one box, by no more than from 16 to 1000 pixels."""
    width, height = box[2] - box[0], box[3] - box[1]
    x = (box[0] + box[2]) / 2 + delta[0] / weights[0] * width
    y = (box[1] + box[3]) / 2 + delta[1] / weights[1] * height
    width *= min(math.exp(delta[2] / weights[2]), 1000 / 16)
    height *= min(math.exp(delta[3] / weights[3]), 1000 / 16)
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]


def intersection_over_union(a: list[float], b: list[float]) -> float:
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return width * height / (sum(areas) - width * height)


def suppressed(boxes: list[list[float]], scores: list[float], limit: float) -> list[int]:
    """Indices that remain, best first."""
    kept: list[int] = []
    for index in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        if all(intersection_over_union(boxes[index], boxes[other]) <= limit for other in kept):
            kept.append(index)
    return kept


def bilinear(feature: np.ndarray, y: float, x: float) -> float:
    """Value between the pixels of an (H, W) map; pixel (0, 0) lies at 0, outside is nothing."""
    height, width = feature.shape
    if y < -1 or y > height or x < -1 or x > width:
        return 0.0
    y, x = max(y, 0.0), max(x, 0.0)
    top, left = min(int(y), height - 1), min(int(x), width - 1)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    down, across = (0.0 if top == height - 1 else y - top), (0.0 if left == width - 1 else x - left)
    upper = feature[top, left] * (1 - across) + feature[top, right] * across
    lower = feature[bottom, left] * (1 - across) + feature[bottom, right] * across
    return upper * (1 - down) + lower * down


def pooled(feature: np.ndarray, box: list[float], stride: int, size: int, samples: int, half_pixel: bool) -> np.ndarray:
    """(size, size) averages of samples x samples points in each cell of a box over an (H, W) map."""
    offset = 0.5 if half_pixel else 0.0
    left, top, right, bottom = (edge / stride - offset for edge in box)
    width, height = right - left, bottom - top
    if not half_pixel:  # version 1 takes boxes below a cell of the map for one cell
        width, height = max(width, 1.0), max(height, 1.0)
    out = np.zeros((size, size))
    for row in range(size):
        for column in range(size):
            for i in range(samples):
                for j in range(samples):
                    y = top + (row + (i + 0.5) / samples) * height / size
                    x = left + (column + (j + 0.5) / samples) * width / size
                    out[row, column] += bilinear(feature, y, x) / samples**2
    return out
