"""DecoMR's answer to crops from several looks: at their mirror images, nearer and from farther, which err elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from meshrec.models.body_code import joints_from_heatmaps
from meshrec.models.correspondence_net import Correspondence
from meshrec.models.decomr import DecoMR, DecoMROutput
from meshrec.structures import BODY30, IuvMap, LocationMap, WeakPerspectiveCamera
from meshrec.uv.transfer import map_to_vertices

_MIRROR_TOLERANCE_M = 0.005  # between texels of the rest body and of its mirror image


@dataclass(frozen=True)
class Look:
    """A way to look at a crop: at more or less of it about its middle, black around it, and perhaps in a mirror."""

    sides: float = 1.0
    mirrored: bool = False

    def at(self, crops: Tensor) -> Tensor:
        """What of crops (B, C, H, W) is seen, in the same number of pixels."""
        crops = _about_the_middle(crops, self.sides)
        return crops.flip(-1) if self.mirrored else crops

    def undo(self, maps: Tensor) -> Tensor:
        """Maps (B, C, h, w) of what was seen, laid on the crop again; zero where it was not seen."""
        return _about_the_middle(maps.flip(-1) if self.mirrored else maps, 1 / self.sides)


# Joints found on photos_dev by a light net in training: 0.758 with the crop and its mirror image, 0.770 with these two
# looks more, 0.774 with four more.
_FURTHER_LOOKS = (Look(0.88), Look(1.2, mirrored=True))


def can_mirror(net: DecoMR) -> bool:
    """Whether a net's answer to a mirror image can be turned back.

    Its heatmaps must be of named joints, and its atlas must hold a symmetric body symmetrically about u = 0.5, so that
    the columns of a location map can change places.
    """
    if net.correspondence_net.head.joints != len(BODY30):
        return False
    rest = net.location_net.reference_map
    return bool((_mirrored_points(rest) - rest).abs().max() < _MIRROR_TOLERANCE_M)


def answer_from_looks(net: DecoMR, images: Tensor, iuv: IuvMap | None = None) -> DecoMROutput:
    """What a net makes of crops after several looks.

    Joints are read from the sum of all looks' distributions, and the mask is the mean of theirs. Location maps and
    cameras are the mean of two: of the crop and of its mirror image, both of which are given those joints. Coordinates
    of pixels are those of the crop itself. A net that is told what somebody else found looks at these two alone.

    Args:
        net: one that `can_mirror`.
        images, iuv: see `DecoMR.forward`.
    """
    plain, mirror = Look(), Look(mirrored=True)
    seen = net.correspondence_net(images, *_given(iuv))
    turned = net.correspondence_net(mirror.at(images), *_given(_mirrored_iuv(iuv)))
    looks = [(plain, seen), (mirror, turned)]
    if iuv is None:
        looks += [(look, net.correspondence_net(look.at(images))) for look in _FURTHER_LOOKS]
    joints = joints_from_heatmaps(_mean_heatmaps(looks))
    places = net.location_net(seen.iuv, seen.features, seen.code, joints)
    turned_places = net.location_net(turned.iuv, turned.features, turned.code, _mirrored_joints(joints))
    points = 0.5 * (places.location_map.points + _mirrored_points(turned_places.location_map.points))
    camera = 0.5 * (places.camera.to_vector() + _mirrored_camera(turned_places.camera.to_vector()))
    location_map = LocationMap(points, places.location_map.atlas_hash)
    vertices = map_to_vertices(points, net.atlas)
    seen = replace(seen, iuv=replace(seen.iuv, mask=_mean_mask(looks)))
    return DecoMROutput(seen, location_map, vertices, WeakPerspectiveCamera.from_vector(camera), joints)


def _given(iuv: IuvMap | None) -> tuple[IuvMap, ...]:
    return () if iuv is None else (iuv,)


def _about_the_middle(maps: Tensor, sides: float) -> Tensor:
    """The square about the middle of maps (B, C, H, W) whose side is so many of theirs, in as many pixels."""
    if sides == 1:
        return maps
    scale = torch.eye(2, 3, device=maps.device, dtype=maps.dtype) * sides
    grid = F.affine_grid(scale.expand(len(maps), 2, 3), list(maps.shape), align_corners=False)
    return F.grid_sample(maps, grid, align_corners=False)


def _mirrored_iuv(iuv: IuvMap | None) -> IuvMap | None:
    if iuv is None:
        return None
    uv = iuv.uv.flip(-1)
    return IuvMap(iuv.mask.flip(-1), torch.cat([1 - uv[:, :1], uv[:, 1:]], dim=1), iuv.atlas_hash)


def _mean_heatmaps(looks: list[tuple[Look, Correspondence]]) -> Tensor:
    """Logits (B, J, h, w) of the mean of the looks' distributions, in the crop and under the joints' own names."""
    total = 0.0
    for look, found in looks:
        heatmaps = found.joint_heatmaps.float()
        share = look.undo(heatmaps.flatten(2).softmax(-1).view_as(heatmaps))
        total = total + (share[:, list(BODY30.mirror)] if look.mirrored else share)
    return total.clamp_min(torch.finfo(torch.float32).tiny).log()


def _mean_mask(looks: list[tuple[Look, Correspondence]]) -> Tensor:
    """Mask probabilities (B, h, w), the mean of those looks that saw a pixel."""
    masks = torch.stack([look.undo(found.iuv.mask[:, None].float()) for look, found in looks])
    seen = torch.stack([look.undo(torch.ones_like(masks[0, :1])).expand_as(masks[0]) for look, _ in looks])
    return (masks.sum(0) / seen.sum(0))[:, 0]


def _mirrored_joints(joints: Tensor) -> Tensor:
    """Joints (B, J, 3) of x, y and confidence as the mirror shows them."""
    return joints[:, list(BODY30.mirror)] * joints.new_tensor([-1.0, 1.0, 1.0])


def _mirrored_points(points: Tensor) -> Tensor:
    """Location maps (..., 3, R, R) of mirrored bodies."""
    return points.flip(-1) * points.new_tensor([-1.0, 1.0, 1.0])[:, None, None]


def _mirrored_camera(camera: Tensor) -> Tensor:
    """Scale and translation (B, 3)."""
    return camera * camera.new_tensor([1.0, -1.0, 1.0])
