"""Meshes to pixels: visibility, interpolation, silhouettes' gradients and simple shading."""

from meshrec.render.rasterize import BACKENDS, Fragments, Rasterizer, interpolate, rasterize

__all__ = ["BACKENDS", "Fragments", "Rasterizer", "interpolate", "rasterize"]
