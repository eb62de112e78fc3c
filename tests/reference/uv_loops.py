"""Slow, obvious twins of the atlas' transfers: one texel, pixel or vertex at a time."""

import torch


def image_to_uv_loop(features, mask, uv, resolution):
    """Carry features (B, C, H, W) to (B, C + 3, R, R) pixel by pixel."""
    batch, channels, height, width = features.shape
    result = torch.zeros(batch, channels + 3, resolution, resolution, dtype=features.dtype)
    hits = torch.zeros(batch, resolution, resolution)
    for b in range(batch):
        for i in range(height):
            for j in range(width):
                if mask[b, i, j] > 0.5:
                    column = min(max(round(float(uv[b, 0, i, j]) * (resolution - 1)), 0), resolution - 1)
                    row = min(max(round(float(uv[b, 1, i, j]) * (resolution - 1)), 0), resolution - 1)
                    result[b, :channels, row, column] += features[b, :, i, j]
                    result[b, channels, row, column] += 2 * j / (width - 1) - 1
                    result[b, channels + 1, row, column] += 2 * i / (height - 1) - 1
                    hits[b, row, column] += 1
    result[:, :-1] /= hits.clamp(min=1)[:, None]
    result[:, -1] = (hits > 0).float()
    return result


def read_vertices_loop(location_map, texcoords, texture_to_vertex):
    """Corner-aligned bilinear reading of (C, R, R) at texture vertices, copies averaged: (V, C)."""
    size = location_map.shape[-1]
    sums, counts = {}, {}
    for (u, v), owner in zip(texcoords.tolist(), texture_to_vertex.tolist(), strict=True):
        x, y = u * (size - 1), v * (size - 1)
        j, i = min(int(x), size - 2), min(int(y), size - 2)
        right, down = x - j, y - i
        value = (
            (1 - right) * (1 - down) * location_map[:, i, j]
            + right * (1 - down) * location_map[:, i, j + 1]
            + (1 - right) * down * location_map[:, i + 1, j]
            + right * down * location_map[:, i + 1, j + 1]
        )
        sums[owner] = sums.get(owner, 0) + value
        counts[owner] = counts.get(owner, 0) + 1
    return torch.stack([sums[owner] / counts[owner] for owner in sorted(sums)])


def triangle_at(point, corners):
    """Number of the first triangle (F, 3, 2) that holds a point, or -1, and its barycentric coordinates."""
    for number, (a, b, c) in enumerate(corners.tolist()):
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        second = ((point[0] - a[0]) * (c[1] - a[1]) - (point[1] - a[1]) * (c[0] - a[0])) / area
        third = ((b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0])) / area
        if min(1 - second - third, second, third) >= -1e-9:
            return number, (1 - second - third, second, third)
    return -1, (0.0, 0.0, 0.0)
