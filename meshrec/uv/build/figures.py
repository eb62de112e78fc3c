"""How good an atlas is: flips, overlap, coverage, stretch, and what the way through a location map costs."""

from __future__ import annotations

import numpy as np
import torch

from meshrec.uv.atlas import UvAtlas
from meshrec.uv.build.flatten import euler_number, signed_areas, triangle_areas
from meshrec.uv.build.template import JOINT_NUMBERS
from meshrec.uv.locate import count_cover
from meshrec.uv.transfer import map_to_vertices, vertices_to_map

HAND_JOINTS = [*JOINT_NUMBERS["left_hand"], *JOINT_NUMBERS["right_hand"]]


def atlas_figures(
    atlas: UvAtlas, vertices: np.ndarray | None = None, weights: np.ndarray | None = None
) -> dict[str, float]:
    """Counts and shares of an atlas; with a body also stretch and the error of the way through a map and back.

    Args:
        vertices: (V, 3) positions, metres.
        weights: (V, 24) skinning weights in SMPL's order, to report the hands on their own.
    """
    texcoords, faces = atlas.texcoords.double().numpy(), atlas.texture_faces.numpy()
    areas = signed_areas(texcoords, faces)
    cover = count_cover(texcoords[faces], 1024)
    figures = {
        "faces": len(faces),
        "texture_vertices": len(texcoords),
        "seam_vertices": int((atlas.copies > 1).sum()),
        "euler_number": euler_number(faces),
        "flipped": int(min((areas <= 0).sum(), (areas >= 0).sum())),
        "coverage_percent": 100.0 * (cover > 0).mean(),
        "overlap_percent": 100.0 * (cover > 1).sum() / (cover > 0).sum(),
    }
    if vertices is not None:
        hands = None if weights is None else weights[:, HAND_JOINTS].sum(axis=1) > 0.5
        figures |= _stretch(texcoords, faces, vertices[atlas.faces.numpy()], areas)
        for resolution in (64, 128, 256):
            figures |= _round_trip(atlas, vertices, resolution, hands)
    return figures


def _stretch(texcoords: np.ndarray, faces: np.ndarray, corners: np.ndarray, areas: np.ndarray) -> dict[str, float]:
    """Singular values of the map from the body to the atlas."""
    edges = (corners[:, 1:] - corners[:, :1]).transpose(0, 2, 1)
    q, r = np.linalg.qr(edges)
    flat = (texcoords[faces[:, 1:]] - texcoords[faces[:, :1]]).transpose(0, 2, 1)
    stretch = np.linalg.svd(flat @ np.linalg.inv(r), compute_uv=False)
    density = np.abs(areas) / triangle_areas(corners.reshape(-1, 3), np.arange(3 * len(faces)).reshape(-1, 3))
    ratio = stretch[:, 0] / stretch[:, 1]
    return {
        "anisotropy_median": float(np.median(ratio)),
        "anisotropy_p95": float(np.percentile(ratio, 95)),
        "density_p5": float(np.percentile(density, 5) / np.median(density)),
        "density_p95": float(np.percentile(density, 95) / np.median(density)),
    }


def _round_trip(atlas: UvAtlas, vertices: np.ndarray, resolution: int, hands: np.ndarray | None) -> dict[str, float]:
    points = torch.from_numpy(vertices)[None]
    back = map_to_vertices(vertices_to_map(points, atlas.texels(resolution)), atlas)
    error_mm = 1000.0 * (back - points)[0].norm(dim=1).numpy()
    name = f"round_trip_{resolution}"
    figures = {
        f"{name}_mean_mm": error_mm.mean(),
        f"{name}_p99_mm": np.percentile(error_mm, 99),
        f"{name}_max_mm": error_mm.max(),
        f"{name}_seam_mean_mm": error_mm[(atlas.copies > 1).numpy()].mean(),
    }
    if hands is not None:
        figures[f"{name}_hands_mean_mm"] = error_mm[hands].mean()
    return {key: float(value) for key, value in figures.items()}
