"""Dense correspondence from image pixels to the body surface."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.structures.indexing import keep_axis


@dataclass(frozen=True)
class IuvMap:
    """Continuous IUV images: for each pixel, how likely it shows the body and where on the one-chart atlas it lies.

    Attributes:
        mask: (B, H, W) probability that the pixel shows the person, 0 to 1.
        uv: (B, 2, H, W) atlas coordinates in [0, 1]; u is a column and v a row of the location map, row 0 is v = 0.
            Meaningless where the mask is 0.
        atlas_hash: the atlas that the coordinates belong to.
    """

    mask: Tensor
    uv: Tensor
    atlas_hash: str = ""

    def __post_init__(self) -> None:
        check_shapes(mask=(self.mask, "B H W"), uv=(self.uv, "B 2 H W"))

    def __len__(self) -> int:
        return self.mask.shape[0]

    def __getitem__(self, index) -> IuvMap:
        """The maps of some images; an integer keeps the batch axis."""
        index = keep_axis(index)
        return IuvMap(self.mask[index], self.uv[index], self.atlas_hash)

    def to(self, *args, **kwargs) -> IuvMap:
        return IuvMap(self.mask.to(*args, **kwargs), self.uv.to(*args, **kwargs), self.atlas_hash)

    def detach(self) -> IuvMap:
        return IuvMap(self.mask.detach(), self.uv.detach(), self.atlas_hash)
