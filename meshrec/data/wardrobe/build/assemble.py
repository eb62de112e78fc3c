"""Runs the steps that turn packs of MakeHuman assets into one wardrobe."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch

from meshrec.data.wardrobe.build.cutouts import cut_out
from meshrec.data.wardrobe.build.decimation import decimated
from meshrec.data.wardrobe.build.faces import brow_in_atlas, eye_angles, iris_colour, iris_share, paint_eyes
from meshrec.data.wardrobe.build.figure import Figure, load_figure
from meshrec.data.wardrobe.build.garments import dress
from meshrec.data.wardrobe.build.hiding import covered
from meshrec.data.wardrobe.build.packs import Asset, read_pack
from meshrec.data.wardrobe.build.proxy_files import Proxy, TexturedMesh, read_proxy, read_textured_mesh
from meshrec.data.wardrobe.build.skins import RESOLUTION, AtlasPoints, as_map, atlas_points, filled, sampled
from meshrec.data.wardrobe.build.textures import opaque_texture, read_picture, texture_coordinates
from meshrec.data.wardrobe.layers import KINDS, Layer, Wardrobe
from meshrec.errors import InvalidInput
from meshrec.structures.joints import SMPL24
from meshrec.uv.atlas import UvAtlas

_DECIMETRE = 0.1
# Vertices that a layer needs at the sizes at which nets see people; small things were modelled for close-ups.
_VERTICES = {"shoes": 900, "hat": 500, "glasses": 500, "hair": 2500}
_MOST_VERTICES = 3000
# What moves things on the head; long hair lies on the back. The first takes over from joints that are not listed.
_CARRIERS = {"hat": ("head",), "glasses": ("head",), "hair": ("spine3", "neck", "head")}


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
    angles = eye_angles(figure, points)
    eyes = [asset for asset in assets if asset.kind == "eye_texture"]
    irises = np.array([iris_colour(read_picture(eye.files["diffuse"])) for eye in eyes]).reshape(-1, 3)
    return Wardrobe(
        layers=tuple(layers),
        skins=_stacked([_skin(skin, points, angles, irises) for skin in skins], 3),
        skin_names=tuple(skin.name for skin in skins),
        skin_sex=tuple(skin.sex for skin in skins),
        skin_tone=tuple(skin.tone for skin in skins),
        skin_age=tuple(skin.age for skin in skins),
        brows=_stacked([_brow(asset, figure, points) for asset in assets if asset.kind == "eyebrows"], 4),
        iris_mask=torch.from_numpy(as_map(np.rint(255 * iris_share(angles)).astype(np.uint8), points)),
        irises=torch.from_numpy(np.rint(irises).astype(np.uint8)),
        body_hash=figure.body.hash,
        atlas_hash=atlas.hash,
    )


def _skin(asset: Asset, points: AtlasPoints, angles: np.ndarray, irises: np.ndarray) -> np.ndarray:
    colours = sampled(read_picture(asset.files["diffuse"])[..., :3], points.base_texcoords)
    brown = 0.6 * irises[(irises[:, 0] - irises[:, 2]).argmax()] if len(irises) else np.array([60.0, 40.0, 30.0])
    return filled(paint_eyes(colours, angles, brown), points)


def _brow(asset: Asset, figure: Figure, points: AtlasPoints) -> np.ndarray:
    mesh, vertices, _ = _fitted(asset, figure)
    return brow_in_atlas(vertices, mesh.faces, mesh.face_texcoords, read_picture(asset.files["diffuse"]), points)


def _fitted(asset: Asset, figure: Figure) -> tuple[TexturedMesh, np.ndarray, Proxy]:
    """A garment's mesh, its vertices over our template, and how it hangs on the base mesh."""
    proxy = read_proxy(asset.files["mhclo"], len(figure.base_rest))
    mesh = read_textured_mesh(asset.files["obj"])
    if len(mesh.vertices) != len(proxy.references):
        raise InvalidInput(
            f"{asset.files['obj']} has {len(mesh.vertices)} vertices, but its .mhclo places {len(proxy.references)}."
        )
    fitted = _DECIMETRE * proxy.fitted(figure.base_rest / _DECIMETRE)
    return mesh, figure.posed(fitted, proxy.blended(figure.base.weights)), proxy


def make_layers(asset: Asset, figure: Figure) -> list[Layer]:
    """The layer of a garment, and one for each further texture."""
    mesh, points, proxy = _fitted(asset, figure)
    picture = read_picture(asset.files["diffuse"])
    texture = opaque_texture(picture)
    mesh = TexturedMesh(points, mesh.faces, texture_coordinates(mesh.face_texcoords, texture.shape[:2]))
    mesh = decimated(cut_out(mesh, picture[..., 3]), _VERTICES.get(asset.kind, _MOST_VERTICES))
    hidden = np.isin(figure.hm08_vertex, proxy.deleted)
    fit = dress(mesh, figure.surface, hidden, [SMPL24.index(joint) for joint in _CARRIERS.get(asset.kind, ())])
    if asset.kind != "hair":  # there are gaps between strands
        hidden |= covered(TexturedMesh(fit.vertices, mesh.faces, mesh.face_texcoords), figure.surface)
    textures = [(asset.name, texture)]
    textures += [(path.stem, opaque_texture(read_picture(path))) for path in asset.other_textures]
    return [
        Layer(
            name,
            asset.kind,
            asset.sex,
            torch.from_numpy(fit.vertices).float(),
            torch.from_numpy(fit.shape_directions).float(),
            torch.from_numpy(fit.skinning_weights).float(),
            torch.from_numpy(mesh.faces),
            torch.from_numpy(mesh.face_texcoords).float(),
            torch.from_numpy(picture),
            torch.from_numpy(fit.binding.face),
            torch.from_numpy(fit.binding.barycentric).float(),
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
