"""Meshes drawn over the photograph that they were reconstructed from."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from meshrec.errors import InvalidInput
from meshrec.geometry.meshes import vertex_normals
from meshrec.geometry.projection import project_pinhole
from meshrec.render import interpolate, rasterize
from meshrec.structures import MeshPrediction, PinholeCamera
from meshrec.vis.colours import person_colour

_NEAR_M = 0.05
_SMOOTH_AREA_PX = 1_500_000  # regions up to this size are drawn at twice the resolution for smooth outlines
_AMBIENT = 0.25
# Directions towards the lights in the camera frame and their strengths: one above the viewer's left, one frontal.
_LIGHTS = (((-0.5, -0.6, -0.62), 0.55), ((0.2, 0.0, -0.98), 0.35))


def draw_overlay(image: np.ndarray, predictions: Sequence[MeshPrediction], *, opacity: float = 0.9) -> np.ndarray:
    """The photo with the people's meshes drawn over it; nearer surfaces hide farther ones.

    Args:
        image: (H, W, 3) uint8 RGB, the photo as it was worked on.
        predictions: people of this photo; none gives the photo back.
        opacity: of the meshes, 0 to 1.
    Returns:
        (H, W, 3) uint8 RGB.
    Raises:
        InvalidInput: another image than the predictions belong to, or predictions with different cameras.
    """
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise InvalidInput("An overlay needs the photo as a uint8 array of shape (height, width, 3).")
    if len(predictions) == 0:
        return image.copy()
    camera = _common_camera(predictions, image.shape[:2])
    vertices, faces, normals, colours = _as_one_mesh(predictions)
    box = _visible_box(vertices, camera)
    if box is None:
        return image.copy()
    left, top, right, bottom = box
    shading, coverage = _shade(vertices, faces, normals, colours, camera, box)
    drawn = image.copy()
    photo = torch.from_numpy(image[top:bottom, left:right]).to(shading)
    alpha = opacity * coverage[..., None]
    blended = photo * (1 - alpha) + 255 * opacity * shading
    drawn[top:bottom, left:right] = (blended + 0.5).clamp(0, 255).to(torch.uint8).cpu().numpy()
    return drawn


def _common_camera(predictions: Sequence[MeshPrediction], image_size: tuple[int, int]) -> PinholeCamera:
    camera = predictions[0].camera
    for other in (prediction.camera for prediction in predictions):
        if tuple(other.image_size) != tuple(image_size):
            raise InvalidInput(f"The prediction belongs to a photo of {other.image_size[1]} x {other.image_size[0]} "
                               f"pixels, the image to draw on has {image_size[1]} x {image_size[0]}.")
        if not (torch.equal(other.focal_px, camera.focal_px) and torch.equal(other.centre_px, camera.centre_px)):
            raise InvalidInput("People in one overlay must share one camera; draw them one after the other.")
    return camera


def _as_one_mesh(predictions: Sequence[MeshPrediction]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Vertices (V, 3), faces (F, 3), normals (V, 3) and colours (V, 3) of everybody together."""
    start, vertices, faces, normals, colours = 0, [], [], [], []
    for index, person in enumerate(predictions):
        points = person.vertices_cam.detach().float()
        vertices.append(points)
        faces.append(person.faces + start)
        normals.append(vertex_normals(points, person.faces))
        colours.append(points.new_tensor(person_colour(index)).expand_as(points))
        start += len(points)
    return torch.cat(vertices), torch.cat(faces), torch.cat(normals), torch.cat(colours)


def _visible_box(vertices: Tensor, camera: PinholeCamera) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom of the part of the photo that the meshes may touch; None where there is none."""
    height, width = camera.image_size
    if bool((vertices[:, 2] < _NEAR_M).any()):
        return 0, 0, width, height  # a mesh that reaches behind the camera may appear anywhere
    points_px = project_pinhole(vertices, camera.focal_px[0], camera.centre_px[0])
    low, high = points_px.amin(0).tolist(), points_px.amax(0).tolist()
    left, top = (max(0, math.floor(value)) for value in low)
    right, bottom = min(width, math.ceil(high[0])), min(height, math.ceil(high[1]))
    return (left, top, right, bottom) if left < right and top < bottom else None


def _shade(vertices: Tensor, faces: Tensor, normals: Tensor, colours: Tensor, camera: PinholeCamera,
           box: tuple[int, int, int, int]) -> tuple[Tensor, Tensor]:
    """Lit colours (h, w, 3), zero where nothing is seen, and coverage (h, w) from 0 to 1 of one region of the photo."""
    left, top, right, bottom = box
    size = (bottom - top, right - left)
    finer = 2 if size[0] * size[1] <= _SMOOTH_AREA_PX else 1
    region = PinholeCamera(camera.focal_px, camera.centre_px - camera.centre_px.new_tensor([left, top]), size)
    fragments = rasterize(vertices[None], faces, region, (size[0] * finer, size[1] * finer), near=_NEAR_M)
    attributes = torch.cat([normals, colours], dim=1)[None]
    normal, colour = interpolate(fragments, faces, attributes)[0].split(3)
    normal = F.normalize(normal, dim=0)
    brightness = _AMBIENT + sum(strength * _facing(normal, direction) for direction, strength in _LIGHTS)
    seen = fragments.mask[0].to(normal)
    picture = torch.cat([colour * brightness.clamp(max=1) * seen, seen[None]])
    picture = F.avg_pool2d(picture[None], finer)[0]
    return picture[:3].permute(1, 2, 0), picture[3]


def _facing(normal: Tensor, direction: tuple[float, float, float]) -> Tensor:
    """(H, W) cosine between normals (3, H, W) and a light, 0 where they turn away."""
    towards = F.normalize(normal.new_tensor(direction), dim=0)
    return torch.einsum("chw,c->hw", normal, towards).clamp(min=0)
