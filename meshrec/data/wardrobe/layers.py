"""Clothes, hair and skins that fit one body, and the file that holds them.

A layer is an open triangle mesh over the body in its rest pose. It follows the body's shape and pose with its own shape
directions and skinning weights, so it is posed exactly as the body is. Skins and brows are drawn in the body's atlas.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from meshrec.assets import write_atomically
from meshrec.checks import check_shapes
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.geometry.meshes import interpolate_faces
from meshrec.geometry.skinning import blend_shapes

KINDS = (
    "outfit", "top", "trousers", "shorts", "skirt", "dress", "coat", "swimwear", "underwear", "sleeves",
    "shoes", "hat", "hair", "glasses",
)  # fmt: skip
_FORMAT = 1
# Coordinates in [0, 1] and weights keep 16 bits in the file: a 65535th of a texture or of a joint's pull.
_FULL_SCALE = 65535
_TEXT_FIELDS = ("name", "kind", "sex", "licence", "author")


@dataclass(frozen=True)
class Layer:
    """One garment, hat, pair of shoes or head of hair. Draw it two-sided, and leave out the body's hidden faces."""

    name: str
    kind: str  # one of KINDS
    sex: str  # female, male or unisex
    vertices: Tensor  # (V, 3) metres, over the mean body in its rest pose
    shape_directions: Tensor  # (V, 3, S) metres per unit of each shape coefficient
    skinning_weights: Tensor  # (V, J) rows sum to one
    faces: Tensor  # (F, 3) long, counter-clockwise seen from outside
    face_texcoords: Tensor  # (F, 3, 2) u, v in [0, 1] of each corner; v = 0 is the texture's top edge
    texture: Tensor  # (H, W, 3) uint8 RGB
    body_face: Tensor  # (V,) long, the body's face below each vertex
    body_barycentric: Tensor  # (V, 3) where on it
    hidden_vertices: Tensor  # (B,) bool, body vertices that nobody sees below this layer
    licence: str
    author: str

    def rest(self, betas: Tensor) -> Tensor:
        """The layer over bodies of other shapes in the rest pose.

        Args:
            betas: (B, S) shape coefficients of the body, at most as many as the layer has directions.
        Returns:
            (B, V, 3) metres.
        """
        return self.vertices + blend_shapes(betas, self.shape_directions)

    def carried(self, body_offsets: Tensor, body_faces: Tensor) -> Tensor:
        """Offsets of the body's vertices, such as those of its pose, carried over to the layer.

        Args:
            body_offsets: (..., B, 3) one offset for each vertex of the body.
            body_faces: (F, 3) the body's faces.
        Returns:
            (..., V, 3) the offset of the body's surface below each vertex.
        """
        return interpolate_faces(body_offsets, body_faces, self.body_face, self.body_barycentric)

    def to(self, device: torch.device | str) -> Layer:
        """The same layer on another device."""
        return Layer(
            **{
                field.name: value.to(device) if isinstance(value, Tensor) else value
                for field in fields(self)
                for value in [getattr(self, field.name)]
            }
        )


@dataclass(frozen=True)
class Wardrobe:
    """Everything to dress one body in, keyed to the body and its atlas by their hashes."""

    layers: tuple[Layer, ...]
    skins: Tensor  # (N, R, R, 3) uint8 RGB in the body's atlas, filled beyond the chart's border
    skin_names: tuple[str, ...]
    skin_sex: tuple[str, ...]  # female or male
    skin_tone: tuple[str, ...]  # african, asian or caucasian
    skin_age: tuple[str, ...]  # young, middleage or old
    brows: Tensor  # (M, R, R, 4) uint8 RGBA in the body's atlas
    iris_mask: Tensor  # (R, R) uint8, where the skins show an iris: 255 where another iris colour may be put
    irises: Tensor  # (K, 3) uint8 RGB colours of irises
    body_hash: str
    atlas_hash: str

    def by_kind(self, kind: str) -> tuple[Layer, ...]:
        """All layers of one of KINDS."""
        return tuple(layer for layer in self.layers if layer.kind == kind)

    def face(self, skin: int, brow: int | None = None, iris: int | None = None) -> Tensor:
        """(R, R, 3) uint8, one of the skins with other brows and another colour of the eyes."""
        image = self.skins[skin].float()
        if iris is not None:
            image = torch.lerp(image, self.irises[iris].float().expand_as(image), self.iris_mask[..., None] / 255)
        if brow is not None:
            image = torch.lerp(image, self.brows[brow, ..., :3].float(), self.brows[brow, ..., 3:] / 255)
        return image.round().to(torch.uint8)

    def check_body(self, body_hash: str, atlas_hash: str) -> None:
        """Raise InvalidInput when the wardrobe was made for another body or atlas."""
        for what, own, other in (("body", self.body_hash, body_hash), ("atlas", self.atlas_hash, atlas_hash)):
            if own != other:
                raise InvalidInput(
                    f"This wardrobe belongs to {what} {own}, not to {what} {other}; make one for it with "
                    "tools/build_wardrobe.py."
                )

    def save(self, path: str | Path) -> None:
        """Write the wardrobe as one npz without pickles."""
        arrays = {
            "format": np.array(_FORMAT),
            "layer_count": np.array(len(self.layers)),
            **{name: np.array(getattr(self, name)) for name in ("body_hash", "atlas_hash")},
            **{name: np.array(getattr(self, name), np.str_) for name in _SKIN_TEXTS},
            **{name: getattr(self, name).cpu().numpy() for name in _SKIN_ARRAYS},
        }
        for number, layer in enumerate(self.layers):
            arrays |= {f"layers/{number}/{name}": value for name, value in _packed(layer).items()}
        with write_atomically(path) as temporary:
            np.savez_compressed(temporary, **arrays)

    @classmethod
    def load(cls, path: str | Path) -> Wardrobe:
        """Read a wardrobe.

        Raises:
            AssetNotFound: there is no such file.
            InvalidInput: the file is damaged or no wardrobe.
        """
        path = Path(path)
        if not path.is_file():
            raise AssetNotFound(f"There is no wardrobe file {path}; tools/build_wardrobe.py makes one.")
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return _read(arrays)
        except (KeyError, ValueError, OSError, EOFError, TypeError, BadZipFile) as error:
            raise InvalidInput(
                f"{path} is damaged or not a meshrec wardrobe ({error}); tools/build_wardrobe.py makes one."
            ) from error


