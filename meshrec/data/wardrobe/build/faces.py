"""Paints eyes into the skins, and carries eyebrows and iris colours over."""

from __future__ import annotations

import cv2
import numpy as np

from meshrec.data.wardrobe.build.binding import bind
from meshrec.data.wardrobe.build.figure import Figure
from meshrec.data.wardrobe.build.skins import AtlasPoints, sampled

# Where MakeHuman's eye pictures show one eyeball from the front, as shares of their side: centre (x, y), its iris.
_EYE_CENTRE, _EYE_IRIS, _EYE_PUPIL = (0.703, 0.297), 0.117, 0.035
_HELPER_EYES = slice(14598, 14742)  # the eyeballs of hm08
_IRIS_ANGLE, _PUPIL_ANGLE = 0.42, 0.13  # radians seen from the eyeball's centre; an iris is 12 mm wide
_LIFTED = 0.0015  # metres by which our eye bulges out of the base mesh's socket
_BROW_REACH = 0.008  # metres; farther skin is not painted
_BROW_STRENGTH = 1.5  # thin brows would fade away among texels as large as they are
_TEXEL = 0.003  # metres of skin that a texel of the face shows, about
_WHITE = np.array([214.0, 205.0, 200.0])


def eye_angles(figure: Figure, points: AtlasPoints) -> np.ndarray:
    """(T,) angle in radians between the gaze and each texel of an eyeball, seen from its centre; inf elsewhere."""
    eyes = figure.base_straight[_HELPER_EYES]
    angles = np.full(len(points.points), np.inf)
    for side in (1, -1):
        eyeball = eyes[np.sign(eyes[:, 0]) == side]
        centre, radius = 0.5 * (eyeball.min(0) + eyeball.max(0)), 0.5 * np.ptp(eyeball[:, 0])
        away = points.points - centre
        distance = np.linalg.norm(away, axis=1)
        lifted = np.linalg.norm(points.points - points.own_points, axis=1) > _LIFTED
        bulge = lifted & (distance < 1.1 * radius) & (away[:, 2] > 0)
        angles[bulge] = np.arccos(away[bulge, 2] / distance[bulge])
    return angles


def paint_eyes(skin: np.ndarray, angles: np.ndarray, iris: np.ndarray) -> np.ndarray:
    """The skin (T, 3) with a white, an iris of the given colour and a pupil on the texels of the eyeballs."""
    eye = np.isfinite(angles)
    angle = angles[eye][:, None]
    # The white is shaded by lids and lashes and takes a little of the skin's brightness.
    white = _WHITE * np.clip(0.45 + 0.55 * skin[eye].mean() / 170, 0.5, 1)
    colour = white + _falling(angle, _IRIS_ANGLE) * (iris - white)
    colour += _falling(angle, _PUPIL_ANGLE) * (25.0 - colour)
    painted = skin.copy()
    painted[eye] = colour
    return painted


def iris_share(angles: np.ndarray) -> np.ndarray:
    """(T,) how much of each texel is iris, 0 to 1."""
    return _falling(angles, _IRIS_ANGLE) * (1 - _falling(angles, _PUPIL_ANGLE))


def iris_colour(picture: np.ndarray) -> np.ndarray:
    """(3,) mean colour of the iris in one of MakeHuman's eye pictures (H, W, 3 or 4)."""
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width]
    radius = np.hypot((x + 0.5) / width - _EYE_CENTRE[0], (y + 0.5) / height - _EYE_CENTRE[1])
    ring = (radius > _EYE_PUPIL) & (radius < 0.9 * _EYE_IRIS)
    return picture[ring][:, :3].mean(0)


def brow_in_atlas(
    vertices: np.ndarray, faces: np.ndarray, texcoords: np.ndarray, picture: np.ndarray, points: AtlasPoints
) -> np.ndarray:
    """(R, R, 4) uint8 RGBA of a brow mesh projected onto the skin.

    Args:
        vertices: (V, 3) of the brow over our template; faces: (F, 3).
        texcoords: (F, 3, 2) OBJ coordinates, v up.
        picture: (H, W, 4) uint8 RGBA.
    """
    low, high = vertices.min(0) - _BROW_REACH, vertices.max(0) + _BROW_REACH
    near = np.flatnonzero(((points.points > low) & (points.points < high)).all(1))
    binding = bind(points.points[near], vertices, faces)
    uv = np.einsum("tk,tkc->tc", binding.barycentric, texcoords[binding.face])
    rgba = sampled(_blurred(picture, _texels_per_metre(vertices, faces, texcoords, picture) * _TEXEL / 2), uv)
    image = np.zeros((points.resolution, points.resolution, 4), np.uint8)
    image[..., :3] = np.rint(_hair_colour(picture))
    image[points.row[near], points.column[near], 3] = np.rint((_BROW_STRENGTH * rgba[:, 3]).clip(0, 255))
    return image


def _falling(angle: np.ndarray, edge: float) -> np.ndarray:
    """1 inside the edge, 0 outside, softened over a texel's width."""
    return np.clip((edge - angle) / 0.15 + 0.5, 0, 1)


def _hair_colour(picture: np.ndarray) -> np.ndarray:
    weight = picture[..., 3:].astype(float)
    return (picture[..., :3] * weight).sum((0, 1)) / max(weight.sum(), 1.0)


def _texels_per_metre(vertices: np.ndarray, faces: np.ndarray, texcoords: np.ndarray, picture: np.ndarray) -> float:
    edges = np.linalg.norm(vertices[faces] - vertices[np.roll(faces, 1, axis=1)], axis=-1)
    height, width = picture.shape[:2]
    steps = np.linalg.norm((texcoords - np.roll(texcoords, 1, axis=1)) * [width, height], axis=-1)
    return float(np.median(steps[edges > 0] / edges[edges > 0]))


def _blurred(picture: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(picture, (0, 0), sigma)
