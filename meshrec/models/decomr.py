"""DecoMR: a crop of a person to its mesh, through dense correspondence and a location map (CVPR 2020)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from meshrec.body.model import BodyModel
from meshrec.models.body_code import joints_from_heatmaps
from meshrec.models.correspondence_net import Correspondence, CorrespondenceNet
from meshrec.models.location_net import LocationNet
from meshrec.structures import CropBodies, IuvMap, LocationMap, WeakPerspectiveCamera
from meshrec.uv.atlas import UvAtlas
from meshrec.uv.transfer import map_to_vertices

BACKBONE_PREFIX = "correspondence_net.backbone."  # of the names in weights files that other nets start from too


@dataclass(frozen=True)
class DecoMROutput:
    """Everything that the net knows about each crop.

    Attributes:
        correspondence: IUV map, features and auxiliary predictions.
        location_map: the surface in the atlas, metres, camera axes.
        vertices: (B, V, 3) read from that map.
        camera: weak perspective of the crop.
        joints: (B, J, 3) x, y in [-1, 1] and a confidence, read from heatmaps; None for nets without.
    """

    correspondence: Correspondence
    location_map: LocationMap
    vertices: Tensor
    camera: WeakPerspectiveCamera
    joints: Tensor | None = None

    def bodies(self, body: BodyModel) -> CropBodies:
        """What any net answers; ``body`` is not needed, because the map knows the vertices."""
        found = self.correspondence.iuv
        return CropBodies(self.vertices, self.camera, found, self.location_map, joints=self.joints)


class DecoMR(nn.Module):
    """The two nets and the atlas through which they speak.

    Raises:
        ValueError: the nets are bound to another atlas.
    """

    def __init__(self, correspondence_net: CorrespondenceNet, location_net: LocationNet, atlas: UvAtlas) -> None:
        super().__init__()
        for name, net in (("correspondence net", correspondence_net), ("location net", location_net)):
            if net.atlas_hash and net.atlas_hash != atlas.hash:
                raise ValueError(f"The {name} belongs to atlas {net.atlas_hash}, but atlas {atlas.hash} was given.")
        self.correspondence_net = correspondence_net
        self.location_net = location_net
        self.atlas = atlas

    def forward(self, images: Tensor, iuv: IuvMap | None = None) -> DecoMROutput:
        """Meshes of crops.

        Args:
            images: (B, 3, H, W) RGB in [0, 1].
            iuv: see `CorrespondenceNet.forward`.
        """
        found = self.correspondence_net(images, iuv)
        joints = None if found.joint_heatmaps is None else joints_from_heatmaps(found.joint_heatmaps)
        location = self.location_net(found.iuv, found.features, found.code, joints)
        vertices = map_to_vertices(location.location_map.points, self.atlas)
        return DecoMROutput(found, location.location_map, vertices, location.camera, joints)
