"""The continuous atlas: one chart that holds the whole body, and what each texel of a location map stands for.

Texture coordinates lie in [0, 1]. Row 0 of a map is v = 0 and maps are corner-aligned: texel (row i, column j) of an
R x R map lies at u = j / (R - 1), v = i / (R - 1). On the shipped atlas the head is at small v and the person's left at
large u, so that a map looks upright when its rows are drawn from the top.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from meshrec.assets import array_hash, asset_path, write_atomically
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.uv.locate import PointLocator, cover_grid
from meshrec.uv.seam import extend_over_seam


@dataclass(frozen=True)
class TexelTable:
    """What each texel of an R x R location map holds: a point on one triangle of the body.

    Texels just outside the chart extend it (their barycentric coordinates may leave [0, 1]), so that bilinear reading
    along the seams finds no hole.
    """

    vertex_index: Tensor  # (R, R, 3) long, vertices of the triangle; 0 where mask is False
    barycentric: Tensor  # (R, R, 3) their weights, summing to 1; 0 where mask is False
    mask: Tensor  # (R, R) bool, the texel carries a value
    covered: Tensor  # (R, R) bool, the texel lies inside the chart; False on the seam extension
    atlas_hash: str

    @property
    def resolution(self) -> int:
        """Texels along one side."""
        return self.mask.shape[-1]

    def to(self, device: torch.device | str) -> TexelTable:
        """The same table on another device."""
        return TexelTable(
            self.vertex_index.to(device),
            self.barycentric.to(device),
            self.mask.to(device),
            self.covered.to(device),
            self.atlas_hash,
        )


@dataclass(frozen=True)
class UvAtlas:
    """Texture coordinates of a body mesh."""

    texcoords: Tensor  # (T, 2) u, v in [0, 1]
    texture_faces: Tensor  # (F, 3) long, into texcoords
    texture_to_vertex: Tensor  # (T,) long, the body vertex of each texture vertex
    body_hash: str | None  # hash of the body it was built for; None for an atlas of a mesh without that record

    @classmethod
    def from_file(cls, path: str | Path | None = None) -> UvAtlas:
        """Read an atlas written by ``tools/build_uv_atlas.py``; the shipped one by default.

        Raises:
            AssetNotFound: no such file.
            InvalidInput: the file is no atlas, or its content does not match its own hash.
        """
        path = asset_path("uv/meshrec_atlas.npz") if path is None else Path(path)
        if not path.exists():
            raise AssetNotFound(f"There is no atlas file {path}; tools/build_uv_atlas.py makes one.")
        try:
            with np.load(path) as arrays:
                atlas = cls(
                    torch.from_numpy(arrays["texcoords"].astype(np.float32)),
                    torch.from_numpy(arrays["texture_faces"].astype(np.int64)),
                    torch.from_numpy(arrays["texture_to_vertex"].astype(np.int64)),
                    str(arrays["body_hash"]) or None,
                )
                recorded = str(arrays["atlas_hash"])
        except (KeyError, ValueError, OSError, EOFError, BadZipFile) as error:
            raise InvalidInput(
                f"{path} is not a meshrec atlas ({error}); tools/build_uv_atlas.py makes one."
            ) from error
        if recorded != atlas.hash:
            raise InvalidInput(f"{path} is damaged: its content has hash {atlas.hash}, it says {recorded}.")
        return atlas

    def save(self, path: str | Path) -> None:
        """Write the atlas as a small npz."""
        index_type = np.min_scalar_type(len(self.texcoords))
        with write_atomically(path) as temporary:
            np.savez_compressed(
                temporary,
                texcoords=self.texcoords.numpy().astype(np.float32),
                texture_faces=self.texture_faces.numpy().astype(index_type),
                texture_to_vertex=self.texture_to_vertex.numpy().astype(index_type),
                body_hash=self.body_hash or "",
                atlas_hash=self.hash,
            )

    @cached_property
    def hash(self) -> str:
        """Sixteen hexadecimal digits that identify the atlas; networks are keyed to it."""
        return array_hash(
            self.texcoords.cpu().numpy(), self.texture_faces.cpu().numpy(), self.texture_to_vertex.cpu().numpy()
        )

    @cached_property
    def faces(self) -> Tensor:
        """(F, 3) faces over body vertices, in the body's order."""
        return self.texture_to_vertex[self.texture_faces]

    @cached_property
    def face_texcoords(self) -> Tensor:
        """(F, 3, 2) texture coordinates of the corners of each face."""
        return self.texcoords[self.texture_faces]

    @cached_property
    def copies(self) -> Tensor:
        """(V,) how many texture vertices each body vertex has; more than one on the seam."""
        return torch.bincount(self.texture_to_vertex, minlength=int(self.texture_to_vertex.max()) + 1)

    @cached_property
    def locator(self) -> PointLocator:
        """Finds the face at any texture coordinate; points off the chart go to the nearest face."""
        return PointLocator(self.face_texcoords.cpu().numpy(), cells=256)

    def check_body(self, body_hash: str) -> None:
        """Raise InvalidInput when the atlas was built for another body."""
        if self.body_hash is not None and self.body_hash != body_hash:
            raise InvalidInput(
                f"This atlas belongs to body {self.body_hash}, not to body {body_hash}; build one for "
                "that body with tools/build_uv_atlas.py."
            )

    def texels(self, resolution: int) -> TexelTable:
        """The texel table of an R x R location map.

        Where the chart does not reach, the four texels around each seam vertex extend it, nearest texel first, as the
        published map does (DecoMR); unlike there the triangle beside the seam is continued, not its corner repeated,
        which lowers the error on the seam by about a fifth.
        """
        corners = self.face_texcoords.cpu().double().numpy()
        face, weights = cover_grid(corners, resolution)
        covered = face >= 0
        extend_over_seam(face, weights, self.texcoords.cpu().double().numpy(), self.texture_faces.cpu().numpy())
        mask = face >= 0
        vertex_index = np.where(mask[..., None], self.faces.cpu().numpy()[face], 0)
        device = self.texcoords.device
        return TexelTable(
            torch.from_numpy(vertex_index).to(device),
            torch.from_numpy(weights).float().to(device),
            torch.from_numpy(mask).to(device),
            torch.from_numpy(covered).to(device),
            self.hash,
        )
