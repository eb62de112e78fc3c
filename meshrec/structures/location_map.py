"""The body as an image: a texture whose texels are 3D points."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.structures.indexing import keep_axis


@dataclass(frozen=True)
class LocationMap:
    """Location maps (DecoMR, section 3.2): texel (row, column) of the atlas holds the point of the surface there.

    Attributes:
        points: (B, 3, R, R) in metres, body origin, axes of the camera frame (x right, y down, z forward).
        atlas_hash: the atlas that lays out the surface.
    """

    points: Tensor
    atlas_hash: str = ""

    def __post_init__(self) -> None:
        check_shapes(points=(self.points, "B 3 R R"))

    def __len__(self) -> int:
        return self.points.shape[0]

    @property
    def resolution(self) -> int:
        """Texels per side."""
        return self.points.shape[-1]

    def __getitem__(self, index) -> LocationMap:
        """The maps of some bodies; an integer keeps the batch axis."""
        index = keep_axis(index)
        return LocationMap(self.points[index], self.atlas_hash)

    def to(self, *args, **kwargs) -> LocationMap:
        return LocationMap(self.points.to(*args, **kwargs), self.atlas_hash)
