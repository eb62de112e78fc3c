"""Which model was measured: checksums that let a figure be traced to what made it."""

from __future__ import annotations

from pathlib import Path

import torch

import meshrec
from meshrec.assets import asset_path, sha256_of_file
from meshrec.build import DEFAULT_WEIGHTS, Surface
from meshrec.evaluation.surface_points import SurfaceRuler
from meshrec.pipeline import MeshModel


def model_words(weights: str | Path | None, model: MeshModel, surface: Surface) -> dict[str, str]:
    """The weights, and the surface that figures are taken on."""
    path = asset_path(DEFAULT_WEIGHTS) if weights is None else Path(weights)
    similarity = "measurable" if SurfaceRuler(surface).distances is not None else "not measurable for this body"
    return {
        "weights": path.name,
        "weights_sha256": sha256_of_file(path),
        "body_hash": surface.body.hash,
        "atlas_hash": surface.atlas.hash,
        "charts_hash": surface.charts.hash,
        "surface_distances": similarity,
        "crop_px": str(model.input_size),
        "meshes": "the net's own" if model.fitter is None else "bodies fitted to what the net found",
        "computed_by": f"meshrec {meshrec.__version__}, torch {torch.__version__}, {model.device.type}",
    }
