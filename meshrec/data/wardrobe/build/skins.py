"""Carries MakeHuman's skins, brows and eyes from its texture layout into our atlas."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

from meshrec.data.wardrobe.build.binding import bind
from meshrec.data.wardrobe.build.figure import Figure
from meshrec.uv.atlas import UvAtlas

RESOLUTION = 384
_SKIN_END = 13380  # base vertices from here on are helpers, eyes, teeth, tongue


@dataclass(frozen=True)
class AtlasPoints:
    """The texels of an R x R map that lie on the body, T of them.

    Attributes:
        row, column: (T,) where in the map.
        points: (T, 3) on our template.
        own_points: (T, 3) the same points before the base mesh's pockets were filled to make our template.
        base_texcoords: (T, 2) there in MakeHuman's texture layout, v up.
    """

    resolution: int
    row: np.ndarray
    column: np.ndarray
    points: np.ndarray
    own_points: np.ndarray
    base_texcoords: np.ndarray


def atlas_points(figure: Figure, atlas: UvAtlas, resolution: int = RESOLUTION) -> AtlasPoints:
    """Where each texel of our atlas lies on our template and on the base mesh's skin."""
    table = atlas.texels(resolution)
    row, column = np.nonzero(table.mask.numpy())
    index, weights = table.vertex_index.numpy()[row, column], table.barycentric.numpy()[row, column]
    base = figure.base_straight
    # Our vertices are base vertices, so each texel lies on the base mesh or, where ours is coarser, just beside it.
    own_points = np.einsum("tk,tkc->tc", weights, base[figure.hm08_vertex][index])
    skin = (figure.base.faces < _SKIN_END).all(1)
    binding = bind(own_points, base, figure.base.faces[skin])
    texcoords = np.einsum("tk,tkc->tc", binding.barycentric, figure.base.face_texcoords[skin][binding.face])
    points = np.einsum("tk,tkc->tc", weights, figure.vertices[index])
    return AtlasPoints(resolution, row, column, points, own_points, texcoords)


def as_map(values: np.ndarray, points: AtlasPoints) -> np.ndarray:
    """Values (T,) as an (R, R) map, zero where no texel lies on the body."""
    image = np.zeros((points.resolution, points.resolution), values.dtype)
    image[points.row, points.column] = values
    return image


def filled(colours: np.ndarray, points: AtlasPoints) -> np.ndarray:
    """Colours (T, 3), 0 to 255, as an (R, R, 3) uint8 map whose empty texels repeat the nearest filled one."""
    size = points.resolution
    image = np.zeros((size, size, 3), np.uint8)
    empty = np.ones((size, size), bool)
    image[points.row, points.column] = np.rint(colours.clip(0, 255))
    empty[points.row, points.column] = False
    row, column = distance_transform_edt(empty, return_distances=False, return_indices=True)
    return image[row, column]


def sampled(picture: np.ndarray, texcoords: np.ndarray) -> np.ndarray:
    """Bilinear colours (T, C) at OBJ texture coordinates (T, 2), v up."""
    height, width = picture.shape[:2]
    x = (texcoords[:, 0] * width - 0.5).astype(np.float32)
    y = ((1 - texcoords[:, 1]) * height - 0.5).astype(np.float32)
    # remap takes images below 32767 a side, so the points are laid out in a square.
    side = int(np.ceil(np.sqrt(len(x))))
    grid = np.zeros((2, side * side), np.float32)
    grid[:, : len(x)] = x, y
    read = cv2.remap(
        picture.astype(np.float32),
        grid[0].reshape(side, side),
        grid[1].reshape(side, side),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return read.reshape(side * side, -1)[: len(x)]
