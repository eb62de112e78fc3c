"""Cameras: how points in the camera frame (x right, y down, z forward, metres) land on an image."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.structures.indexing import keep_axis


@dataclass(frozen=True)
class PinholeCamera:
    """Perspective cameras without distortion.

    Attributes:
        focal_px: (B, 2) focal lengths fx, fy in pixels.
        centre_px: (B, 2) principal points in continuous pixels (the first pixel's centre is 0.5, 0.5).
        image_size: (height, width) of the image plane in pixels.
    """

    focal_px: Tensor
    centre_px: Tensor
    image_size: tuple[int, int]

    def __post_init__(self) -> None:
        check_shapes(focal_px=(self.focal_px, "B 2"), centre_px=(self.centre_px, "B 2"))

    def __len__(self) -> int:
        return self.focal_px.shape[0]

    def __getitem__(self, index) -> PinholeCamera:
        """The cameras of some images; an integer keeps the batch axis."""
        index = keep_axis(index)
        return PinholeCamera(self.focal_px[index], self.centre_px[index], self.image_size)

    def to(self, *args, **kwargs) -> PinholeCamera:
        return PinholeCamera(self.focal_px.to(*args, **kwargs), self.centre_px.to(*args, **kwargs), self.image_size)


@dataclass(frozen=True)
class WeakPerspectiveCamera:
    """Scaled orthographic cameras of square crops, as the nets predict them (HMR's s, tx, ty).

    A point lands at ``ndc = scale * (xy + translation)``, where ndc runs from -1 to 1 between the crop's edges and y
    points down.

    Attributes:
        scale: (B,) in 1 / metres.
        translation: (B, 2) in metres.
    """

    scale: Tensor
    translation: Tensor

    def __post_init__(self) -> None:
        check_shapes(scale=(self.scale, "B"), translation=(self.translation, "B 2"))

    def __len__(self) -> int:
        return self.scale.shape[0]

    def __getitem__(self, index) -> WeakPerspectiveCamera:
        """The cameras of some crops; an integer keeps the batch axis."""
        index = keep_axis(index)
        return WeakPerspectiveCamera(self.scale[index], self.translation[index])

    def to(self, *args, **kwargs) -> WeakPerspectiveCamera:
        return WeakPerspectiveCamera(self.scale.to(*args, **kwargs), self.translation.to(*args, **kwargs))

    @classmethod
    def from_vector(cls, vector: Tensor) -> WeakPerspectiveCamera:
        """From (B, 3) rows of s, tx, ty, the layout of HMR, SPIN and DecoMR."""
        check_shapes(vector=(vector, "B 3"))
        return cls(vector[:, 0], vector[:, 1:])

    def to_vector(self) -> Tensor:
        """(B, 3) rows of s, tx, ty."""
        return torch.cat([self.scale[:, None], self.translation], dim=1)
