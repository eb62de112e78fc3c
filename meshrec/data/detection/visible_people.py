"""Which people of rendered scenes can be seen at all, where, and whether enough of them to be called people."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from meshrec.data.detection.scene_cameras import SceneCameras
from meshrec.render.packed import PackedFragments
from meshrec.structures.scene_batch import UNKNOWN_PERSON

_LEAST_SIDE_PX = 5.0  # of the longer side of the box; what is smaller is ignored
_LEAST_PIXELS = 12
_LEAST_SHARE = 0.06  # of the box that the whole person would have; a person covers about half of their box


@dataclass(frozen=True)
class VisiblePeople:
    """Those N of P people of whom any pixel is seen, in their order.

    Attributes:
        image: (N,) long.
        boxes_xyxy_px: (N, 4) around the visible pixels.
        hardly_visible: (N,) bool, to be ignored.
        number: (P,) long, what the map of people calls each: 1 + index among the N, or unknown.
    """

    image: Tensor
    boxes_xyxy_px: Tensor
    hardly_visible: Tensor
    number: Tensor

    @classmethod
    def find(
        cls,
        fragments: PackedFragments,
        left: Tensor,
        image: Tensor,
        bodies_cam: Tensor,
        offset_m: Tensor,
        cameras: SceneCameras,
    ) -> VisiblePeople:
        """Look for people.

        Args:
            fragments: of all scenes, ``image`` is the person; left: (N,) bool, which of them are not covered.
            image: (P,) long, the scene of each person.
            bodies_cam: (P, V, 3) around their origins, camera axes; offset_m: (P, 3) of these.
        """
        shown = left.nonzero()[:, 0]
        person, pixel = fragments.image.index_select(0, shown), fragments.pixel.index_select(0, shown)
        width, area = fragments.size[1], fragments.size[0] * fragments.size[1]
        row, column = (pixel % area).div(width, rounding_mode="floor"), pixel % width
        count = torch.bincount(person, minlength=len(image))
        place = torch.stack([column, row], 1).to(offset_m.dtype)
        index = person[:, None].expand(-1, 2)
        low = offset_m.new_full((len(image), 2), torch.inf).scatter_reduce(0, index, place, "amin")
        high = offset_m.new_full((len(image), 2), -torch.inf).scatter_reduce(0, index, place + 1, "amax")
        small = ((high - low).amax(1) < _LEAST_SIDE_PX) | (count < _LEAST_PIXELS)
        hidden = count < _LEAST_SHARE * _whole_area(bodies_cam, offset_m, image, cameras)
        seen = (count > 0).nonzero()[:, 0]
        name = (count > 0).cumsum(0)
        return cls(
            image.index_select(0, seen),
            torch.cat([low, high], 1).index_select(0, seen),
            (small | hidden).index_select(0, seen),
            torch.where(small | hidden, UNKNOWN_PERSON, name),
        )


def _whole_area(bodies_cam: Tensor, offset_m: Tensor, image: Tensor, cameras: SceneCameras) -> Tensor:
    """(P,) square pixels of the box around each body inside the picture, were nothing before it."""
    points = bodies_cam[:, ::4] + offset_m[:, None]
    pinhole = cameras.pinhole[image]
    points_px = (
        points[..., :2] / points[..., 2:].clamp_min(0.1) * pinhole.focal_px[:, None] + pinhole.centre_px[:, None]
    )
    limit = cameras.sizes_px.flip(1).index_select(0, image).to(points_px)
    low, high = points_px.amin(1), points_px.amax(1)
    return (torch.minimum(high, limit).clamp_min(0) - torch.minimum(low, limit).clamp_min(0)).prod(1)
