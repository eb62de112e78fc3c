"""Runs the steps that turn packs of MakeHuman assets into one wardrobe."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch

from meshrec.data.wardrobe.build.binding import bind
from meshrec.data.wardrobe.build.figure import Figure, load_figure
from meshrec.data.wardrobe.build.garments import Surface, neighbour_means, pushed_out, smoothed_by_distance
from meshrec.data.wardrobe.build.packs import Asset, read_pack
from meshrec.data.wardrobe.build.proxy_files import read_proxy, read_textured_mesh
from meshrec.data.wardrobe.build.skins import RESOLUTION, AtlasPoints, atlas_points, sampled, skin_in_atlas
from meshrec.data.wardrobe.build.textures import opaque_texture, read_picture, seen_faces, texture_coordinates
from meshrec.data.wardrobe.layers import KINDS, Layer, Wardrobe
from meshrec.uv.atlas import UvAtlas

_DECIMETRE = 0.1


def build_wardrobe(folders: Iterable[str | Path], progress: Callable[[Iterable], Iterable] = iter) -> Wardrobe:
    """The wardrobe of all packs.

    Args:
        folders: of the packs.
        progress: wraps the list of garments, for a progress bar.
    """
    assets = [asset for folder in folders for asset in read_pack(folder)]
    figure, atlas = load_figure(), UvAtlas.from_file()
    atlas.check_body(figure.body.hash)
    layers = [
        layer
        for asset in progress([asset for asset in assets if asset.kind in KINDS])
        for layer in make_layers(asset, figure)
    ]
    points = atlas_points(figure, atlas)
    skins = [asset for asset in assets if asset.kind == "skin" and not asset.painted_suit]
    return Wardrobe(
        layers=tuple(layers),
        skins=_stacked([skin_in_atlas(read_picture(skin.files["diffuse"])[..., :3], points) for skin in skins], 3),
        skin_names=tuple(skin.name for skin in skins),
        skin_sex=tuple(skin.sex for skin in skins),
        skin_tone=tuple(skin.tone for skin in skins),
        skin_age=tuple(skin.age for skin in skins),
        brows=_stacked([], 4),
        iris_mask=torch.zeros(RESOLUTION, RESOLUTION, dtype=torch.uint8),
        irises=torch.zeros(0, 3, dtype=torch.uint8),
        body_hash=figure.body.hash,
        atlas_hash=atlas.hash,
    )


def make_layers(asset: Asset, figure: Figure) -> list[Layer]:
    """The layer of a garment, and one for each further texture."""
    base_count = len(figure.base_rest)
    proxy = read_proxy(asset.files["mhclo"], base_count)
    mesh = read_textured_mesh(asset.files["obj"])
    fitted = _DECIMETRE * proxy.fitted(figure.base_rest / _DECIMETRE)
    points = figure.posed(fitted, proxy.blended(figure.base.weights))
    picture = read_picture(asset.files["diffuse"])
    texture = opaque_texture(picture)
    texcoords = texture_coordinates(mesh.face_texcoords, texture.shape[:2])
    seen = seen_faces(texcoords, picture[..., 3])
    faces, texcoords = mesh.faces[seen], texcoords[seen]
    used, faces = np.unique(faces, return_inverse=True)
    faces, points = faces.reshape(-1, 3), points[used]

    body = figure.body
    surface = Surface(
        figure.vertices,
        figure.normals,
        figure.faces,
        body.shape_directions.double().numpy(),
        body.skinning_weights.double().numpy(),
    )
    hidden = np.isin(figure.hm08_vertex, proxy.deleted)
    means = neighbour_means(faces, points)
    points = pushed_out(points, means, surface, ~hidden)
    binding = bind(points, surface.vertices, surface.faces)
    directions = smoothed_by_distance(
        binding.read(surface.shape_directions, surface.faces).reshape(len(points), -1), means, binding.distance
    ).reshape(len(points), 3, -1)
    weights = smoothed_by_distance(binding.read(surface.skinning_weights, surface.faces), means, binding.distance)
    textures = [(asset.name, texture)]
    textures += [(path.stem, opaque_texture(read_picture(path))) for path in asset.other_textures]
    return [
        Layer(
            name,
            asset.kind,
            asset.sex,
            torch.from_numpy(points).float(),
            torch.from_numpy(directions).float(),
            torch.from_numpy(weights / weights.sum(1, keepdims=True)).float(),
            torch.from_numpy(faces),
            torch.from_numpy(texcoords).float(),
            torch.from_numpy(picture),
            torch.from_numpy(binding.face),
            torch.from_numpy(binding.barycentric).float(),
            torch.from_numpy(hidden),
            asset.licence,
            asset.author,
        )
        for name, picture in textures
    ]


def _stacked(images: list[np.ndarray], channels: int) -> torch.Tensor:
    if not images:
        return torch.zeros(0, RESOLUTION, RESOLUTION, channels, dtype=torch.uint8)
    return torch.from_numpy(np.stack(images))
