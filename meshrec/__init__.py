"""meshrec: dense 3D human shape reconstruction from one photo.

The public names are resolved on first use, so that importing the package is cheap and needs no torch.
"""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

_PUBLIC = {
    "load_model": "meshrec.load",
    "reconstruct": "meshrec.pipeline",
    "find_people": "meshrec.pipeline",
    "save_mesh": "meshrec.export",
    "save_params": "meshrec.export",
    "save_skeleton": "meshrec.export",
    "with_body_params": "meshrec.fitting.from_mesh",
    "read_photo": "meshrec.data.photo",
    "draw_overlay": "meshrec.vis.overlay",
    "BodyModel": "meshrec.body",
    "UvAtlas": "meshrec.uv",
    "rasterize": "meshrec.render",
    "MeshPrediction": "meshrec.structures",
    "MeshrecError": "meshrec.errors",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str):
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'meshrec' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
