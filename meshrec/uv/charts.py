"""The 24 DensePose-style charts of the body, and the way between them and the continuous atlas."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from meshrec.assets import array_hash, asset_path, write_atomically
from meshrec.checks import check_shapes
from meshrec.errors import AssetNotFound, InvalidInput
from meshrec.structures.iuv import IuvMap
from meshrec.uv.atlas import UvAtlas
from meshrec.uv.locate import PointLocator


@dataclass(frozen=True)
class PartCharts:
    """Part and chart coordinates of every face of a body.

    The numbering is DensePose's, see ``meshrec.uv.parts``; U and V of the shipped charts are our own.
    """

    face_part: Tensor  # (F,) long, 1 to 24
    corner_uv: Tensor  # (F, 3, 2) chart coordinates of the corners, in [0, 1]
    face_is_front: Tensor  # (F,) bool, on the front half of limb, torso or head in the T-pose
    body_hash: str

    @classmethod
    def from_file(cls, path: str | Path | None = None) -> PartCharts:
        """Read charts written by ``tools/build_uv_atlas.py``; the shipped ones by default.

        Raises:
            AssetNotFound: no such file.
            InvalidInput: the file holds no charts.
        """
        path = asset_path("uv/densepose_charts.npz") if path is None else Path(path)
        if not path.exists():
            raise AssetNotFound(f"There is no file of charts {path}; tools/build_uv_atlas.py makes one.")
        try:
            with np.load(path) as arrays:
                points, faces = arrays["texcoords"].astype(np.float32), arrays["texture_faces"].astype(np.int64)
                return cls(
                    torch.from_numpy(arrays["face_part"].astype(np.int64)),
                    torch.from_numpy(points[faces]),
                    torch.from_numpy(arrays["face_is_front"].astype(bool)),
                    str(arrays["body_hash"]),
                )
        except (KeyError, ValueError, OSError, EOFError, IndexError, BadZipFile) as error:
            raise InvalidInput(f"{path} holds no charts ({error}); tools/build_uv_atlas.py makes them.") from error

    def save(self, path: str | Path) -> None:
        """Write the charts as a small npz."""
        corners = self.corner_uv.numpy().reshape(-1, 2).astype(np.float32)
        labelled = np.concatenate([corners, np.repeat(self.face_part.numpy(), 3)[:, None].astype(np.float32)], axis=1)
        unique, index = np.unique(labelled, axis=0, return_inverse=True)
        with write_atomically(path) as temporary:
            np.savez_compressed(
                temporary,
                texcoords=unique[:, :2],
                body_hash=self.body_hash,
                texture_faces=index.reshape(-1, 3).astype(np.uint16),
                face_part=self.face_part.numpy().astype(np.uint8),
                face_is_front=self.face_is_front.numpy(),
            )

    @cached_property
    def hash(self) -> str:
        """Sixteen hexadecimal digits that identify the charts."""
        return array_hash(self.face_part.numpy(), self.corner_uv.numpy())

    @cached_property
    def locator(self) -> PointLocator:
        """Finds the face at a chart coordinate; sheet p - 1 is part p."""
        return PointLocator(self.corner_uv.numpy(), self.face_part.numpy() - 1, cells=64)

    def surface_points(self, part: Tensor, uv: Tensor) -> tuple[Tensor, Tensor]:
        """Face and barycentric coordinates of chart points.

        Args:
            part: (N,) long, 1 to 24.
            uv: (N, 2) in [0, 1]; a point that its part does not reach goes to the nearest face of that part.
        Returns:
            (N,) face and (N, 3) weights.
        """
        return self.locator(uv, part - 1)


def charts_to_atlas(part: Tensor, uv: Tensor, charts: PartCharts, atlas: UvAtlas) -> IuvMap:
    """DensePose-style IUV to atlas coordinates.

    Args:
        part: (B, H, W) long, 0 background, 1 to 24.
        uv: (B, 2, H, W) chart coordinates in [0, 1].
        charts, atlas: of the same body.
    Returns:
        Mask 1 where a part is, and atlas coordinates there (0 elsewhere).
    """
    check_shapes(part=(part, "B H W"), uv=(uv, "B 2 H W"))
    atlas.check_body(charts.body_hash)
    inside = part > 0
    face, weights = charts.surface_points(part[inside], uv.permute(0, 2, 3, 1)[inside])
    return IuvMap(inside.to(uv.dtype), _scatter(_interpolate(atlas.face_texcoords, face, weights), inside), atlas.hash)


def atlas_to_charts(iuv: IuvMap, charts: PartCharts, atlas: UvAtlas) -> tuple[Tensor, Tensor]:
    """Atlas coordinates to DensePose-style IUV, where the mask is above 0.5.

    Returns:
        (B, H, W) long part, 0 background, and (B, 2, H, W) chart coordinates in [0, 1].
    """
    atlas.check_body(charts.body_hash)
    inside = iuv.mask > 0.5
    face, weights = atlas.locator(iuv.uv.permute(0, 2, 3, 1)[inside])
    part = torch.zeros_like(inside, dtype=torch.long)
    part[inside] = charts.face_part.to(face.device)[face]
    return part, _scatter(_interpolate(charts.corner_uv, face, weights), inside)


def _interpolate(corners: Tensor, face: Tensor, weights: Tensor) -> Tensor:
    return (corners.to(weights)[face] * weights[..., None]).sum(dim=1)


def _scatter(values: Tensor, inside: Tensor) -> Tensor:
    image = values.new_zeros(*inside.shape, values.shape[1])
    image[inside] = values
    return image.permute(0, 3, 1, 2).contiguous()
