"""Slow, obvious twins of decoding and pasting DensePose-style charts: one pixel at a time."""

import math

import torch


def stretched_value(channel, row, column, height, width):
    """Bilinear value of an S x S map at the centre of a pixel of the H x W box that it is stretched over."""
    size = len(channel)
    x = min(max((column + 0.5) * size / width - 0.5, 0.0), size - 1.0)
    y = min(max((row + 0.5) * size / height - 0.5, 0.0), size - 1.0)
    j, i = min(int(x), size - 2), min(int(y), size - 2)
    right, down = x - j, y - i
    upper = (1 - right) * channel[i][j] + right * channel[i][j + 1]
    lower = (1 - right) * channel[i + 1][j] + right * channel[i + 1][j + 1]
    return (1 - down) * upper + down * lower


def decode_loop(coarse_segm, fine_segm, u, v, box_xyxy):
    """Labels (H, W) and UV (2, H, W) of maps (C, S, S) of one person, and the pixel at the first corner."""
    left, top, right, bottom = box_xyxy
    height, width = max(int(bottom - top), 1), max(int(right - left), 1)
    labels, uv = torch.zeros(height, width, dtype=torch.long), torch.zeros(2, height, width)
    coarse, fine, u, v = coarse_segm.tolist(), fine_segm.tolist(), u.tolist(), v.tolist()
    for i in range(height):
        for j in range(width):
            limbs = [stretched_value(channel, i, j, height, width) for channel in coarse]
            parts = [stretched_value(channel, i, j, height, width) for channel in fine]
            part = parts.index(max(parts)) if limbs.index(max(limbs)) > 0 else 0
            if part:
                labels[i, j] = part
                uv[:, i, j] = torch.tensor([stretched_value(maps[part], i, j, height, width) for maps in (u, v)])
    return labels, uv, (math.trunc(left), math.trunc(top))


def paste_loop(charts, scores, height, width):
    """Labels, UV and person of a photo from (labels, uv, (left, top)) of each person: the best claimant of a pixel."""
    labels = torch.zeros(height, width, dtype=torch.long)
    uv, person = torch.zeros(2, height, width), torch.zeros(height, width, dtype=torch.long)
    for i in range(height):
        for j in range(width):
            best = -1.0
            for number, ((part, chart_uv, (left, top)), score) in enumerate(zip(charts, scores, strict=True), start=1):
                inside = 0 <= i - top < part.shape[0] and 0 <= j - left < part.shape[1]
                if inside and part[i - top, j - left] > 0 and score > best:
                    best = score
                    labels[i, j], person[i, j] = part[i - top, j - left], number
                    uv[:, i, j] = chart_uv[:, i - top, j - left]
    return labels, uv, person
