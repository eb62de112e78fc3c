"""DecoMR's answer to crops together with its answer to their mirror images, which errs in other places."""

from __future__ import annotations

import torch
from torch import Tensor

from meshrec.models.body_code import joints_from_heatmaps
from meshrec.models.decomr import DecoMR, DecoMROutput
from meshrec.structures import BODY30, IuvMap, LocationMap, WeakPerspectiveCamera
from meshrec.uv.transfer import map_to_vertices

_MIRROR_TOLERANCE_M = 0.005  # between texels of the rest body and of its mirror image


def can_mirror(net: DecoMR) -> bool:
    """Whether a net's answer to a mirror image can be turned back.

    Its heatmaps must be of named joints, and its atlas must hold a symmetric body symmetrically about u = 0.5, so that
    the columns of a location map can change places.
    """
    if net.correspondence_net.head.joints != len(BODY30):
        return False
    rest = net.location_net.reference_map
    return bool((_mirrored_points(rest) - rest).abs().max() < _MIRROR_TOLERANCE_M)


def answer_with_mirror(net: DecoMR, images: Tensor, iuv: IuvMap | None = None) -> DecoMROutput:
    """What a net makes of crops and of their mirror images.

    Joints are read from the sum of both distributions, which the location net is given both times; location maps and
    cameras are averaged. The correspondence of the pixels is that of the crops themselves.

    Args:
        net: one that `can_mirror`.
        images, iuv: see `DecoMR.forward`.
    """
    seen = net.correspondence_net(images, *_given(iuv))
    turned = net.correspondence_net(images.flip(-1), *_given(_mirrored_iuv(iuv)))
    joints = joints_from_heatmaps(_mean_heatmaps(seen.joint_heatmaps, turned.joint_heatmaps))
    places = net.location_net(seen.iuv, seen.features, seen.code, joints)
    turned_places = net.location_net(turned.iuv, turned.features, turned.code, _mirrored_joints(joints))
    points = 0.5 * (places.location_map.points + _mirrored_points(turned_places.location_map.points))
    camera = 0.5 * (places.camera.to_vector() + _mirrored_camera(turned_places.camera.to_vector()))
    location_map = LocationMap(points, places.location_map.atlas_hash)
    vertices = map_to_vertices(points, net.atlas)
    return DecoMROutput(seen, location_map, vertices, WeakPerspectiveCamera.from_vector(camera), joints)


def _given(iuv: IuvMap | None) -> tuple[IuvMap, ...]:
    return () if iuv is None else (iuv,)


def _mirrored_iuv(iuv: IuvMap | None) -> IuvMap | None:
    if iuv is None:
        return None
    uv = iuv.uv.flip(-1)
    return IuvMap(iuv.mask.flip(-1), torch.cat([1 - uv[:, :1], uv[:, 1:]], dim=1), iuv.atlas_hash)


def _mean_heatmaps(heatmaps: Tensor, turned: Tensor) -> Tensor:
    """Logits (B, J, h, w) of the mean of two distributions, the second one in a mirror."""
    turned = turned.flip(-1)[:, list(BODY30.mirror)]
    both = torch.stack([heatmaps, turned]).float().flatten(3).log_softmax(dim=-1)
    return both.logsumexp(dim=0).view_as(heatmaps)


def _mirrored_joints(joints: Tensor) -> Tensor:
    """Joints (B, J, 3) of x, y and confidence as the mirror shows them."""
    return joints[:, list(BODY30.mirror)] * joints.new_tensor([-1.0, 1.0, 1.0])


def _mirrored_points(points: Tensor) -> Tensor:
    """Location maps (..., 3, R, R) of mirrored bodies."""
    return points.flip(-1) * points.new_tensor([-1.0, 1.0, 1.0])[:, None, None]


def _mirrored_camera(camera: Tensor) -> Tensor:
    """Scale and translation (B, 3)."""
    return camera * camera.new_tensor([1.0, -1.0, 1.0])