_SKIN_TEXTS = ("skin_names", "skin_sex", "skin_tone", "skin_age")
_SKIN_ARRAYS = ("skins", "brows", "iris_mask", "irises")


def _read(arrays: np.lib.npyio.NpzFile) -> Wardrobe:
    if int(arrays["format"]) != _FORMAT:
        raise ValueError(f"its format is {int(arrays['format'])}, this version of meshrec reads {_FORMAT}")
    return Wardrobe(
        layers=tuple(_layer(arrays, f"layers/{number}/") for number in range(int(arrays["layer_count"]))),
        **{name: torch.from_numpy(arrays[name]) for name in _SKIN_ARRAYS},
        **{name: tuple(arrays[name].tolist()) for name in _SKIN_TEXTS},
        body_hash=str(arrays["body_hash"]),
        atlas_hash=str(arrays["atlas_hash"]),
    )


def _packed(layer: Layer) -> dict[str, np.ndarray]:
    """The layer's arrays in as few bytes as their precision needs."""
    array = {field.name: getattr(layer, field.name) for field in fields(layer)}
    array = {
        name: value.cpu().numpy() if isinstance(value, Tensor) else np.array(value) for name, value in array.items()
    }
    array["vertices"] = array["vertices"].astype(np.float32)
    array["shape_directions"] = array["shape_directions"].astype(np.float16)
    for name in ("skinning_weights", "face_texcoords"):
        array[name] = np.rint(array[name].astype(np.float64).clip(0, 1) * _FULL_SCALE).astype(np.uint16)
    array["body_barycentric"] = array["body_barycentric"].astype(np.float32)
    for name in ("faces", "body_face"):
        array[name] = array[name].astype(np.int32)
    array["hidden_vertices"] = np.packbits(array["hidden_vertices"])
    array["body_vertex_count"] = np.array(len(layer.hidden_vertices))
    return array


def _layer(arrays: np.lib.npyio.NpzFile, prefix: str) -> Layer:
    read = {name: arrays[prefix + name] for name in (field.name for field in fields(Layer))}
    weights = read["skinning_weights"].astype(np.float32)
    hidden = np.unpackbits(read["hidden_vertices"], count=int(arrays[prefix + "body_vertex_count"])).astype(bool)
    layer = Layer(
        **{name: str(read[name]) for name in _TEXT_FIELDS},
        vertices=torch.from_numpy(read["vertices"]),
        shape_directions=torch.from_numpy(read["shape_directions"].astype(np.float32)),
        skinning_weights=torch.from_numpy(weights / weights.sum(1, keepdims=True)),
        faces=torch.from_numpy(read["faces"].astype(np.int64)),
        face_texcoords=torch.from_numpy(read["face_texcoords"].astype(np.float32) / _FULL_SCALE),
        texture=torch.from_numpy(read["texture"]),
        body_face=torch.from_numpy(read["body_face"].astype(np.int64)),
        body_barycentric=torch.from_numpy(read["body_barycentric"]),
        hidden_vertices=torch.from_numpy(hidden),
    )
    check_shapes(
        vertices=(layer.vertices, "V 3"), shape_directions=(layer.shape_directions, "V 3 S"),
        skinning_weights=(layer.skinning_weights, "V J"), faces=(layer.faces, "F 3"),
        face_texcoords=(layer.face_texcoords, "F 3 2"), texture=(layer.texture, "H W 3"),
        body_face=(layer.body_face, "V"), body_barycentric=(layer.body_barycentric, "V 3"),
    )  # fmt: skip
    return layer
