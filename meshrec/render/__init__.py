"""Meshes to pixels: visibility, interpolation, the gradients of outlines and simple shading."""

from meshrec.render.rasterize import BACKENDS, Fragments, Rasterizer, interpolate, rasterize
from meshrec.render.shade import (
    environment_light,
    lambert_light,
    normal_image,
    over_background,
    sample_texture,
    spherical_harmonics,
    turned_to_camera,
)
from meshrec.render.silhouette import add_edge_gradient, face_neighbours, silhouette

__all__ = [
    "BACKENDS", "Fragments", "Rasterizer", "add_edge_gradient", "environment_light", "face_neighbours", "interpolate",
    "lambert_light", "normal_image", "over_background", "rasterize", "sample_texture", "silhouette",
    "spherical_harmonics", "turned_to_camera",
]
