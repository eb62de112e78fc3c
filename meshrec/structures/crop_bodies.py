"""What any net makes of a batch of crops: bodies under the crops' own cameras, whichever way it found them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from meshrec.checks import check_shapes
from meshrec.structures.body import BodyParams
from meshrec.structures.camera import WeakPerspectiveCamera
from meshrec.structures.iuv import IuvMap
from meshrec.structures.location_map import LocationMap


@dataclass(frozen=True)
class CropBodies:
    """One body per square crop.

    Attributes:
        vertices: (B, V, 3) metres, body origin, camera axes.
        camera: weak perspective of the crops.
        iuv: correspondence of the crops, of methods that find it.
        location_map: the surface in the atlas, of methods that have one.
        params: shape and pose, of methods that regress them.
        joints: (B, 30, 3) Body-30 joints as they were seen in the crops, apart from the bodies, of methods that look
            for them: x, y in [-1, 1] between the crop's edges, and a confidence of 0 to 1.
    """

    vertices: Tensor
    camera: WeakPerspectiveCamera
    iuv: IuvMap | None = None
    location_map: LocationMap | None = None
    params: BodyParams | None = None
    joints: Tensor | None = None

    def __post_init__(self) -> None:
        check_shapes(vertices=(self.vertices, "B V 3"))

    def to(self, *args, **kwargs) -> CropBodies:
        """The same on another device or in another precision."""
        values = (self.vertices, self.camera, self.iuv, self.location_map, self.params, self.joints)
        return CropBodies(*(None if value is None else value.to(*args, **kwargs) for value in values))
